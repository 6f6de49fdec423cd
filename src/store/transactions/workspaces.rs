//! Moves entities to other workspaces when the configuration changes: one for the account, or one for each
//! team.
//!
//! Jira keeps the workspace with the entity, so whatever moves gets a new version and is sent again.

use std::borrow::Cow;

use crate::domain::Priority;
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
            while let Some(last) = self.move_some(scope, after.as_ref(), &mut moved).await? {
                after = Some(last);
            }
        }
        self.entities().record_workspace_mode(scope.source, scope.teams).await?;
        Ok(moved)
    }

    /// Returns the last entity looked at, unless there was none.
    async fn move_some(
        &self,
        scope: &SourceScope<'_>,
        after: Option<&Key>,
        moved: &mut usize,
    ) -> Result<Option<Key>, StoreError> {
        let mut tx = self.db.begin().await?;
        generations::lock_sites(&mut tx).await?;
        let destinations = self.audience(&mut tx, scope).await?;
        let entities = self.entities().list_placed(&mut tx, scope.source, after, STEP).await?;
        let last = entities.last().map(|entity| (entity.kind, entity.id.clone()));
        let mut changes = Changes::default();
        for entity in entities {
            let workspace = workspace_of(scope, Some(&entity.content));
            if workspace != entity.workspace {
                changes.store(moved_to(workspace, entity), Priority::Refresh, &Origin::Configuration);
            }
        }
        *moved += changes.versions.len();
        self.write_changes(&mut tx, scope.source, &destinations, &changes).await?;
        tx.commit().await?;
        Ok(last)
    }
}

/// The same content in another workspace.
fn moved_to(workspace: String, entity: PlacedEntity) -> NewVersion<'static> {
    NewVersion {
        kind: entity.kind,
        id: entity.id,
        provider_id: Cow::Owned(entity.provider_id),
        workspace,
        version: entity.version.saturating_add(1),
        event_time: entity.event_time,
        digest: entity.digest,
        standing: entity.standing,
        content: Some(Cow::Owned(entity.content)),
        mentioned: entity.mentioned,
    }
}
