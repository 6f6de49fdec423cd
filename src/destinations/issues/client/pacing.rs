//! When the next request may go: our own pace, Jira's limits, and the pauses that Jira has asked for.
//!
//! Never waits itself. All limits are asked before any is charged, so that a request that one of them holds back costs
//! the others nothing.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use reqwest::Method;

use super::endpoint::Endpoint;
use crate::clock::{Clock, after};
use crate::destinations::jira::{Reason, Throttled};
use crate::domain::Timestamp;

/// Between two writes to one issue in the long run. Jira takes ten times as many.
const BETWEEN_WRITES: Duration = Duration::from_secs(2);
/// As many as one change of an incident takes: people get its mails together. Jira takes five times as many.
const AT_ONCE: u32 = 4;

/// Requests per second of one operation ("Rate limiting" of Jira Cloud, August 2026).
const READS_AND_POSTS: u32 = 100;
const PUTS_AND_DELETES: u32 = 50;

/// The wait after a first 429 and the longest one; each in a row doubles it.
const FIRST_WAIT: Duration = Duration::from_secs(2);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Issues after which those are forgotten that need not wait.
const TIDY_AFTER: usize = 1024;

/// Which requests to a site must wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Writes to this issue.
    Issue,
    /// This operation.
    Call,
    /// Every operation with this path.
    Endpoint,
    /// Everything.
    Site,
}

/// A request that may not go yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    pub until: Timestamp,
    pub scope: Scope,
}

