//! Jira's hourly points: counts what the bridge spends, so that it does not exceed the quota unawares.
//!
//! A request costs 1 point, a read 1 more for the object it returns; the count starts again at the full UTC
//! hour ("Rate limiting" of Jira Cloud, October 2026). Processes share the points, and each takes some at once. Never
//! waits itself: it says until when to wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DurationRound, TimeDelta};
use reqwest::Method;

use super::endpoint::Endpoint;
use crate::clock::Clock;
use crate::destinations::{Quotas, SharedPoints};
use crate::domain::{Shift, Timestamp};

/// Of a quota, this share is taken at once, and at most so many points.
const SHARE: u64 = 100;
const MOST_AT_ONCE: u64 = 500;

/// What was spent in the current hour.
#[derive(Debug)]
pub struct Budget {
    clock: Clock,
    quotas: Quotas,
    points: Option<Arc<dyn SharedPoints>>,
    spent: Mutex<Spent>,
}

#[derive(Debug, Default)]
struct Spent {
    hour: Timestamp,
    pools: HashMap<String, Pool>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Pool {
    /// Taken by this process and not used yet.
    left: u64,
    /// Taken by all processes, as far as this one knows.
    taken: u64,
}

/// Which pool is used up, and when it is filled again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UsedUp {
    pub until: Timestamp,
    pub whole_app: bool,
}

impl Budget {
    #[must_use]
    pub fn new(clock: &Clock, quotas: Quotas, points: Option<Arc<dyn SharedPoints>>) -> Self {
        Self { clock: clock.clone(), quotas, points, spent: Mutex::default() }
    }

    /// Spends the points of one request.
    pub(super) async fn spend(&self, site: &str, endpoint: Endpoint) -> Result<(), UsedUp> {
        let cost = if endpoint.method() == Method::GET { 2 } else { 1 };
        let (hour, of_site) = (self.hour(), pool_of(site));
        let until = hour.later_by(TimeDelta::hours(1));
        if !self.take(APP, hour, cost, self.quotas.app).await {
            return Err(UsedUp { until, whole_app: true });
        }
        if !self.take(&of_site, hour, cost, self.quotas.site).await {
            self.with_pool(APP, hour, |pool| pool.left = pool.left.saturating_add(cost));
            return Err(UsedUp { until, whole_app: false });
        }
        Ok(())
    }

    /// When the pools are filled again, if under 20 % of one is left, which is when Jira itself begins to warn.
    #[must_use]
    pub fn near_until(&self, site: &str) -> Option<Timestamp> {
        let hour = self.hour();
        let near = |name: &str, quota: Option<u64>| {
            let spent = self.with_pool(name, hour, |pool| pool.taken.saturating_sub(pool.left));
            quota.is_some_and(|quota| spent.saturating_mul(5) >= quota.saturating_mul(4))
        };
        let is_near = near(APP, self.quotas.app) || near(&pool_of(site), self.quotas.site);
        is_near.then(|| hour.later_by(TimeDelta::hours(1)))
    }

    /// Returns whether the points were there.
    async fn take(&self, name: &str, hour: Timestamp, cost: u64, quota: Option<u64>) -> bool {
        let Some(quota) = quota else { return true };
        let spend = |pool: &mut Pool| {
            let left = pool.left.checked_sub(cost);
            pool.left = left.unwrap_or(pool.left);
            left.is_some()
        };
        if self.with_pool(name, hour, spend) {
            return true;
        }
        for points in [(quota / SHARE).clamp(cost, MOST_AT_ONCE), cost] {
            let answer = match &self.points {
                Some(shared) => shared.take(name, hour, points, quota).await,
                None => None,
            };
            let taken = self.with_pool(name, hour, |pool| {
                let alone = pool.taken.saturating_add(points);
                // Nobody knows what others spend: Jira's warnings tell.
                let (granted, taken) = answer.unwrap_or((alone <= quota, alone.min(quota)));
                pool.taken = taken;
                if granted {
                    pool.left = pool.left.saturating_add(points);
                }
                spend(pool)
            });
            if taken {
                return true;
            }
        }
        false
    }

