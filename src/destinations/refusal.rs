//! Why a whole request did not succeed, and what that asks of the delivery engine.
//!
//! Must never carry a credential or an unbounded text: refusals end in logs and tables.

use crate::domain::Timestamp;

/// How much has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Requests of this sort to this destination.
    Request,
    /// Everything for this destination.
    Destination,
    /// Everything for every destination of its type: they share what is used up.
    AllOfType,
}

/// What to do about a refused request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// Nothing is wrong with it: send it again after a backoff, and not before `not_before`.
    Retry { not_before: Option<Timestamp> },
    /// A limit is used up, and nobody says for how long: wait longer each time.
    SlowDown,
    /// A limit is used up until then.
    WaitUntil { until: Timestamp, scope: Scope },
    /// Too large, or spoilt as a whole by one of its entities: send it in two halves.
    Split,
    /// Permanent: sending the same again gives the same answer.
    GiveUp,
    /// Nothing can be sent before a person has acted; `advice` says how.
    Park {
        advice: String,
        /// Whether a first refusal of this sort may pass by itself.
        may_pass: bool,
    },
}

/// A request that was refused as a whole, or not answered at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    pub remedy: Remedy,
    /// A sentence, with the destination's own words where it gave any.
    pub message: String,
    /// What to quote to the destination's support.
    pub trace_id: Option<String>,
    /// What metrics call it: `retry`, `wait`, `split`, `refused`, `unauthorized`, …
    pub label: &'static str,
    /// Whether the request left at all: one that we held back ourselves is no news to anybody.
    pub was_sent: bool,
}
