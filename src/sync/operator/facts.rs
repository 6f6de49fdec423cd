//! What an entity is: its content with the names and links that people look for beside it.

use super::Operator;
use super::story::{Facts, Review};
use crate::domain::{Association, Entity, EntityId, EntityKind, SourceId};
use crate::store::StoredEntity;
use crate::sync::core::SyncError;

/// The type of an association that names issues.
const ISSUES: &str = "issueIdOrKeys";

impl Operator {
    /// What an entity is; `None` once deleted.
    pub(super) async fn collect_facts(&self, entity: &StoredEntity) -> Result<Option<Facts>, SyncError> {
        let Some(content) = &entity.content else { return Ok(None) };
        let mut facts = describe(content, entity);
        if let Entity::Incident(incident) = content {
            facts.services = self.name_services(&entity.source, &incident.components).await?;
            facts.reviews = self.find_reviews(&entity.source, &incident.provider_id).await?;
        }
        for issue in self.store.entities().list_associations_of(&entity.id).await? {
            if !facts.issues.contains(&issue) {
                facts.issues.push(issue);
            }
        }
        Ok(Some(facts))
    }

    /// The names of components, or their ids where no name is known.
    pub(super) async fn name_services(
        &self,
        source: &str,
        components: &[String],
    ) -> Result<Vec<String>, SyncError> {
        let Ok(source) = SourceId::parse(source) else { return Ok(components.to_vec()) };
        let mut names = Vec::with_capacity(components.len());
        for component in components {
            let id = EntityId::new(&source, component);
            let known = self.store.entities().find_one(EntityKind::Component, &id).await?;
            names.push(match known.and_then(|known| known.content) {
                Some(Entity::Component(known)) => known.name,
                _ => component.clone(),
            });
        }
        Ok(names)
    }

    async fn find_reviews(&self, source: &str, incident: &str) -> Result<Vec<Review>, SyncError> {
        let naming = self.store.entities().list_reviews_naming(source, incident).await?;
        let reviews = naming.into_iter().filter_map(|stored| match stored.content {
            Some(Entity::Review(review)) if review.incidents.iter().any(|id| id == incident) => {
                Some(Review {
                    jira_id: stored.id,
                    title: review.summary,
                    status: review.status.as_str(),
                    url: review.url,
                })
            }
            _ => None,
        });
        Ok(reviews.collect())
    }
}

/// What the content alone says.
fn describe(content: &Entity, entity: &StoredEntity) -> Facts {
    let (title, associations): (&str, &[Association]) = match content {
        Entity::Component(it) => (&it.name, &[]),
        Entity::Incident(it) => (&it.summary, &it.associations),
        Entity::Review(it) => (&it.summary, &it.associations),
    };
    let (status, severity, created_at, updated_at) = match content {
        Entity::Component(it) => (None, None, None, it.updated_at),
        Entity::Incident(it) => {
            (Some(it.status.as_str()), Some(it.severity.as_str()), Some(it.created_at), it.updated_at)
        }
        Entity::Review(it) => (Some(it.status.as_str()), None, Some(it.created_at), it.updated_at),
    };
    let issues = associations.iter().filter(|it| it.association_type == ISSUES);
    Facts {
        title: title.to_owned(),
        status,
        severity,
        services: Vec::new(),
        url: content.url().to_owned(),
        number: entity.number.clone(),
        created_at,
        updated_at,
        reviews: Vec::new(),
        issues: issues.flat_map(|it| it.values.clone()).collect(),
    }
}
