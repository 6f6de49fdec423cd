//! Which issues people have linked to incidents and reviews in Jira, as Jira reported.

use super::Entities;
use crate::domain::{DestinationId, EntityId, EntityKind};
use crate::store::db::{Tx, args};
use crate::store::error::StoreError;
use crate::store::timeline::NewEvent;
use crate::store::timeline::event::TimelineEvent;

/// Issues that are kept for one entity and destination: more than people ever link.
const MOST_ISSUES: i64 = 1000;

/// A link that Jira reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityAssociation {
    pub entity: EntityId,
    /// Id of the issue.
    pub issue: String,
    /// JSON of what Jira sent, without names of people.
    pub detail: serde_json::Value,
}

impl Entities<'_> {
    /// Keeps associations (or removes them) and writes them into their entities' timelines. Leaves out those of
    /// an entity that nobody has reported, and those beyond `MOST_ISSUES`.
    pub async fn record_associations(
        self,
        destination: &DestinationId,
        associations: &[EntityAssociation],
        present: bool,
    ) -> Result<(), StoreError> {
        let write = r#"
            INSERT INTO associations (destination, entity_id, issue_id, detail, created_at)
            VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (destination, entity_id, issue_id) DO UPDATE
            SET detail = excluded.detail"#;
        let remove = r#"
            DELETE FROM associations
            WHERE destination = $1 AND entity_id = $2 AND issue_id = $3"#;
        self.db
            .transact(|mut tx| async move {
                let mut events = Vec::with_capacity(associations.len());
                for EntityAssociation { entity, issue, detail } in associations {
                    let kind = find_kind(&mut tx, entity).await?;
                    if !present {
                        tx.execute(remove, &args![destination, entity, issue]).await?;
                    } else if kind.is_some()
                        && count_issues(&mut tx, destination, entity).await? < MOST_ISSUES
                    {
                        let args = args![destination, entity, issue, detail.to_string(), self.clock.now()];
                        tx.execute(write, &args).await?;
                    } else {
                        continue;
                    }
                    let Some(kind) = kind else { continue };
                    let issue = issue.clone();
                    events.push(NewEvent {
                        kind,
                        entity_id: entity.clone(),
                        destination: Some(destination),
                        event: if present {
                            TimelineEvent::Associated { issue }
                        } else {
                            TimelineEvent::Disassociated { issue }
                        },
                    });
                }
                self.timeline.record(&mut tx, &events).await?;
                Ok((tx, ()))
            })
            .await
    }

    /// Ids of the issues linked to an entity on any site.
    pub async fn list_associations_of(self, entity: &EntityId) -> Result<Vec<String>, StoreError> {
        let sql = r#"
            SELECT issue_id
            FROM associations
            WHERE entity_id = $1
            ORDER BY issue_id"#;
        self.db.list_values(sql, &args![entity]).await
    }

    /// Ids of the issues linked to an entity on a site.
    pub async fn list_associations(
        self,
        destination: &DestinationId,
        entity: &EntityId,
    ) -> Result<Vec<String>, StoreError> {
        let sql = r#"
            SELECT issue_id
            FROM associations
            WHERE destination = $1 AND entity_id = $2
            ORDER BY issue_id"#;
        self.db.list_values(sql, &args![destination, entity]).await
    }

    /// Forgets all associations of a site.
    pub(in crate::store) async fn erase_associations(
        self,
        tx: &mut Tx,
        destination: &DestinationId,
    ) -> Result<(), StoreError> {
        let sql = r#"
            DELETE FROM associations
            WHERE destination = $1"#;
        tx.execute(sql, &args![destination]).await?;
        Ok(())
    }
}

async fn count_issues(
    tx: &mut Tx,
    destination: &DestinationId,
    entity: &EntityId,
) -> Result<i64, StoreError> {
    let sql = r#"
        SELECT COUNT(*)
        FROM associations
        WHERE destination = $1 AND entity_id = $2"#;
    Ok(tx.find_value(sql, &args![destination, entity]).await?.unwrap_or_default())
}

/// Whether the id names an incident or a review.
async fn find_kind(tx: &mut Tx, entity: &EntityId) -> Result<Option<EntityKind>, StoreError> {
    let sql = r#"
        SELECT kind
        FROM entities
        WHERE id = $1 AND kind <> 'component'"#;
    let found: Option<EntityKind> = tx.find_value(sql, &args![entity]).await?;
    Ok(found)
}
