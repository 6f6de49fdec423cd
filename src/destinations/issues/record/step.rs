//! What is to be done for an incident, from its record alone.

use chrono::TimeDelta;

use super::{Record, Standing, State};
use crate::domain::{Incident, IncidentStatus, Timestamp};

/// The next thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing, for this reason.
    None(String),
    Create,
    /// The request that left must be looked for, or waited for until then.
    Recover,
    Wait(Timestamp),
    Update,
    /// The work item was gone: perhaps it is back.
    LookAgain,
    /// The incident came back too late: it gets another work item.
    NewEpisode,
}

/// What of the configuration matters here.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    pub severe_enough: bool,
    pub create_resolved: bool,
    pub reopen_within: Option<TimeDelta>,
}

impl Record {
    /// What an incident asks for now.
    #[must_use]
    pub fn step(&self, incident: &Incident, policy: Policy, now: Timestamp) -> Step {
        match self.state {
            State::Absent | State::Creating | State::Refused => Self::begin(incident, policy),
            // The process ended between the request and its answer.
            State::Sending => Step::Recover,
            State::Uncertain => match self.creation.next_look() {
                Some(at) if at > now => Step::Wait(at),
                _ => Step::Recover,
            },
            State::Linked if self.is_too_late(incident, policy, now) => Step::NewEpisode,
            State::Linked => Step::Update,
            State::Gone => Step::LookAgain,
        }
    }

    fn begin(incident: &Incident, policy: Policy) -> Step {
        if !policy.severe_enough {
            return Step::None("it is less severe than `min_severity`".to_owned());
        }
        if incident.status == IncidentStatus::Resolved && !policy.create_resolved {
            return Step::None("it was resolved before a work item was made".to_owned());
        }
        Step::Create
    }

    fn is_too_late(&self, incident: &Incident, policy: Policy, now: Timestamp) -> bool {
        let reopens =
            incident.status == IncidentStatus::Open && self.said.standing == Some(Standing::Resolved);
        let is_over =
            |at: Timestamp| policy.reopen_within.is_some_and(|window| now.signed_duration_since(at) > window);
        reopens && self.said.resolved_at.is_some_and(is_over)
    }
}
