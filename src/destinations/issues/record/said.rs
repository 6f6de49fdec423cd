//! What a work item was told last, facet by facet.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::destinations::issues::content::workflow::Wish;
use crate::domain::{Incident, IncidentStatus, Severity, Timestamp};

/// What an incident says of its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    Open,
    Acknowledged,
    Resolved,
}

impl Standing {
    /// `None` if the tool does not say: then no status changes.
    #[must_use]
    pub fn of(incident: &Incident) -> Option<Self> {
        match incident.status {
            IncidentStatus::Open if incident.words.acknowledged => Some(Self::Acknowledged),
            IncidentStatus::Open => Some(Self::Open),
            IncidentStatus::Resolved => Some(Self::Resolved),
            IncidentStatus::Unknown => None,
        }
    }
}

/// What was written last.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Said {
    /// The version of the incident of which nothing is left to do.
    pub version: i64,
    /// Version in the property.
    pub seq: i64,
    /// Digest of the fields that were wanted.
    pub fields: Option<String>,
    pub standing: Option<Standing>,
    /// The standing that a request for a change of status may have brought about whose answer was not noted.
    pub moving: Option<Standing>,
    /// The change of status that a comment was written for last.
    pub commented: Option<i64>,
    pub level: Option<Severity>,
    /// The link to the incident.
    pub link: Option<Value>,
    /// A request for another link may have left, and its answer was not noted.
    pub is_linking: bool,
    pub edited_at: Option<Timestamp>,
    pub resolved_at: Option<Timestamp>,
}

impl Said {
    /// How the status should change, in order. What may have been brought about is taken back if it is no longer so.
    #[must_use]
    pub fn wishes(&self, now: Option<Standing>) -> Vec<Wish> {
        let moving = self.moving.filter(|moving| now != Some(*moving));
        find_wishes(now, moving.or(self.standing))
    }
}

/// How the status should change, in order. A new work item counts as open.
#[must_use]
pub(super) fn find_wishes(now: Option<Standing>, said: Option<Standing>) -> Vec<Wish> {
    let said = said.unwrap_or(Standing::Open);
    match (now, said) {
        (Some(Standing::Resolved), Standing::Open | Standing::Acknowledged) => vec![Wish::Resolve],
        (Some(Standing::Open), Standing::Resolved) => vec![Wish::Reopen],
        (Some(Standing::Acknowledged), Standing::Resolved) => vec![Wish::Reopen, Wish::Acknowledge],
        (Some(Standing::Acknowledged), Standing::Open) => vec![Wish::Acknowledge],
        _ => Vec::new(),
    }
}
