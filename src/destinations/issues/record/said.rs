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

impl From<Wish> for Standing {
    /// What a change of status leads to.
    fn from(wish: Wish) -> Self {
        match wish {
            Wish::Acknowledge => Self::Acknowledged,
            Wish::Resolve => Self::Resolved,
            Wish::Reopen => Self::Open,
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
    /// The change of status of which a comment is still to be written.
    pub uncommented: Option<Wish>,
    pub level: Option<Severity>,
    /// The link to the incident.
    pub link: Option<Value>,
    /// A request for another link may have left, and its answer was not noted.
    pub is_linking: bool,
    /// The incident, by the tool's id, whose work item this one's is a duplicate of.
    pub merged_into: Option<String>,
    pub edited_at: Option<Timestamp>,
    pub resolved_at: Option<Timestamp>,
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
