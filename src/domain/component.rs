//! A service of the tool: what incidents affect (component) and what Jira's users search (container).

use serde::{Deserialize, Serialize};

use super::Timestamp;

/// Tiers that Jira accepts, worst consequence first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Tier {
    #[serde(rename = "Tier 1")]
    One,
    #[serde(rename = "Tier 2")]
    Two,
    #[serde(rename = "Tier 3")]
    Three,
    #[serde(rename = "Tier 4")]
    Four,
}

/// Component types that Jira accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ComponentType {
    Service,
    Application,
    Library,
    Capability,
    #[serde(rename = "Cloud resource")]
    CloudResource,
    #[serde(rename = "Data pipeline")]
    DataPipeline,
    #[serde(rename = "Machine learning model")]
    MachineLearningModel,
    #[serde(rename = "UI element")]
    UiElement,
    Website,
    Other,
}

/// One component. What the tool does not know is `None` and filled from the source's settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    pub provider_id: String,
    pub name: String,
    /// Markdown; may be empty.
    pub description: String,
    pub url: String,
    pub avatar_url: Option<String>,
    pub tier: Option<Tier>,
    pub component_type: Option<ComponentType>,
    pub updated_at: Timestamp,
    /// The tool's ids of the workspaces it belongs to; empty means the source's account.
    pub workspaces: Vec<String>,
}
