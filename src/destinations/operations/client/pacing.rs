//! Stays below Jira's burst limits and hourly quotas.
//!
//! One token bucket per site, endpoint and method, with the documented sizes. Never waits: it says when the
//! next request may go.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use governor::clock::Clock as GovernorClock;
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use reqwest::Method;

use super::budget::Budget;
use super::endpoint::Endpoint;
use crate::clock::Clock;
use crate::destinations::{Quotas, SharedPoints};
use crate::domain::{Shift, Timestamp};

/// Requests per second and bucket size for `GET` and `POST` ("Rate limiting" of Jira Cloud, October 2026).
const READS_AND_POSTS: NonZeroU32 = NonZeroU32::new(100).unwrap();

/// The same for `PUT` and `DELETE`.
const DELETES: NonZeroU32 = NonZeroU32::new(50).unwrap();

/// Requests after which full buckets are forgotten, at the least.
const TIDY_AFTER: usize = 1024;

type Key = (String, Endpoint);
type Buckets = RateLimiter<Key, HashMapStateStore<Key>, PacingClock, NoOpMiddleware<Duration>>;

/// The buckets of all sites; share one between all clients of the process.
pub struct Pacing {
    clock: Clock,
    reads_and_posts: Buckets,
    deletes: Buckets,
    /// Requests since full buckets were last forgotten.
    since_tidy: AtomicUsize,
    pub(super) budget: Budget,
}

impl Pacing {
    /// Burst limits without hourly quotas.
    #[must_use]
    pub fn new(clock: &Clock) -> Self {
        Self::with_quotas(clock, Quotas::default(), None)
    }

    #[must_use]
    pub fn with_quotas(clock: &Clock, quotas: Quotas, points: Option<Arc<dyn SharedPoints>>) -> Self {
        let buckets = |size| {
            let quota = Quota::per_second(size);
            RateLimiter::new(quota, HashMapStateStore::default(), PacingClock(clock.clone()))
        };
        Self {
            clock: clock.clone(),
            reads_and_posts: buckets(READS_AND_POSTS),
            deletes: buckets(DELETES),
            since_tidy: AtomicUsize::new(0),
            budget: Budget::new(clock, quotas, points),
        }
    }

    /// Forgets buckets that are full again, as those of sites that were removed. Each round costs as much as there are
    /// buckets, so there is one after as many requests.
    fn tidy(&self) {
        let kept = self.reads_and_posts.len().saturating_add(self.deletes.len());
        if self.since_tidy.fetch_add(1, Ordering::Relaxed) < kept.max(TIDY_AFTER) {
            return;
        }
        self.since_tidy.store(0, Ordering::Relaxed);
        for buckets in [&self.reads_and_posts, &self.deletes] {
            buckets.retain_recent();
            buckets.shrink_to_fit();
        }
    }

    /// Takes a token for one request to `site`.
    ///
    /// # Errors
    /// The instant from which there will be one, when the bucket is empty.
    pub fn take(&self, site: &str, endpoint: Endpoint) -> Result<(), Timestamp> {
        self.tidy();
        let buckets = match endpoint.method() {
            Method::DELETE => &self.deletes,
            _ => &self.reads_and_posts,
        };
        buckets.check_key(&(site.to_owned(), endpoint)).map_err(|refused| {
            let wait = refused.wait_time_from(PacingClock(self.clock.clone()).now());
            // The clock ticks in milliseconds: the next one is the first at which the token is there.
            let wait = TimeDelta::from_std(wait).unwrap_or_default();
            self.clock.now().later_by(wait).later_by(TimeDelta::milliseconds(1))
        })
    }
}

/// The injected clock in governor's terms. A clock that is set back must not empty the buckets, so this is
/// the time since its start.
#[derive(Debug, Clone)]
struct PacingClock(Clock);

impl GovernorClock for PacingClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{EntityKind, parse_timestamp};

    const SITE: &str = "acme.atlassian.net";

    fn setup() -> (Clock, Pacing) {
        let clock = Clock::manual(parse_timestamp("2026-04-03T09:12:00Z").unwrap());
        let pacing = Pacing::new(&clock);
        (clock, pacing)
    }

    fn take_all(pacing: &Pacing, endpoint: Endpoint) -> usize {
        (0..1000).take_while(|_| pacing.take(SITE, endpoint).is_ok()).count()
    }

    #[test]
    fn buckets_have_the_documented_sizes() {
        let (_, pacing) = setup();
        assert_eq!(take_all(&pacing, Endpoint::Find(EntityKind::Incident)), 100);
        assert_eq!(take_all(&pacing, Endpoint::LinkWorkspaces), 100);
        assert_eq!(take_all(&pacing, Endpoint::Delete(EntityKind::Incident)), 50);
    }

    #[test]
    fn endpoints_and_sites_do_not_share_a_bucket() {
        let (_, pacing) = setup();
        take_all(&pacing, Endpoint::Find(EntityKind::Incident));
        assert!(pacing.take(SITE, Endpoint::Find(EntityKind::Review)).is_ok());
        assert!(pacing.take("other.atlassian.net", Endpoint::Find(EntityKind::Incident)).is_ok());
    }

    #[test]
    fn an_empty_bucket_names_the_instant_of_the_next_token() {
        let (clock, pacing) = setup();
        let endpoint = Endpoint::Find(EntityKind::Incident);
        take_all(&pacing, endpoint);
        let ready = pacing.take(SITE, endpoint).unwrap_err();
        assert_eq!(ready - clock.now(), TimeDelta::milliseconds(11));
        clock.advance(TimeDelta::milliseconds(9));
        assert!(pacing.take(SITE, endpoint).is_err());
        clock.advance(TimeDelta::milliseconds(2));
        assert!(pacing.take(SITE, endpoint).is_ok());
    }

    #[test]
    fn the_buckets_of_sites_that_are_gone_are_forgotten() {
        let (clock, pacing) = setup();
        let endpoint = Endpoint::Find(EntityKind::Incident);
        let kept = || pacing.reads_and_posts.len();
        for n in 0..5_000 {
            pacing.take(&format!("site-{n}.atlassian.net"), endpoint).unwrap();
        }
        assert_eq!(kept(), 5_000, "all of them are in use");
        clock.advance(TimeDelta::minutes(1));
        for _ in 0..100 {
            take_all(&pacing, endpoint);
            clock.advance(TimeDelta::seconds(1));
        }
        assert_eq!(kept(), 1);
    }

    #[test]
    fn a_clock_that_is_set_fills_and_empties_no_bucket() {
        let (clock, pacing) = setup();
        let endpoint = Endpoint::Find(EntityKind::Incident);
        for hours in [1, -1] {
            take_all(&pacing, endpoint);
            clock.set(TimeDelta::hours(hours));
            let ready = pacing.take(SITE, endpoint).unwrap_err();
            assert_eq!(ready - clock.now(), TimeDelta::milliseconds(11));
            clock.advance(TimeDelta::seconds(1));
            assert_eq!(take_all(&pacing, endpoint), 100);
        }
    }
}
