//! Wrong answers on demand: what Jira, its gateways and the network do when they fail.
//!
//! Pure: says which fault applies to a call. `server` performs it. Must not be reachable from anything but
//! the control API and a test.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::platform::Operation;

/// Whether a call is one of those that faults without a path, and the random ones, apply to.
pub(super) fn is_rest(path: &str) -> bool {
    path.starts_with("/rest/") || path.starts_with("/ex/jira/")
}

/// What happens to a call that a fault applies to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    /// A fixed answer instead of the site's own.
    Answer {
        status: u16,
        #[serde(default)]
        body: String,
        /// Whether the site did the work anyway, as when a gateway gives up too early.
        #[serde(default)]
        processed: bool,
    },
    /// The site's own answer; useful with `delay_ms`.
    Slow,
    /// The work is done at once, and the answer comes only after `delay_ms`.
    Late,
    /// The work is done, and the connection breaks in the middle of the answer.
    Truncated,
    /// The work is done, and the connection breaks before any answer.
    Dropped,
    /// Nothing is done, and the connection breaks before any answer.
    Cut,
    /// Nothing is done and no answer ever comes.
    Hang,
}

/// A scripted fault and the calls it applies to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Upper-case method; `None` is any.
    #[serde(default)]
    pub method: Option<String>,
    /// Start of the path; empty is any REST path.
    #[serde(default)]
    pub path: String,
    /// Atlassian's name of an operation of the platform's API, such as `createIssue`; `None` is any.
    #[serde(default)]
    pub operation: Option<String>,
    /// How many calls it applies to.
    #[serde(default = "once")]
    pub times: u32,
    /// Milliseconds to wait: before anything else, or only with the answer if the effect is `late`.
    #[serde(default)]
    pub delay_ms: u64,
    /// Whether to wait, at the same point, until [`Simulator::release`](super::Simulator::release) lets the call go.
    #[serde(skip)]
    pub held: bool,
    /// Headers added to whatever the answer is, such as `X-RateLimit-NearLimit` on a success.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    #[serde(flatten)]
    pub effect: Effect,
}

fn once() -> u32 {
    1
}

impl Fault {
    fn of(effect: Effect) -> Self {
        Self {
            method: None,
            path: String::new(),
            operation: None,
            times: 1,
            delay_ms: 0,
            held: false,
            headers: Vec::new(),
            effect,
        }
    }

    /// A bare status without a body; nothing is done.
    pub fn status(status: u16) -> Self {
        Self::answer(status, "")
    }

    /// A status with a body; nothing is done.
    pub fn answer(status: u16, body: &str) -> Self {
        Self::of(Effect::Answer { status, body: body.to_owned(), processed: false })
    }

    /// 429 with `RateLimit-Reason` and, in seconds, `Retry-After`.
    pub fn rate_limited(reason: &str, retry_after: Option<u64>) -> Self {
        let fault = Self::status(429).header("RateLimit-Reason", reason);
        match retry_after {
            Some(seconds) => fault.header("Retry-After", &seconds.to_string()),
            None => fault,
        }
    }

    /// 301 to the same path on another host, as a renamed site answers.
    pub fn renamed_to(location: &str) -> Self {
        Self::status(301).header("Location", location)
    }

    /// 202 with an empty object: accepted, without mentioning any entity.
    pub fn empty_accept() -> Self {
        Self::answer(202, "{}").header("Content-Type", "application/json").after_processing()
    }

    /// 200 with a page of HTML, as a proxy or a login page would send.
    pub fn html() -> Self {
        Self::answer(200, "<html>Log in</html>").header("Content-Type", "text/html")
    }

    /// The connection breaks in the middle of the answer; the work is done.
    pub fn truncated() -> Self {
        Self::of(Effect::Truncated)
    }

    /// The connection breaks before any answer; the work is done.
    pub fn dropped() -> Self {
        Self::of(Effect::Dropped)
    }

    /// The connection breaks before any answer; nothing is done.
    pub fn cut() -> Self {
        Self::of(Effect::Cut)
    }

    /// Never answers.
    pub fn hang() -> Self {
        Self::of(Effect::Hang)
    }

