//! Which workspace each entity of a source stands in, when the configuration changes its mind: one for the account,
//! or one for each team.
//!
//! Jira keeps the workspace with the entity, so whatever moves gets a new version and is sent again.

use crate::clock::from_millis;
use crate::domain::{Entity, EntityId, SourceId};
use crate::store::apply::{NewVersion, Writer, home, visible_sites};
use crate::store::db::args;
use crate::store::entities::lookup::parse_kind;
use crate::store::report::{Origin, SourceScope};
use crate::store::sites::installations::{bump_directory, lock_sites};
use crate::store::{Store, StoreError, from_json};

/// Entities that are looked at in one transaction.
const STEP: i64 = 500;

#[derive(sqlx::FromRow)]
struct Row {
    kind: String,
    jira_id: String,
    provider_id: String,
    workspace: String,
    version: i64,
    event_time: i64,
    digest: String,
    content: String,
    mentioned: i64,
}

impl Store {
    /// Moves the entities of a source to where its configuration wants them, if that has changed since the
    /// last start. Safe to be interrupted. Returns how many were moved.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn move_homes(&self, scope: &SourceScope<'_>) -> Result<u64, StoreError> {
        let source = scope.source.as_str();
        let before: Option<(i64,)> =
            self.db.find("SELECT teams FROM homes WHERE source = $1", &args![source]).await?;
        let before = before.map(|(teams,)| teams != 0);
        if before == Some(scope.teams) {
            return Ok(0);
        }
        let mut moved = 0;
        if before.is_some() {
            let mut after = Some((String::new(), String::new()));
            while let Some(place) = after.take() {
                after = self.move_some(scope, &place, &mut moved).await?;
            }
        }
        self.db
            .execute(
                "INSERT INTO homes (source, teams) VALUES ($1, $2) ON CONFLICT (source) DO UPDATE SET teams = excluded.teams",
                &args![source, scope.teams],
            )
            .await?;
        Ok(moved)
    }

    /// Returns where to go on, unless that was the end.
    async fn move_some(
        &self,
        scope: &SourceScope<'_>,
        (kind, id): &(String, String),
        moved: &mut u64,
    ) -> Result<Option<(String, String)>, StoreError> {
        let mut tx = self.db.begin().await?;
        lock_sites(&mut tx).await?;
        let sites = visible_sites(&mut tx, scope).await?;
        let rows: Vec<Row> = tx
            .list(
                "SELECT kind, jira_id, provider_id, workspace, version, event_time, digest, content, mentioned FROM entities \
                 WHERE source = $1 AND content IS NOT NULL AND (kind, jira_id) > ($2, $3) ORDER BY kind, jira_id LIMIT $4",
                &args![scope.source.as_str(), kind, id, STEP],
            )
            .await?;
        let mut writer =
            Writer { store: self, tx: &mut tx, scope, sites: &sites, origin: &Origin::Configuration };
        for row in &rows {
            let entity: Entity = from_json("an entity", &row.content)?;
            if home(scope, Some(&entity)) == row.workspace {
                continue;
            }
            *moved += 1;
            writer
                .store_version(&NewVersion {
                    kind: parse_kind(&row.kind)?,
                    id: &EntityId::from_text(row.jira_id.clone()),
                    provider_id: &row.provider_id,
                    version: row.version + 1,
                    event_time: from_millis(row.event_time),
                    digest: &row.digest,
                    entity: Some(&entity),
                    mentioned: row.mentioned != 0,
                    priority: NewVersion::REFRESH,
                })
                .await?;
        }
        tx.commit().await?;
        Ok(rows.into_iter().next_back().map(|row| (row.kind, row.jira_id)))
    }

    /// Takes all workspaces of a source but these from what sites may see. Returns how many.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn retire_workspaces(&self, source: &SourceId, keep: &[String]) -> Result<u64, StoreError> {
        let mut tx = self.db.begin().await?;
        let known: Vec<(String,)> = tx
            .list(
                "SELECT provider_id FROM workspaces WHERE source = $1 AND gone = 0",
                &args![source.as_str()],
            )
            .await?;
        let mut retired = 0;
        for (workspace,) in known.iter().filter(|(workspace,)| !keep.contains(workspace)) {
            retired += tx
                .execute(
                    "UPDATE workspaces SET gone = 1, updated_at = $3 WHERE source = $1 AND provider_id = $2",
                    &args![source.as_str(), workspace, self.clock.now_ms()],
                )
                .await?;
        }
        if retired > 0 {
            bump_directory(&mut tx).await?;
        }
        tx.commit().await?;
        Ok(retired)
    }

    /// Whether any present entity stands in this workspace.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_inhabited(&self, workspace: &EntityId) -> Result<bool, StoreError> {
        let found: Option<(i64,)> = self
            .db
            .find(
                "SELECT CAST(1 AS BIGINT) FROM workspaces w JOIN entities e ON e.source = w.source AND e.workspace = w.provider_id \
                 WHERE w.jira_id = $1 AND e.content IS NOT NULL LIMIT 1",
                &args![workspace.as_str()],
            )
            .await?;
        Ok(found.is_some())
    }
}
