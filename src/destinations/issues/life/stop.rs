//! Why work on one incident ends before it is done.

use chrono::TimeDelta;

use crate::destinations::issues::client::{CallError, Fault, Scope};
use crate::destinations::ledger::LedgerFault;
use crate::destinations::{Refusal, Remedy, Scope as Extent};
use crate::domain::{Timestamp, Verdict};

/// That much later.
pub fn later(at: Timestamp, by: TimeDelta) -> Timestamp {
    at.checked_add_signed(by).unwrap_or(at)
}

/// Why it ends.
#[derive(Debug)]
pub enum Stop {
    /// It concerns this incident only, which is tried again at that time.
    Wait { until: Timestamp, why: String },
    /// The work item was there a moment ago and is not any more.
    Missing(CallError),
    /// Jira will not take this version of the incident.
    Refused { why: String, trace_id: Option<String> },
    /// It concerns every incident.
    All(Box<Refusal>),
}

impl Stop {
    pub fn refused(why: impl Into<String>) -> Self {
        Self::Refused { why: why.into(), trace_id: None }
    }

    /// Nothing can be done before a person acts.
    pub fn park(advice: String) -> Self {
        let message = advice.clone();
        Self::All(Box::new(Refusal::new(Remedy::Park { advice, may_pass: false }, message)))
    }

    /// The verdict on the incident, or the refusal that concerns all of them.
    pub fn into_verdict(self) -> Result<Verdict, Refusal> {
        match self {
            Self::Wait { until, why } => Ok(Verdict::Later { until, reason: why }),
            Self::Missing(error) => {
                Ok(Verdict::Refused { reason: error.to_string(), trace_id: error.trace_id })
            }
            Self::Refused { why, trace_id } => Ok(Verdict::Refused { reason: why, trace_id }),
            Self::All(refusal) => Err(*refusal),
        }
    }

    /// The same where there is no incident to give a verdict on.
    pub fn into_refusal(self) -> Refusal {
        match self {
            Self::Wait { until, why } => {
                let remedy = Remedy::WaitUntil { until, scope: Extent::Request };
                Refusal { was_sent: false, ..Refusal::new(remedy, why) }
            }
            Self::Missing(error) => error.into(),
            Self::Refused { why, .. } => Refusal::new(Remedy::GiveUp, why),
            Self::All(refusal) => *refusal,
        }
    }
}

impl From<LedgerFault> for Stop {
    fn from(fault: LedgerFault) -> Self {
        Self::All(Box::new(Refusal::new(Remedy::Retry { not_before: None }, fault.to_string())))
    }
}

impl From<CallError> for Stop {
    fn from(error: CallError) -> Self {
        if error.fault == Fault::NotFound && error.endpoint.is_of_issue() {
            return Self::Missing(error);
        }
        let held = match &error.fault {
            Fault::HeldBack(held) | Fault::RateLimited { held, .. } => Some(*held),
            _ => None,
        };
        // Only the site's pace and its own limits concern every incident.
        if let Some(held) = held.filter(|held| held.scope != Scope::Site) {
            return Self::Wait { until: held.until, why: error.to_string() };
        }
        let refusal = Refusal::from(error);
        match refusal.remedy {
            Remedy::GiveUp | Remedy::Split => {
                Self::Refused { why: refusal.message, trace_id: refusal.trace_id }
            }
            _ => Self::All(Box::new(refusal)),
        }
    }
}
