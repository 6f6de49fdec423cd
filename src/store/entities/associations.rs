//! Which issues people have linked to incidents and reviews in Jira, as Jira told.

use serde_json::json;

use crate::domain::{ClientKey, EntityId, EntityKind};
use crate::store::db::args;
use crate::store::entities::timeline::About;
use crate::store::{Store, StoreError};

/// A link that Jira reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityAssociation {
    pub entity: EntityId,
    pub issue: String,
    /// JSON of what Jira sent, without names of people.
    pub detail: serde_json::Value,
}

impl Store {
    /// Keeps (or removes) an association and writes it into the entity's timeline.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn record_association(
        &self,
        site: &ClientKey,
        association: &EntityAssociation,
        present: bool,
    ) -> Result<(), StoreError> {
        let (entity, issue) = (association.entity.as_str(), association.issue.as_str());
        let mut tx = self.db.begin().await?;
        if present {
            tx.execute(
                "INSERT INTO associations (client_key, entity_id, issue_id, detail, created_at) VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT (client_key, entity_id, issue_id) DO UPDATE SET detail = excluded.detail",
                &args![site.as_str(), entity, issue, association.detail.to_string(), self.clock.now_ms()],
            )
            .await?;
        } else {
            tx.execute(
                "DELETE FROM associations WHERE client_key = $1 AND entity_id = $2 AND issue_id = $3",
                &args![site.as_str(), entity, issue],
            )
            .await?;
        }
        let known: Option<(String,)> = tx
            .find("SELECT kind FROM entities WHERE jira_id = $1 AND kind <> 'component'", &args![entity])
            .await?;
        let kind = known.and_then(|(kind,)| EntityKind::find(&kind)).unwrap_or(EntityKind::Incident);
        let event = if present { "associated" } else { "disassociated" };
        let about = About { kind, id: &association.entity, site: Some(site) };
        self.record_event(&mut tx, about, event, &json!({ "issue": issue })).await?;
        tx.commit().await
    }

    /// Ids of the issues linked to an entity on any site.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_associations_of(&self, entity: &EntityId) -> Result<Vec<String>, StoreError> {
        let rows: Vec<(String,)> = self
            .db
            .list(
                "SELECT issue_id FROM associations WHERE entity_id = $1 ORDER BY issue_id",
                &args![entity.as_str()],
            )
            .await?;
        Ok(rows.into_iter().map(|(issue,)| issue).collect())
    }

    /// Ids of the issues linked to an entity on a site.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_associations(
        &self,
        site: &ClientKey,
        entity: &EntityId,
    ) -> Result<Vec<String>, StoreError> {
        let rows: Vec<(String,)> = self
            .db
            .list(
                "SELECT issue_id FROM associations WHERE client_key = $1 AND entity_id = $2 ORDER BY issue_id",
                &args![site.as_str(), entity.as_str()],
            )
            .await?;
        Ok(rows.into_iter().map(|(issue,)| issue).collect())
    }
}
