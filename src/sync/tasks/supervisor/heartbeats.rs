//! When each task last finished a round, for the readiness check.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::clock::{Clock, Timestamp};

/// A task silent for this long is stuck.
pub(super) const STUCK_AFTER: Duration = Duration::from_mins(2);

/// The heartbeats of this process. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Heartbeats(Arc<Mutex<BTreeMap<String, LastRound>>>);

/// By the wall clock, for people, and by the time since the start, which cannot be set.
#[derive(Debug, Clone, Copy)]
struct LastRound {
    at: Timestamp,
    elapsed: Duration,
}

/// The state of one task.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Heartbeat {
    pub name: String,
    pub last: Timestamp,
    pub alive: bool,
}

impl Heartbeats {
    pub(super) fn record(&self, name: &str, clock: &Clock) {
        let round = LastRound { at: clock.now(), elapsed: clock.elapsed() };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), round);
    }

    /// The tasks that have finished a round and run often enough to be missed.
    #[must_use]
    pub fn list(&self, clock: &Clock) -> Vec<Heartbeat> {
        let (rounds, now) = (self.0.lock().unwrap_or_else(PoisonError::into_inner), clock.elapsed());
        let heartbeat = |(name, round): (&String, &LastRound)| {
            let alive = now.saturating_sub(round.elapsed) < STUCK_AFTER;
            Heartbeat { name: name.clone(), last: round.at, alive }
        };
        rounds.iter().map(heartbeat).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_millis;

    #[test]
    fn a_task_is_stuck_after_two_silent_minutes_whatever_the_clock_is_set_to() {
        let (clock, heartbeats) = (Clock::manual(from_millis(0)), Heartbeats::default());
        let is_alive = || heartbeats.list(&clock)[0].alive;
        heartbeats.record("inbox", &clock);
        clock.set(chrono::TimeDelta::hours(1));
        assert!(is_alive());
        clock.advance(chrono::TimeDelta::seconds(119));
        assert!(is_alive());
        clock.set(chrono::TimeDelta::hours(-2));
        clock.advance(chrono::TimeDelta::seconds(1));
        assert!(!is_alive());
    }
}
