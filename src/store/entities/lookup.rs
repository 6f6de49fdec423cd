//! Incidents, reviews and components in their current version.

use crate::domain::{ClientKey, Entity, EntityId, EntityKind, SourceId};
use crate::store::db::{Tx, args};
use crate::store::sites::installations::lock_sites;
use crate::store::{Store, StoreError, from_json};

/// An entity as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEntity {
    pub kind: EntityKind,
    pub jira_id: EntityId,
    pub source: String,
    pub provider_id: String,
    pub version: i64,
    /// `None` once deleted.
    pub content: Option<Entity>,
}

#[derive(sqlx::FromRow)]
struct EntityRow {
    kind: String,
    jira_id: String,
    source: String,
    provider_id: String,
    version: i64,
    content: Option<String>,
}

impl TryFrom<EntityRow> for StoredEntity {
    type Error = StoreError;
    fn try_from(row: EntityRow) -> Result<Self, StoreError> {
        Ok(Self {
            kind: parse_kind(&row.kind)?,
            content: row.content.map(|text| from_json("an entity", &text)).transpose()?,
            jira_id: EntityId::from_text(row.jira_id),
            source: row.source,
            provider_id: row.provider_id,
            version: row.version,
        })
    }
}

pub(in crate::store) fn parse_kind(text: &str) -> Result<EntityKind, StoreError> {
    EntityKind::find(text).ok_or_else(|| StoreError::Inconsistent {
        what: "an entity".to_owned(),
        why: format!("unknown kind {text:?}"),
    })
}

impl Store {
    /// Puts every present entity of `source` up for delivery to `site`, as if nothing had ever been sent.
    pub(in crate::store) async fn want_everything(
        &self,
        tx: &mut Tx,
        site: &ClientKey,
        source: &SourceId,
    ) -> Result<(), StoreError> {
        tx.execute(
            "INSERT INTO deliveries (client_key, kind, jira_id, wanted, state, priority, queued_at, waiting_since, updated_at) \
             SELECT $1, kind, jira_id, version, 'waiting', 1, $3, $3, $3 FROM entities WHERE source = $2 AND content IS NOT NULL \
             ON CONFLICT (client_key, kind, jira_id) DO UPDATE SET wanted = excluded.wanted, acknowledged = 0, confirmed = 0, \
               state = 'waiting', priority = 1, queued_at = excluded.queued_at, waiting_since = excluded.waiting_since, reason = NULL, \
               trace_id = NULL, attempts = 0, resends = 0, batch = NULL, confirm_at = NULL, updated_at = excluded.updated_at",
            &args![site.as_str(), source.as_str(), self.clock.now_ms()],
        )
        .await?;
        Ok(())
    }

    /// Puts every present entity of `source` up for delivery to `sites` in a new version, so that Jira takes it
    /// although the tool told nothing new: the mapping may have changed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn want_all(&self, sites: &[&ClientKey], source: &SourceId) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        lock_sites(&mut tx).await?;
        tx.execute(
            "UPDATE entities SET version = version + 1 WHERE source = $1 AND content IS NOT NULL",
            &args![source.as_str()],
        )
        .await?;
        for site in sites {
            self.want_everything(&mut tx, site, source).await?;
        }
        tx.commit().await
    }

    /// Version and content digest of an entity.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_digest(
        &self,
        kind: EntityKind,
        id: &EntityId,
    ) -> Result<Option<(i64, String)>, StoreError> {
        self.db
            .find(
                "SELECT version, digest FROM entities WHERE kind = $1 AND jira_id = $2",
                &args![kind.as_str(), id.as_str()],
            )
            .await
    }

    /// Present entities of a source, with their versions, that some site has not acknowledged yet.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_waiting(&self, source: &SourceId) -> Result<Vec<(i64, Entity)>, StoreError> {
        let rows: Vec<(i64, String)> = self
            .db
            .list(
                "SELECT e.version, e.content FROM entities e WHERE e.source = $1 AND e.content IS NOT NULL AND EXISTS \
                   (SELECT 1 FROM deliveries d WHERE d.kind = e.kind AND d.jira_id = e.jira_id AND d.state = 'waiting') \
                 ORDER BY e.kind, e.jira_id",
                &args![source.as_str()],
            )
            .await?;
        rows.into_iter().map(|(version, text)| Ok((version, from_json("an entity", &text)?))).collect()
    }

    /// Entities that an operator may mean by `id`: an id in Jira, or the tool's own.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_entities(&self, id: &str) -> Result<Vec<StoredEntity>, StoreError> {
        let rows: Vec<EntityRow> = self
            .db
            .list(
                "SELECT kind, jira_id, source, provider_id, version, content FROM entities \
                 WHERE jira_id = $1 OR provider_id = $1 ORDER BY kind, jira_id",
                &args![id],
            )
            .await?;
        rows.into_iter().map(StoredEntity::try_from).collect()
    }

    /// Present entities of a source in the order of their ids, after `after`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_entities(
        &self,
        source: &SourceId,
        kind: EntityKind,
        after: &str,
        limit: i64,
    ) -> Result<Vec<StoredEntity>, StoreError> {
        let rows: Vec<EntityRow> = self
            .db
            .list(
                "SELECT kind, jira_id, source, provider_id, version, content FROM entities \
                 WHERE source = $1 AND kind = $2 AND jira_id > $3 AND content IS NOT NULL ORDER BY jira_id LIMIT $4",
                &args![source.as_str(), kind.as_str(), after, limit],
            )
            .await?;
        rows.into_iter().map(StoredEntity::try_from).collect()
    }
}
