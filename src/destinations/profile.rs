//! What a destination needs to know about a source besides its entities.
//!
//! Must stay plain values: no configuration types here.

use std::borrow::Cow;

use url::Url;

use super::issue_keys::associate_issue_keys;
use crate::domain::{ComponentType, Entity, EntityKind, SourceId, Tier};

/// The settings of one source that fill in what its tool leaves out.
#[derive(Debug, Clone)]
pub struct SourceProfile {
    pub source: SourceId,
    /// `providerName` of components; absent leaves the field out.
    pub provider_name: Option<String>,
    /// The tool's home page: stands in for a missing or unusable address of an entity. Jira accepts at most
    /// 2000 characters.
    pub home_url: Url,
    /// Icon of components that have none.
    pub avatar_url: String,
    pub tier: Tier,
    pub component_type: ComponentType,
    /// Whether issue keys in titles and descriptions become associations.
    pub associate_issue_keys: bool,
}

impl SourceProfile {
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
            associate_issue_keys: false,
        }
    }

    /// The entity as destinations should receive it: with the issue keys in its texts as associations, if the
    /// source is configured so.
    #[must_use]
    pub fn complete<'e>(&self, entity: &'e Entity) -> Cow<'e, Entity> {
        if !self.associate_issue_keys || entity.kind() == EntityKind::Component {
            return Cow::Borrowed(entity);
        }
        let mut entity = entity.clone();
        associate_issue_keys(&mut entity);
        Cow::Owned(entity)
    }
}
