//! When each task last finished a round: what readiness looks at.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::clock::{Clock, Timestamp};

/// A task silent for this long is stuck.
pub(super) const STUCK_AFTER: Duration = Duration::from_mins(2);

/// The heartbeats of this process. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Heartbeats(Arc<Mutex<BTreeMap<String, Beat>>>);

/// By the clock on the wall, for people, and by the time since the start, which nobody sets.
#[derive(Debug, Clone, Copy)]
struct Beat {
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
        let beat = Beat { at: clock.now(), elapsed: clock.elapsed() };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), beat);
    }

    /// The tasks that have finished a round and run often enough to be missed.
    #[must_use]
    pub fn list(&self, clock: &Clock) -> Vec<Heartbeat> {
        let (beats, now) = (self.0.lock().unwrap_or_else(PoisonError::into_inner), clock.elapsed());
        let heartbeat = |(name, beat): (&String, &Beat)| {
            let alive = now.saturating_sub(beat.elapsed) < STUCK_AFTER;
            Heartbeat { name: name.clone(), last: beat.at, alive }
        };
        beats.iter().map(heartbeat).collect()
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
