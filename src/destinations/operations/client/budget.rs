//! Jira's hourly points: counts what this process spends, so that it does not exceed the quota unawares.
//!
//! A request costs 1 point, a read 1 more for the object it returns; the count starts again at the full UTC
//! hour ("Rate limiting" of Jira Cloud, October 2026). Never waits itself: it says until when to wait.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DurationRound, TimeDelta};
use reqwest::Method;

use super::endpoint::Endpoint;
use crate::clock::Clock;
use crate::destinations::Quotas;
use crate::domain::{Shift, Timestamp};

/// What was spent in the current hour.
#[derive(Debug)]
pub struct Budget {
    clock: Clock,
    quotas: Quotas,
    spent: Mutex<Spent>,
}

#[derive(Debug, Default)]
struct Spent {
    hour: Timestamp,
    app: u64,
    sites: HashMap<String, u64>,
}

/// Which pool is used up, and when it is filled again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UsedUp {
    pub until: Timestamp,
    pub whole_app: bool,
}

impl Budget {
    #[must_use]
    pub fn new(clock: &Clock, quotas: Quotas) -> Self {
        Self { clock: clock.clone(), quotas, spent: Mutex::default() }
    }

    /// Spends the points of one request.
    pub(super) fn spend(&self, site: &str, endpoint: Endpoint) -> Result<(), UsedUp> {
        let cost = if endpoint.method() == Method::GET { 2 } else { 1 };
        self.with_spent(|spent, hour| {
            let of_site = spent.sites.get(site).copied().unwrap_or(0);
            let until = hour.later_by(TimeDelta::hours(1));
            if self.quotas.app.is_some_and(|quota| spent.app.saturating_add(cost) > quota) {
                return Err(UsedUp { until, whole_app: true });
            }
            if self.quotas.site.is_some_and(|quota| of_site.saturating_add(cost) > quota) {
                return Err(UsedUp { until, whole_app: false });
            }
            spent.app = spent.app.saturating_add(cost);
            spent.sites.insert(site.to_owned(), of_site.saturating_add(cost));
            Ok(())
        })
    }

    /// Whether under 20 % of a pool is left, which is when Jira itself begins to warn.
    #[must_use]
    pub fn is_near(&self, site: &str) -> bool {
        let near = |spent: u64, quota: Option<u64>| {
            quota.is_some_and(|quota| spent.saturating_mul(5) >= quota.saturating_mul(4))
        };
        self.with_spent(|spent, _| {
            near(spent.app, self.quotas.app)
                || near(spent.sites.get(site).copied().unwrap_or(0), self.quotas.site)
        })
    }

    fn with_spent<T>(&self, act: impl FnOnce(&mut Spent, Timestamp) -> T) -> T {
        let now = self.clock.now();
        let hour = now.duration_trunc(TimeDelta::hours(1)).unwrap_or(now);
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        if spent.hour != hour {
            *spent = Spent { hour, ..Spent::default() };
        }
        act(&mut spent, hour)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{EntityKind, parse_timestamp};

    const READ: Endpoint = Endpoint::Find(EntityKind::Incident);

    fn budget(app: Option<u64>, site: Option<u64>) -> (Clock, Budget) {
        let clock = Clock::manual(parse_timestamp("2026-04-03T09:12:00Z").unwrap());
        let budget = Budget::new(&clock, Quotas { app, site });
        (clock, budget)
    }

    #[test]
    fn a_used_up_pool_is_full_again_at_the_next_full_hour() {
        let (clock, budget) = budget(Some(10), None);
        for _ in 0..5 {
            budget.spend("a", READ).unwrap();
        }
        let used_up = budget.spend("b", Endpoint::LinkWorkspaces).unwrap_err();
        assert_eq!(Some(used_up.until), parse_timestamp("2026-04-03T10:00:00Z"));
        assert!(used_up.whole_app);
        clock.advance(TimeDelta::minutes(48));
        assert!(budget.spend("b", READ).is_ok() && !budget.is_near("b"));
    }

    #[test]
    fn a_site_that_spends_its_own_pool_leaves_the_others_theirs() {
        let (_, budget) = budget(None, Some(4));
        assert!(budget.spend("a", READ).is_ok() && budget.spend("a", READ).is_ok());
        assert!(!budget.spend("a", READ).unwrap_err().whole_app);
        assert!(budget.is_near("a") && !budget.is_near("b") && budget.spend("b", READ).is_ok());
    }

    #[test]
    fn without_quotas_nothing_is_held_back() {
        let (_, budget) = budget(None, None);
        assert!((0..100_000).all(|_| budget.spend("a", READ).is_ok()) && !budget.is_near("a"));
    }
}
