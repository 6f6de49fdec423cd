//! What a mapping needs to know besides the entity. Must stay plain values: no configuration types here.

use url::Url;

use crate::domain::{ComponentType, SourceId, Tier};

/// The settings of one source that fill what its tool leaves out.
#[derive(Debug, Clone)]
pub struct MappingContext {
    pub source: SourceId,
    /// `providerName` of components; absent leaves the field out.
    pub provider_name: Option<String>,
    /// The tool's home page: stands in for a missing or unusable address of an entity. Jira takes at most
    /// 2000 characters.
    pub home_url: Url,
    /// Icon of components that bring none.
    pub avatar_url: String,
    pub tier: Tier,
    pub component_type: ComponentType,
}

impl MappingContext {
    /// The usual defaults: `Tier 4`, `Service`, and the icon served at `{base_url}/static/service.svg`.
    #[must_use]
    pub fn new(source: SourceId, home_url: Url, base_url: &Url) -> Self {
        Self {
            source,
            provider_name: None,
            home_url,
            avatar_url: format!("{}/static/service.svg", base_url.as_str().trim_end_matches('/')),
            tier: Tier::Four,
            component_type: ComponentType::Service,
        }
    }
}
