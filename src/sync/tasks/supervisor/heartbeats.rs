//! What each task does at the moment, for the readiness check.
//!
//! A task that waits for its time is alive, however long it waits. One that panics, fails for long, or takes
//! longer for a round than it may is named with the reason.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::{Clock, Timestamp};

/// A task whose rounds have failed for this long is named.
const FAILED_FOR: Duration = Duration::from_mins(2);

/// A task that has not begun its round this long after its time does not run.
const OVERDUE: Duration = Duration::from_secs(10);

/// What depends on a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Importance {
    /// Everything: a process that cannot keep it alive ends.
    Vital,
    /// Something of every source or destination: without it the process is not ready.
    Shared,
    /// One source or one destination: the others go on, so the process stays ready.
    Single,
}

/// The tasks of this process. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Heartbeats(Arc<Mutex<BTreeMap<String, Record>>>);

#[derive(Debug, Clone)]
struct Record {
    importance: Importance,
    doing: Doing,
    since: Moment,
    /// The end of its last good round.
    last: Option<Timestamp>,
    failing: Option<Failing>,
}

/// By the wall clock, for people, and by the time since the start, which cannot be set.
#[derive(Debug, Clone, Copy)]
struct Moment {
    at: Timestamp,
    elapsed: Duration,
}

#[derive(Debug, Clone, Copy)]
enum Doing {
    /// Until this time since the start, or for a signal.
    Waiting(Option<Duration>),
    /// Not longer than this without a sign of life.
    Running(Duration),
}

/// Rounds that went wrong, one after the other.
#[derive(Debug, Clone)]
struct Failing {
    since: Moment,
    panics: u32,
    why: String,
}

/// The state of one task.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Heartbeat {
    pub name: String,
    pub alive: bool,
    /// `waiting`, `running` or `failing`.
    pub state: &'static str,
    /// Since when it has been in this state.
    pub since: Timestamp,
    /// When it last finished a round.
    pub last: Option<Timestamp>,
    /// Why it is not alive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Whether the process is not ready without it.
    #[serde(skip)]
    pub is_needed: bool,
}

impl Heartbeats {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Record>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The task waits for a signal, or for at most `wait`.
    pub(in crate::sync) fn waits(&self, name: &str, importance: Importance, wait: Duration, clock: &Clock) {
        let now = Moment::now(clock);
        let doing = Doing::Waiting(now.elapsed.checked_add(wait));
        let mut records = self.lock();
        let record = records.entry(name.to_owned()).or_insert_with(|| Record::new(importance, now));
        (record.doing, record.since) = (doing, now);
    }

    /// A round has begun, which may take this long.
    pub(in crate::sync) fn runs(&self, name: &str, allowance: Duration, clock: &Clock) {
        if let Some(record) = self.lock().get_mut(name) {
            (record.doing, record.since) = (Doing::Running(allowance), Moment::now(clock));
        }
    }

    /// The round in progress has got somewhere: its time counts from now.
    pub(in crate::sync) fn goes_on(&self, name: &str, clock: &Clock) {
        if let Some(record) = self.lock().get_mut(name) {
            record.since = Moment::now(clock);
        }
    }

    /// A round has ended well.
    pub(in crate::sync) fn succeeded(&self, name: &str, clock: &Clock) {
        if let Some(record) = self.lock().get_mut(name) {
            (record.last, record.failing) = (Some(clock.now()), None);
        }
    }

    /// A round has failed, and will be repeated.
    pub(in crate::sync) fn failed(&self, name: &str, why: String, clock: &Clock) {
        if let Some(record) = self.lock().get_mut(name) {
            record.note(0, why, clock);
        }
    }

    /// A round has panicked. Returns how often in a row that happened, and for how long.
    pub(in crate::sync) fn panicked(
        &self,
        name: &str,
        importance: Importance,
        why: &str,
        clock: &Clock,
    ) -> (u32, Duration) {
        let mut records = self.lock();
        let now = Moment::now(clock);
        let record = records.entry(name.to_owned()).or_insert_with(|| Record::new(importance, now));
        let failing = record.note(1, format!("it panicked: {why}"), clock);
        (failing.panics, now.elapsed.saturating_sub(failing.since.elapsed))
    }

    /// The task is over, or something that only appears here while it panics does so no longer.
    pub fn forget(&self, name: &str) {
        self.lock().remove(name);
    }

    /// Every task.
    #[must_use]
    pub fn list(&self, clock: &Clock) -> Vec<Heartbeat> {
        let now = clock.elapsed();
        self.lock().iter().map(|(name, record)| record.describe(name, now)).collect()
    }
}

impl Moment {
    fn now(clock: &Clock) -> Self {
        Self { at: clock.now(), elapsed: clock.elapsed() }
    }
}

impl Record {
    fn new(importance: Importance, since: Moment) -> Self {
        Self { importance, doing: Doing::Waiting(None), since, last: None, failing: None }
    }

    fn note(&mut self, panics: u32, why: String, clock: &Clock) -> &Failing {
        let failing = self.failing.get_or_insert_with(|| Failing {
            since: Moment::now(clock),
            panics: 0,
            why: String::new(),
        });
        failing.panics = failing.panics.saturating_add(panics);
        failing.why = why;
        failing
    }

    fn describe(&self, name: &str, now: Duration) -> Heartbeat {
        let why = self.find_fault(now);
        let (state, since) = match (&self.failing, self.doing) {
            (Some(failing), _) => ("failing", failing.since.at),
            (None, Doing::Running(_)) => ("running", self.since.at),
            (None, Doing::Waiting(_)) => ("waiting", self.since.at),
        };
        Heartbeat {
            name: name.to_owned(),
            alive: why.is_none(),
            state,
            since,
            last: self.last,
            why,
            is_needed: self.importance != Importance::Single,
        }
    }

    fn find_fault(&self, now: Duration) -> Option<String> {
        let lasting = now.saturating_sub(self.since.elapsed);
        if let Some(Failing { since, panics, why }) = &self.failing {
            let failing = now.saturating_sub(since.elapsed);
            if *panics > 0 || failing >= FAILED_FOR {
                return Some(format!("{why} (rounds have gone wrong for {} s)", failing.as_secs()));
            }
        }
        match self.doing {
            Doing::Running(allowance) if lasting >= allowance => Some(format!(
                "its round has given no sign of life for {} s; it may take {} s",
                lasting.as_secs(),
                allowance.as_secs()
            )),
            Doing::Waiting(Some(due)) if now >= due.saturating_add(OVERDUE) => {
                Some(format!("its round is overdue by {} s", now.saturating_sub(due).as_secs()))
            }
            Doing::Running(_) | Doing::Waiting(_) => None,
        }
    }
}

#[cfg(test)]
#[path = "heartbeats_tests.rs"]
mod tests;