    fn hour(&self) -> Timestamp {
        let now = self.clock.now();
        now.duration_trunc(TimeDelta::hours(1)).unwrap_or(now)
    }

    fn with_pool<T>(&self, name: &str, hour: Timestamp, act: impl FnOnce(&mut Pool) -> T) -> T {
        let mut spent: MutexGuard<'_, Spent> = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        if spent.hour != hour {
            *spent = Spent { hour, ..Spent::default() };
        }
        act(spent.pools.entry(name.to_owned()).or_default())
    }
}

/// The pool of the whole app.
const APP: &str = "app";

fn pool_of(site: &str) -> String {
    format!("site {site}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{EntityKind, parse_timestamp};

    const READ: Endpoint = Endpoint::Find(EntityKind::Incident);

    fn budget(app: Option<u64>, site: Option<u64>) -> (Clock, Budget) {
        let clock = Clock::manual(parse_timestamp("2026-04-03T09:12:00Z").unwrap());
        let budget = Budget::new(&clock, Quotas { app, site }, None);
        (clock, budget)
    }

    #[tokio::test]
    async fn a_used_up_pool_is_full_again_at_the_next_full_hour() {
        let (clock, budget) = budget(Some(10), None);
        for _ in 0..5 {
            budget.spend("a", READ).await.unwrap();
        }
        let used_up = budget.spend("b", Endpoint::LinkWorkspaces).await.unwrap_err();
        assert_eq!(Some(used_up.until), parse_timestamp("2026-04-03T10:00:00Z"));
        assert!(used_up.whole_app);
        clock.advance(TimeDelta::minutes(48));
        assert!(budget.spend("b", READ).await.is_ok() && budget.near_until("b").is_none());
    }

    #[tokio::test]
    async fn a_site_that_spends_its_own_pool_leaves_the_others_theirs() {
        let (_, budget) = budget(None, Some(4));
        assert!(budget.spend("a", READ).await.is_ok() && budget.spend("a", READ).await.is_ok());
        assert!(!budget.spend("a", READ).await.unwrap_err().whole_app);
        assert_eq!(budget.near_until("a"), parse_timestamp("2026-04-03T10:00:00Z"));
        assert!(budget.near_until("b").is_none() && budget.spend("b", READ).await.is_ok());
    }

    #[tokio::test]
    async fn without_quotas_nothing_is_held_back() {
        let (_, budget) = budget(None, None);
        for _ in 0..10_000 {
            budget.spend("a", READ).await.unwrap();
        }
        assert!(budget.near_until("a").is_none());
    }

    /// What all processes have taken.
    #[derive(Debug, Default)]
    struct Shared(Mutex<u64>);

    #[async_trait::async_trait]
    impl SharedPoints for Shared {
        async fn take(&self, _: &str, _: Timestamp, points: u64, quota: u64) -> Option<(bool, u64)> {
            let mut taken = self.0.lock().unwrap();
            let granted = *taken + points <= quota;
            *taken += if granted { points } else { 0 };
            Some((granted, *taken))
        }
    }

    #[tokio::test]
    async fn two_processes_spend_no_more_than_one_may() {
        let (clock, _) = budget(None, None);
        for quota in [60, 65_000] {
            let (shared, mut spent) = (Arc::<Shared>::default(), 0);
            let quotas = Quotas { app: Some(quota), site: None };
            let open = || Budget::new(&clock, quotas, Some(shared.clone()));
            let (one, two) = (open(), open());
            for nth in 0..quota * 2 {
                let budget = if nth % 3 == 0 { &one } else { &two };
                spent += u64::from(budget.spend("a", Endpoint::LinkWorkspaces).await.is_ok());
            }
            assert!(spent <= quota && spent * 10 >= quota * 9, "{spent} of {quota}");
            assert!(one.near_until("a").is_some() && two.near_until("a").is_some());
        }
    }
}
