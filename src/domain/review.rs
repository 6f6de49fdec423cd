//! A post-incident review (PIR) as a tool reports it.

use serde::{Deserialize, Serialize};

use super::{Association, Timestamp};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewStatus {
    InProgress,
    OutstandingActions,
    Completed,
    Unknown,
}

impl ReviewStatus {
    /// Jira's own words, spaces included, as the Operations API spells them.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "in progress",
            Self::OutstandingActions => "outstanding actions",
            Self::Completed => "completed",
            Self::Unknown => "unknown",
        }
    }
}

/// One review; `incidents` are the tool's ids of the incidents it covers (at least one).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostIncidentReview {
    pub provider_id: String,
    pub incidents: Vec<String>,
    pub summary: String,
    /// Markdown.
    pub description: String,
    pub url: String,
    pub status: ReviewStatus,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub workspaces: Vec<String>,
    pub associations: Vec<Association>,
}
