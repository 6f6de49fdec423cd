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

/// `provider_id` of the component that incidents without components affect; destinations show an incident with at least one.
pub const FALLBACK_COMPONENT: &str = "unassigned";

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

impl Component {
    /// The source's fallback component, which has to be sent like any other before an incident names it.
    #[must_use]
    pub fn fallback(name: &str, home_url: &str, now: Timestamp) -> Self {
        Self {
            provider_id: FALLBACK_COMPONENT.to_owned(),
            name: name.to_owned(),
            description: "Incidents for which the tool names no service.".to_owned(),
            url: home_url.to_owned(),
            avatar_url: None,
            tier: None,
            component_type: None,
            updated_at: now,
            workspaces: Vec::new(),
        }
    }
}
