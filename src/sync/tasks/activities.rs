//! What a process does with each destination: serves it, lets it rest, or leaves it alone after a panic.
//!
//! Pure apart from its lock; must not know how a destination is served.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::domain::DestinationId;

/// Times count from the start of the clock.
#[derive(Debug, Default)]
pub(super) struct Activities(Mutex<HashMap<DestinationId, Activity>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Activity {
    Served {
        /// Whether its code panicked the last time.
        panicked: bool,
    },
    RestingSince(Duration),
    PanickedUntil(Duration),
}

/// How serving a destination ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Worked,
    Idle,
    /// It must be left alone for this long.
    Panicked {
        rest: Duration,
    },
}

impl Activities {
    fn lock(&self) -> MutexGuard<'_, HashMap<DestinationId, Activity>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Destinations that have rested for this long may be tried again.
    pub fn wake(&self, now: Duration, rested: Duration) {
        let since = now.saturating_sub(rested);
        self.lock().retain(|_, activity| !matches!(activity, Activity::RestingSince(from) if *from <= since));
    }

    /// Takes a destination, unless it is served, rests, or `parallel` others are served.
    pub fn begin(&self, id: &DestinationId, now: Duration, parallel: usize) -> bool {
        let mut activities = self.lock();
        let is_served = |activity: &&Activity| matches!(activity, Activity::Served { .. });
        let panicked = match activities.get(id) {
            None => false,
            Some(Activity::PanickedUntil(until)) if *until <= now => true,
            Some(_) => return false,
        };
        if activities.values().filter(is_served).count() >= parallel {
            return false;
        }
        activities.insert(id.clone(), Activity::Served { panicked });
        true
    }

    /// Gives a destination back. Returns whether it has recovered from a panic.
    pub fn end(&self, id: &DestinationId, now: Duration, ended: Ended) -> bool {
        let mut activities = self.lock();
        let before = match ended {
            Ended::Worked => activities.remove(id),
            Ended::Idle => activities.insert(id.clone(), Activity::RestingSince(now)),
            Ended::Panicked { rest } => {
                activities.insert(id.clone(), Activity::PanickedUntil(now.saturating_add(rest)));
                return false;
            }
        };
        before == Some(Activity::Served { panicked: true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn id(name: &str) -> DestinationId {
        DestinationId(name.to_owned())
    }

    #[test]
    fn one_for_which_nothing_could_be_done_rests_until_its_time_or_until_there_is_news() {
        let activities = Activities::default();
        assert!(activities.begin(&id("a"), SECOND, 9) && !activities.begin(&id("a"), SECOND, 9));
        activities.end(&id("a"), SECOND, Ended::Idle);
        activities.wake(SECOND, SECOND);
        assert!(!activities.begin(&id("a"), SECOND, 9), "it rests");
        activities.wake(SECOND, Duration::ZERO);
        assert!(activities.begin(&id("a"), SECOND, 9), "there is news");
        activities.end(&id("a"), SECOND, Ended::Worked);
        assert!(activities.begin(&id("a"), SECOND, 9), "it may have more to do");
    }

    #[test]
    fn no_news_brings_back_one_that_panicked_before_its_time() {
        let activities = Activities::default();
        assert!(activities.begin(&id("a"), SECOND, 9));
        assert!(!activities.end(&id("a"), SECOND, Ended::Panicked { rest: SECOND }));
        activities.wake(SECOND, Duration::ZERO);
        assert!(!activities.begin(&id("a"), SECOND, 9));
        assert!(activities.begin(&id("b"), SECOND, 9), "no other waits");
        assert!(activities.begin(&id("a"), 2 * SECOND, 9));
        assert!(activities.end(&id("a"), 2 * SECOND, Ended::Worked), "it has recovered");
    }

    #[test]
    fn only_so_many_are_served_at_once() {
        let activities = Activities::default();
        assert!(activities.begin(&id("a"), SECOND, 1) && !activities.begin(&id("b"), SECOND, 1));
    }
}