/// The limits of one site for one destination.
pub struct Pacing {
    clock: Clock,
    writes: Rate,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    writes: Bucket,
    issues: HashMap<String, Bucket>,
    calls: HashMap<Endpoint, Bucket>,
    pauses: HashMap<Pausing, Pause>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Pausing {
    Issue(String),
    Call(Endpoint),
    Endpoint(&'static str),
    Site,
}

#[derive(Debug, Clone, Copy)]
struct Pause {
    /// Since the start of the clock, which nobody can set.
    until: Duration,
    in_a_row: u32,
}

/// Evenly spaced, and at most `burst` at once.
#[derive(Debug, Clone, Copy)]
struct Rate {
    spacing: Duration,
    burst: u32,
}

impl Rate {
    fn per_second(count: u32) -> Self {
        Self { spacing: Duration::from_secs(1).checked_div(count).unwrap_or_default(), burst: count }
    }
}

/// When everything that was sent so far would have been sent at an even pace.
#[derive(Debug, Clone, Copy, Default)]
struct Bucket(Duration);

impl Bucket {
    fn ready_at(self, rate: Rate) -> Duration {
        self.0.saturating_sub(rate.spacing.saturating_mul(rate.burst.saturating_sub(1)))
    }

    /// How many may go now.
    fn find_room(self, rate: Rate, now: Duration) -> usize {
        let left = rate.spacing.saturating_mul(rate.burst).saturating_sub(self.0.saturating_sub(now));
        let count = left.as_nanos().checked_div(rate.spacing.as_nanos());
        count.and_then(|count| usize::try_from(count).ok()).unwrap_or(usize::MAX)
    }

    fn charge(&mut self, rate: Rate, now: Duration) {
        self.0 = self.0.max(now).saturating_add(rate.spacing);
    }
}

const ISSUE: Rate = Rate { spacing: BETWEEN_WRITES, burst: AT_ONCE };

impl Pacing {
    #[must_use]
    pub fn new(clock: &Clock, writes_per_second: NonZeroU32) -> Self {
        let writes = Rate::per_second(writes_per_second.get());
        Self { clock: clock.clone(), writes, state: Mutex::default() }
    }

    /// What holds a request back now, the longest wait of all; `issue` is the id of the issue that it writes to.
    #[must_use]
    pub fn find_held(&self, endpoint: Endpoint, issue: Option<&str>) -> Option<Held> {
        self.look(&self.lock(), endpoint, issue)
    }

    /// How many changes may begin at once now, by our own pace; one while Jira asks to pause more than a single issue.
    #[must_use]
    pub fn find_room(&self) -> usize {
        let (state, now) = (self.lock(), self.clock.elapsed());
        let asks_to_pause =
            |(pausing, pause): (&Pausing, &Pause)| !matches!(pausing, Pausing::Issue(_)) && pause.until > now;
        if state.pauses.iter().any(asks_to_pause) { 1 } else { state.writes.find_room(self.writes, now) }
    }

    /// Takes a request's place in all limits.
    ///
    /// # Errors
    /// What holds it back.
    pub fn take(&self, endpoint: Endpoint, issue: Option<&str>) -> Result<(), Held> {
        let mut state = self.lock();
        if let Some(held) = self.look(&state, endpoint, issue) {
            return Err(held);
        }
        let now = self.clock.elapsed();
        state.calls.entry(endpoint).or_default().charge(rate_of(endpoint), now);
        if endpoint.is_write() {
            state.writes.charge(self.writes, now);
            if let Some(issue) = issue {
                state.tidy(now);
                state.issues.entry(issue.to_owned()).or_default().charge(ISSUE, now);
            }
        }
        Ok(())
    }

    /// Pauses what a 429 concerns, and says until when.
    pub fn pause(&self, endpoint: Endpoint, issue: Option<&str>, throttled: Throttled) -> Held {
        let (pausing, scope) = match (throttled.reason, issue) {
            (Reason::Issue, Some(issue)) => (Pausing::Issue(issue.to_owned()), Scope::Issue),
            (Reason::Burst | Reason::Issue, _) => (Pausing::Call(endpoint), Scope::Call),
            (Reason::Unnamed, _) => (Pausing::Endpoint(endpoint.path()), Scope::Endpoint),
            (Reason::Tenant | Reason::App, _) => (Pausing::Site, Scope::Site),
        };
        let (now, elapsed) = (self.clock.now(), self.clock.elapsed());
        let asked = throttled
            .until
            .and_then(|until| until.signed_duration_since(now).to_std().ok())
            .unwrap_or_default();
        let mut state = self.lock();
        let before = state.pauses.get(&pausing).copied();
        // Those that were on their way together are refused once.
        let again = |pause: Pause| pause.in_a_row.saturating_add(u32::from(pause.until <= elapsed));
        let in_a_row = before.map_or(0, again);
        let own = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(in_a_row)).min(LONGEST_WAIT);
        let wait = asked.max(own.mul_f64(jitter(&self.clock.new_id())));
        let wait = before.map_or(wait, |pause| wait.max(pause.until.saturating_sub(elapsed)));
        state.pauses.insert(pausing, Pause { until: elapsed.saturating_add(wait), in_a_row });
        Held { until: after(now, wait), scope }
    }

    /// A request was not limited: pauses of its kind that are over do not count any more.
    pub fn note_success(&self, endpoint: Endpoint, issue: Option<&str>) {
        let now = self.clock.elapsed();
        let mut state = self.lock();
        if !state.pauses.is_empty() {
            let concerned = concerned(endpoint, issue).map(|(pausing, _)| pausing).collect::<Vec<_>>();
            state.pauses.retain(|pausing, pause| pause.until > now || !concerned.contains(pausing));
        }
    }

    fn look(&self, state: &State, endpoint: Endpoint, issue: Option<&str>) -> Option<Held> {
        let bucket = |bucket: Option<&Bucket>, rate| bucket.copied().unwrap_or_default().ready_at(rate);
        let pauses = concerned(endpoint, issue)
            .filter_map(|(pausing, scope)| Some((state.pauses.get(&pausing)?.until, scope)));
        let call = [(bucket(state.calls.get(&endpoint), rate_of(endpoint)), Scope::Call)];
        let issue = issue.filter(|_| endpoint.is_write());
        // A change that has begun is finished; what comes after it waits for that.
        let has_begun =
            issue.and_then(|issue| state.issues.get(issue)).is_some_and(|it| it.0 > self.clock.elapsed());
        let is_paced = endpoint.is_write() && !has_begun;
        let writes = is_paced.then(|| (state.writes.ready_at(self.writes), Scope::Site));
        let issue = issue.map(|issue| (bucket(state.issues.get(issue), ISSUE), Scope::Issue));
        let (ready, scope) = pauses.chain(call).chain(writes).chain(issue).max()?;
        let wait = ready.checked_sub(self.clock.elapsed()).filter(|wait| !wait.is_zero())?;
        // The clock ticks in milliseconds: the next one is the first at which the request may go.
        let until = after(self.clock.now(), wait);
        let until = until.checked_add_signed(TimeDelta::milliseconds(1)).unwrap_or(until);
        Some(Held { until, scope })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code panics while it holds the lock, and numbers cannot be half written.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn tidy(&mut self, now: Duration) {
        if self.issues.len() >= TIDY_AFTER {
            self.issues.retain(|_, bucket| bucket.0 > now);
            self.pauses.retain(|pausing, pause| !matches!(pausing, Pausing::Issue(_)) || pause.until > now);
        }
    }
}

fn rate_of(endpoint: Endpoint) -> Rate {
    match endpoint.method() {
        Method::PUT | Method::DELETE => Rate::per_second(PUTS_AND_DELETES),
        _ => Rate::per_second(READS_AND_POSTS),
    }
}

/// What a pause may be about that holds this request back.
fn concerned(endpoint: Endpoint, issue: Option<&str>) -> impl Iterator<Item = (Pausing, Scope)> {
    let issue = issue.filter(|_| endpoint.is_write()).map(|issue| Pausing::Issue(issue.to_owned()));
    issue.map(|issue| (issue, Scope::Issue)).into_iter().chain([
        (Pausing::Call(endpoint), Scope::Call),
        (Pausing::Endpoint(endpoint.path()), Scope::Endpoint),
        (Pausing::Site, Scope::Site),
    ])
}

/// From 0.7 to 1.3, another for each seed.
fn jitter(seed: &str) -> f64 {
    let mut hasher = DefaultHasher::new();
    seed.hash(&mut hasher);
    let share = u32::try_from(hasher.finish() >> 32).unwrap_or(u32::MAX);
    0.6_f64.mul_add(f64::from(share) / f64::from(u32::MAX), 0.7)
}

#[cfg(test)]
#[path = "pacing_tests.rs"]
mod tests;
