//! An incident as a tool reports it, before Jira's limits are applied.

use serde::{Deserialize, Serialize};

use super::{Severity, Timestamp, ToolWords};

/// Jira knows three states of an incident; every status of a tool maps to one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IncidentStatus {
    Open,
    Resolved,
    Unknown,
}

impl IncidentStatus {
    /// Jira's own word, as the Operations API spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Resolved => "resolved",
            Self::Unknown => "unknown",
        }
    }
}

/// A link from an incident or review to something in Jira.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Association {
    /// `issueIdOrKeys`, `serviceIdOrKeys` or `ati:cloud:compass:event-source`.
    pub association_type: String,
    pub values: Vec<String>,
}

/// One incident of a tool. Texts are as the tool wrote them; empty means that it said nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// The tool's own id.
    pub provider_id: String,
    pub summary: String,
    /// Markdown.
    pub description: String,
    /// Where people open the incident in the tool.
    pub url: String,
    pub status: IncidentStatus,
    pub severity: Severity,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// The tool's ids of the affected components; empty means the source's fallback component.
    pub components: Vec<String>,
    /// The tool's ids of the workspaces (teams) it belongs to; empty means the source's account.
    pub workspaces: Vec<String>,
    pub associations: Vec<Association>,
    /// What the tool said for status and severity.
    #[serde(default, skip_serializing_if = "ToolWords::is_aside")]
    pub words: ToolWords,
}
