//! Moves entities to other workspaces when the configuration changes: one for the account, or one for each
//! team.
//!
//! Jira keeps the workspace with the entity, so whatever moves gets a new version and is sent again.

use std::borrow::Cow;

use crate::domain::{Entity, Priority, next_version};
use crate::store::Store;
use crate::store::db::generations;
use crate::store::entities::versions::{Key, NewVersion, PlacedEntity};
use crate::store::error::StoreError;
use crate::store::transactions::changes::{Changes, workspace_of};
use crate::store::transactions::report::{Origin, SourceScope};

/// Entities that are looked at in one transaction.
const STEP: usize = 500;

impl Store {
    /// Moves the entities of a source to where its configuration puts them, if that has changed since the
    /// last start. Safe to be interrupted. Returns how many were moved.
    pub async fn move_workspaces(&self, scope: &SourceScope<'_>) -> Result<usize, StoreError> {
        let before = self.entities().find_workspace_mode(scope.source).await?;
        if before == Some(scope.teams) {
            return Ok(0);
        }
        let mut moved = 0;
        if before.is_some() {
            let mut after = None;
            while let Some((last, some)) = self.move_some(scope, after.as_ref()).await? {
                after = Some(last);
                moved += some;
            }
        }
        self.entities().record_workspace_mode(scope.source, scope.teams).await?;
        Ok(moved)
    }

    /// Returns the last entity looked at, unless there was none, and how many were moved.
    async fn move_some(
        &self,
        scope: &SourceScope<'_>,
        after: Option<&Key>,
    ) -> Result<Option<(Key, usize)>, StoreError> {
        self.db
            .transact(|mut tx| async move {
                generations::keep_sites(&mut tx).await?;
                generations::lock_source(&mut tx, scope.source).await?;
                let destinations = self.audience(&mut tx, scope).await?;
                let entities = self.entities().list_placed(&mut tx, scope.source, after, STEP).await?;
                let last = entities.last().map(|entity| (entity.kind, entity.id.clone()));
                let mut changes = Changes::default();
                for entity in entities {
                    let Some(content) = entity.content.read(&entity.id) else { continue };
                    let workspace = workspace_of(scope, Some(content));
                    if workspace != entity.workspace {
                        let moved = moved_to(workspace, content.clone(), &entity);
                        changes.store(moved, Priority::Refresh, &Origin::Configuration);
                    }
                }
                self.write_changes(&mut tx, scope.source, &mut changes).await?;
                self.deliveries().enqueue(&mut tx, &destinations, &changes.wanted).await?;
                Ok((tx, last.map(|last| (last, changes.versions.len()))))
            })
            .await
    }
}

/// The same content in another workspace.
fn moved_to(workspace: String, content: Entity, entity: &PlacedEntity) -> NewVersion<'static> {
    NewVersion {
        kind: entity.kind,
        id: entity.id.clone(),
        provider_id: Cow::Owned(entity.provider_id.clone()),
        workspace,
        version: next_version(Some(entity.version), entity.version),
        event_time: entity.event_time,
        digest: entity.digest.clone(),
        standing: entity.standing.clone(),
        content: Some(Cow::Owned(content)),
        mentioned: entity.mentioned,
        replaces: true,
    }
}
