//! Why a whole request did not succeed, and what the delivery engine must do about it.
//!
//! Must never carry a credential or an unbounded text: refusals end in logs and tables.

use crate::domain::Timestamp;

/// How much has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Requests of this kind to this destination.
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
    /// A limit is used up for an unknown time: wait longer each time.
    SlowDown,
    /// A limit is used up until then.
    WaitUntil { until: Timestamp, scope: Scope },
    /// Too large, or refused as a whole because of one entity: send it in two halves.
    Split,
    /// Permanent: sending the same again gives the same answer.
    GiveUp,
    /// Nothing can be sent before a person has acted; `advice` says how.
    Park {
        advice: String,
        /// Whether a first refusal of this kind may be temporary.
        may_pass: bool,
    },
}

/// A request that was refused as a whole, or not answered at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    pub remedy: Remedy,
    /// A sentence, with the destination's own message if there is one.
    pub message: String,
    /// What to quote to the destination's support.
    pub trace_id: Option<String>,
    /// Whether the request was sent at all: one that we held back ourselves is not worth a warning.
    pub was_sent: bool,
}
