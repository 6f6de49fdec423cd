//! The only place that asks the operating system for the time, for randomness, or for an id.
//!
//! Everything else receives a [`Clock`], so that a test can move time by hand and a retry, a lease or a
//! token's expiry is checked without waiting for it. Must not know anything about the rest of the program.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};

/// An instant in UTC. Stored as milliseconds since the Unix epoch.
pub type Timestamp = DateTime<Utc>;

/// Where instants, ids and random numbers come from. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Inner>);

#[derive(Debug)]
enum Inner {
    System { start: Instant },
    Manual { now_ms: AtomicI64, elapsed_ms: AtomicU64, ids: AtomicU64 },
}

impl Clock {
    /// The operating system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Arc::new(Inner::System { start: Instant::now() }))
    }

    /// A clock that stands still until [`Clock::advance`] moves it.
    #[must_use]
    pub fn manual(start: Timestamp) -> Self {
        Self(Arc::new(Inner::Manual {
            now_ms: AtomicI64::new(start.timestamp_millis()),
            elapsed_ms: AtomicU64::new(0),
            ids: AtomicU64::new(0),
        }))
    }

    /// Now, truncated to whole milliseconds, which is what the store keeps.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        from_millis(self.now_ms())
    }

    /// Now in milliseconds since the Unix epoch.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        match &*self.0 {
            #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
            Inner::System { .. } => Utc::now().timestamp_millis(),
            Inner::Manual { now_ms, .. } => now_ms.load(Ordering::SeqCst),
        }
    }

    /// Time since this clock was made. Unaffected when the system's clock is set.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        match &*self.0 {
            Inner::System { start } => start.elapsed(),
            Inner::Manual { elapsed_ms, .. } => Duration::from_millis(elapsed_ms.load(Ordering::SeqCst)),
        }
    }

    /// Lets time pass on a manual clock. Has no effect on the system's clock.
    pub fn advance(&self, by: chrono::TimeDelta) {
        if let Inner::Manual { elapsed_ms, .. } = &*self.0 {
            elapsed_ms.fetch_add(u64::try_from(by.num_milliseconds()).unwrap_or(0), Ordering::SeqCst);
            self.set(by);
        }
    }

    /// Sets a manual clock forward, or back when negative, as an administrator or NTP does. Has no effect on
    /// the system's clock.
    pub fn set(&self, by: chrono::TimeDelta) {
        if let Inner::Manual { now_ms, .. } = &*self.0 {
            now_ms.fetch_add(by.num_milliseconds(), Ordering::SeqCst);
        }
    }

    /// A new id that sorts after all earlier ones of this clock (UUID version 7).
    #[must_use]
    pub fn new_id(&self) -> String {
        match &*self.0 {
            #[expect(clippy::disallowed_methods, reason = "this is the one place that makes ids")]
            Inner::System { .. } => uuid::Uuid::now_v7().to_string(),
            Inner::Manual { now_ms, ids, .. } => {
                let n = ids.fetch_add(1, Ordering::SeqCst);
                format!("{:012x}-{n:06}", now_ms.load(Ordering::SeqCst))
            }
        }
    }
}

/// `wait` later; at most the last instant that there is, whatever the configuration or a tool asks for.
#[must_use]
pub fn after(at: Timestamp, wait: Duration) -> Timestamp {
    let wait = TimeDelta::from_std(wait).unwrap_or(TimeDelta::MAX);
    at.checked_add_signed(wait).unwrap_or(Timestamp::MAX_UTC)
}

/// `age` earlier; at least the first instant that there is.
#[must_use]
pub fn before(at: Timestamp, age: Duration) -> Timestamp {
    let age = TimeDelta::from_std(age).unwrap_or(TimeDelta::MAX);
    at.checked_sub_signed(age).unwrap_or(Timestamp::MIN_UTC)
}

/// The instant of `ms` milliseconds since the Unix epoch; out-of-range values become the epoch.
#[must_use]
pub fn from_millis(ms: i64) -> Timestamp {
    DateTime::from_timestamp_millis(ms).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_duration_leads_beyond_the_instants_that_there_are() {
        let now = from_millis(1_700_000_000_000);
        assert_eq!(after(now, Duration::from_secs(1)) - now, TimeDelta::seconds(1));
        assert_eq!(now - before(now, Duration::from_secs(1)), TimeDelta::seconds(1));
        for long in [Duration::from_secs(u64::MAX), Duration::from_hours(24 * 365 * 300_000)] {
            assert_eq!((after(now, long), before(now, long)), (Timestamp::MAX_UTC, Timestamp::MIN_UTC));
        }
    }
}