    /// The right answer, late.
    pub fn slow(delay: Duration) -> Self {
        let fault = Self::of(Effect::Slow);
        Self { delay_ms: u64::try_from(delay.as_millis()).unwrap_or(u64::MAX), ..fault }
    }

    /// The work is done at once, and the right answer comes late.
    pub fn late(delay: Duration) -> Self {
        Self { effect: Effect::Late, ..Self::slow(delay) }
    }

    /// The right answer with one more header.
    pub fn with_header(name: &str, value: &str) -> Self {
        let fault = Self::of(Effect::Slow);
        Self { headers: vec![(name.to_owned(), value.to_owned())], ..fault }
    }

    /// Limits the fault to a method and the start of a path.
    #[must_use]
    pub fn on(mut self, method: &str, path: &str) -> Self {
        self.method = Some(method.to_owned());
        path.clone_into(&mut self.path);
        self
    }

    /// Limits the fault to an operation of the platform's API, on either host.
    #[must_use]
    pub fn on_operation(mut self, id: &str) -> Self {
        self.operation = Some(id.to_owned());
        self
    }

    /// Applies to this many calls instead of one.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    /// Waits, where it would be delayed, until it is let go.
    #[must_use]
    pub fn held(mut self) -> Self {
        self.held = true;
        self
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The site does the work before it gives the wrong answer.
    #[must_use]
    pub fn after_processing(mut self) -> Self {
        if let Effect::Answer { processed, .. } = &mut self.effect {
            *processed = true;
        }
        self
    }

    fn meets(&self, method: &str, path: &str) -> bool {
        if let Some(wanted) = &self.operation {
            let below = path.split_once("/rest/api/3/").map(|(_, below)| below);
            let operation = below.and_then(|below| Operation::find(method, below).ok());
            return operation.is_some_and(|it| it.id() == wanted);
        }
        let is_path = if self.path.is_empty() { is_rest(path) } else { path.starts_with(&self.path) };
        is_path && self.method.as_deref().is_none_or(|wanted| wanted == method)
    }
}

/// The scripted faults that have not been used up, in order, and the random ones.
#[derive(Debug)]
pub struct Faults {
    script: Vec<Fault>,
    share: f64,
    random: SplitMix64,
}

impl Faults {
    /// A share of all calls, 0 to 1, gets 429 in a sequence that `seed` determines.
    pub fn new(share: f64, seed: u64) -> Self {
        Self { script: Vec::new(), share, random: SplitMix64(seed) }
    }

    pub fn push(&mut self, fault: Fault) {
        self.script.push(fault);
    }

    /// Forgets the script and stops the random refusals.
    pub fn clear(&mut self) {
        self.script.clear();
        self.share = 0.0;
    }

    /// Changes the share of calls that are refused at random.
    pub fn set_share(&mut self, share: f64) {
        self.share = share;
    }

    /// Faults that have not been used up yet.
    pub fn waiting(&self) -> &[Fault] {
        &self.script
    }

    /// The fault that applies to this call, if any; uses it up.
    pub fn take(&mut self, method: &str, path: &str) -> Option<Fault> {
        let position = self.script.iter().position(|fault| fault.times > 0 && fault.meets(method, path));
        if let Some(position) = position {
            let fault = self.script.get_mut(position)?;
            fault.times -= 1;
            let met = fault.clone();
            if met.times == 0 {
                self.script.remove(position);
            }
            return Some(met);
        }
        (self.share > 0.0 && is_rest(path) && self.random.next_unit() < self.share)
            .then(|| Fault::rate_limited("jira-burst-based", Some(1)))
    }
}

/// A small, seeded generator: test runs must be repeatable, not unpredictable.
#[derive(Debug)]
pub(super) struct SplitMix64(u64);

impl SplitMix64 {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number from 0 up to, but not including, 1.
    pub(super) fn next_unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let high = u32::try_from((z ^ (z >> 31)) >> 32).unwrap_or(u32::MAX);
        f64::from(high) / (f64::from(u32::MAX) + 1.0)
    }
}

#[cfg(test)]
#[path = "faults_tests.rs"]
mod tests;
