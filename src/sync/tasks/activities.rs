//! What a process does with each destination: serves it, lets it rest, or leaves it alone after a panic.
//!
//! Pure apart from its lock; must not know how a destination is served.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::domain::DestinationId;
use crate::sync::outbound::Seat;

/// Times count from the start of the clock.
#[derive(Debug, Default)]
pub(super) struct Activities(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    activities: HashMap<DestinationId, Activity>,
    /// How many are served.
    served: usize,
    /// Those with work that have not had their turn.
    queue: VecDeque<DestinationId>,
}

#[derive(Debug, Clone)]
enum Activity {
    Served {
        seat: Arc<Seat>,
        /// Whether its code panicked the last time.
        panicked: bool,
        /// Whether it was to have its turn meanwhile: what is new may have come too late for this time.
        again: bool,
    },
    RestingSince(Duration),
    PanickedUntil(Duration),
}

/// Whose turn it is.
#[derive(Debug, Clone)]
pub(super) enum Next {
    Begun(DestinationId, Arc<Seat>),
    /// As many are served as may be at once.
    NoRoom,
    NoneLeft,
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
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Destinations that have rested for this long may be tried again.
    pub fn wake(&self, now: Duration, rested: Duration) {
        let since = now.saturating_sub(rested);
        let is_over =
            |activity: &Activity| matches!(activity, Activity::RestingSince(from) if *from <= since);
        self.lock().activities.retain(|_, activity| !is_over(activity));
    }

    /// These have work, and have their turns one after the other, after those before them.
    pub fn queue(&self, ids: Vec<DestinationId>) {
        self.lock().queue.extend(ids);
    }

    /// Whether any have not had their turn.
    pub fn has_queue(&self) -> bool {
        !self.lock().queue.is_empty()
    }

    /// Whether fewer than `parallel` are served.
    pub fn has_seat(&self, parallel: usize) -> bool {
        self.lock().served < parallel
    }

    /// Takes the next one, unless `parallel` others are served. Those that rest lose their turn, and those that are served
    /// have it afterwards. If there is no seat for the next one, those who have seats are told.
    pub fn begin_next(&self, now: Duration, parallel: usize) -> Next {
        let mut state = self.lock();
        while let Some(id) = state.queue.pop_front() {
            let Some(panicked) = state.may_begin(&id, now) else { continue };
            if state.served >= parallel {
                state.queue.push_front(id);
                state.want_seats();
                return Next::NoRoom;
            }
            let seat = Arc::new(Seat::default());
            let activity = Activity::Served { seat: seat.clone(), panicked, again: false };
            state.activities.insert(id.clone(), activity);
            state.served = state.served.saturating_add(1);
            return Next::Begun(id, seat);
        }
        Next::NoneLeft
    }

    /// Gives a destination back. Returns whether it has recovered from a panic.
    pub fn end(&self, id: &DestinationId, now: Duration, ended: Ended) -> bool {
        let mut state = self.lock();
        state.served = state.served.saturating_sub(1);
        let before = match ended {
            Ended::Worked => state.activities.remove(id),
            Ended::Idle if matches!(state.activities.get(id), Some(Activity::Served { again: true, .. })) => {
                state.queue.push_back(id.clone());
                state.activities.remove(id)
            }
            Ended::Idle => state.activities.insert(id.clone(), Activity::RestingSince(now)),
            Ended::Panicked { rest } => {
                let until = now.saturating_add(rest);
                state.activities.insert(id.clone(), Activity::PanickedUntil(until));
                return false;
            }
        };
        matches!(before, Some(Activity::Served { panicked: true, .. }))
    }
}

impl State {
    /// Whether it panicked the last time; `None` if it rests or is served, in which case it is told that there is news.
    fn may_begin(&mut self, id: &DestinationId, now: Duration) -> Option<bool> {
        match self.activities.get_mut(id) {
            None => Some(false),
            Some(Activity::PanickedUntil(until)) if *until <= now => Some(true),
            Some(Activity::Served { again, seat, .. }) => {
                *again = true;
                seat.tell_news();
                None
            }
            Some(_) => None,
        }
    }

    fn want_seats(&self) {
        for activity in self.activities.values() {
            if let Activity::Served { seat, .. } = activity {
                seat.want();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn id(name: &str) -> DestinationId {
        DestinationId(name.to_owned())
    }

    /// Who begins, and the seat.
    fn begin(activities: &Activities, now: Duration, parallel: usize) -> Option<(String, Arc<Seat>)> {
        match activities.begin_next(now, parallel) {
            Next::Begun(id, seat) => Some((id.0, seat)),
            Next::NoRoom | Next::NoneLeft => None,
        }
    }

    fn begins(activities: &Activities, name: &str, now: Duration, parallel: usize) -> bool {
        activities.queue(vec![id(name)]);
        begin(activities, now, parallel).is_some_and(|(begun, _)| begun == name)
    }

    #[test]
    fn one_for_which_nothing_could_be_done_rests_until_its_time_or_until_there_is_news() {
        let activities = Activities::default();
        assert!(begins(&activities, "a", SECOND, 9));
        activities.end(&id("a"), SECOND, Ended::Idle);
        activities.wake(SECOND, SECOND);
        assert!(!begins(&activities, "a", SECOND, 9), "it rests");
        activities.wake(SECOND, Duration::ZERO);
        assert!(begins(&activities, "a", SECOND, 9), "there is news");
        activities.end(&id("a"), SECOND, Ended::Worked);
        assert!(begins(&activities, "a", SECOND, 9), "it may have more to do");
    }

    #[test]
    fn one_that_is_served_when_there_is_news_has_another_turn_and_only_one() {
        let activities = Activities::default();
        assert!(begins(&activities, "a", SECOND, 9) && !begins(&activities, "a", SECOND, 9));
        activities.end(&id("a"), SECOND, Ended::Idle);
        assert!(activities.has_queue(), "the news may be none of what it was served with");
        assert_eq!(begin(&activities, SECOND, 9).map(|(id, _)| id).as_deref(), Some("a"));
        activities.end(&id("a"), SECOND, Ended::Idle);
        assert!(!activities.has_queue() && !begins(&activities, "a", SECOND, 9), "it rests");
    }

    #[test]
    fn no_news_brings_back_one_that_panicked_before_its_time() {
        let activities = Activities::default();
        assert!(begins(&activities, "a", SECOND, 9));
        assert!(!activities.end(&id("a"), SECOND, Ended::Panicked { rest: SECOND }));
        activities.wake(SECOND, Duration::ZERO);
        assert!(!begins(&activities, "a", SECOND, 9));
        assert!(begins(&activities, "b", SECOND, 9), "no other waits");
        assert!(begins(&activities, "a", 2 * SECOND, 9));
        assert!(activities.end(&id("a"), 2 * SECOND, Ended::Worked), "it has recovered");
    }

    #[test]
    fn only_so_many_are_served_at_once_and_the_others_have_their_turns_in_order() {
        let activities = Activities::default();
        activities.queue(["a", "b", "a", "c"].map(id).to_vec());
        assert_eq!(begin(&activities, SECOND, 1).map(|(id, _)| id).as_deref(), Some("a"));
        assert!(matches!(activities.begin_next(SECOND, 1), Next::NoRoom));
        assert_eq!(begin(&activities, SECOND, 2).map(|(id, _)| id).as_deref(), Some("b"));
        activities.end(&id("b"), SECOND, Ended::Worked);
        assert_eq!(
            begin(&activities, SECOND, 2).map(|(id, _)| id).as_deref(),
            Some("c"),
            "a is served already"
        );
        activities.end(&id("a"), SECOND, Ended::Worked);
        assert!(matches!(activities.begin_next(SECOND, 2), Next::NoneLeft));
    }
    #[test]
    fn who_is_served_is_told_of_news_and_of_others_that_wait_for_a_seat() {
        let activities = Activities::default();
        activities.queue(vec![id("a")]);
        let (_, seat) = begin(&activities, SECOND, 1).expect("a begins");
        activities.queue(vec![id("a")]);
        assert!(begin(&activities, SECOND, 1).is_none());
        assert!(seat.news().now_or_never().is_some() && !seat.is_wanted(), "only news of its own");
        activities.queue(vec![id("b")]);
        assert!(matches!(activities.begin_next(SECOND, 1), Next::NoRoom) && seat.is_wanted());
        assert!(seat.news().now_or_never().is_none());
        activities.end(&id("a"), SECOND, Ended::Worked);
        let (begun, seat) = begin(&activities, SECOND, 1).expect("the other has its turn");
        assert!(begun == "b" && !seat.is_wanted());
    }
}
