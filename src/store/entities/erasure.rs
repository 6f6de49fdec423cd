//! Erases the content of single entities, and finds those that may have to be redacted.

use std::collections::HashMap;

use super::Entities;
use super::lookup::StoredEntity;
use super::versions::Key;
use crate::domain::{Entity, EntityId, EntityKind, address_digest};
use crate::store::db::generations::{self, Part};
use crate::store::db::{Kept, Tx, args, to_json};
use crate::store::error::StoreError;

/// Digest of an entity that an operator erased: no statement of a tool brings it back.
pub(in crate::store) const ERASED: &str = "erased";

/// What is left of an erased entity.
#[derive(Debug, sqlx::FromRow)]
pub(in crate::store) struct ErasedRow {
    pub source: String,
    pub provider_id: String,
    pub version: i64,
}

impl Entities<'_> {
    /// Present entities of all sources after `after`, in the order of kind and id.
    pub async fn list_all(self, after: Option<&Key>, limit: usize) -> Result<Vec<StoredEntity>, StoreError> {
        let sql = r#"
            SELECT kind, id, source, provider_id, version, content, number, updated_at
            FROM entities
            WHERE content IS NOT NULL AND (kind, id) > ($1, $2)
            ORDER BY kind, id
            LIMIT $3"#;
        let (kind, id) = after.map_or(("", ""), |(kind, id)| (kind.as_str(), id.as_str()));
        self.db.list(sql, &args![kind, id, limit]).await
    }

    /// Erases the content in a new version. Returns what is left, or `None` when there is no such entity.
    pub(in crate::store) async fn write_erased(
        self,
        tx: &mut Tx,
        kind: EntityKind,
        id: &EntityId,
    ) -> Result<Option<ErasedRow>, StoreError> {
        let sql = r#"
            UPDATE entities
            SET content = NULL,
                digest = $1,
                standing = $1,
                mentioned = 0,
                number = NULL,
                url_digest = NULL,
                version = version + 1,
                updated_at = $2
            WHERE kind = $3 AND id = $4
            RETURNING source, provider_id, version"#;
        let erased = tx.find(sql, &args![ERASED, self.clock.now(), kind, id]).await?;
        if kind == EntityKind::Component {
            generations::bump_directory(tx, Part::Component, [id.as_str()]).await?;
        }
        Ok(erased)
    }

    /// The content of an entity; `Some(None)` once deleted.
    pub(in crate::store) async fn find_content(
        self,
        tx: &mut Tx,
        kind: EntityKind,
        id: &EntityId,
    ) -> Result<Option<Option<Entity>>, StoreError> {
        let sql = r#"
            SELECT content
            FROM entities
            WHERE kind = $1 AND id = $2"#;
        tx.find_value(sql, &args![kind, id]).await
    }

    /// The content of these entities; those that are absent or cannot be read are missing.
    pub(in crate::store) async fn list_readable(
        self,
        tx: &mut Tx,
        keys: &[Key],
    ) -> Result<HashMap<Key, Entity>, StoreError> {
        let sql = r#"
            SELECT e.kind, e.id, e.content
            FROM (VALUES {rows}) AS k
            CROSS JOIN entities e
            WHERE e.kind = k.column1 AND e.id = k.column2 AND e.content IS NOT NULL"#;
        let rows: Vec<_> = keys.iter().map(|(kind, id)| args![*kind, id]).collect();
        let found: Vec<(EntityKind, EntityId, Kept)> = tx.list_all(sql, &rows).await?;
        let readable = found.into_iter().filter_map(|(kind, id, kept)| Some(((kind, id), kept.0.ok()?)));
        Ok(readable.collect())
    }

    /// Stores other content in a new version, and returns the version. The digest stays that of what the tool
    /// said: a tool that says the same again brings nothing back.
    pub(in crate::store) async fn write_redacted(
        self,
        tx: &mut Tx,
        id: &EntityId,
        content: &Entity,
    ) -> Result<i64, StoreError> {
        let sql = r#"
            UPDATE entities
            SET content = $1, version = version + 1, updated_at = $2, url_digest = $5
            WHERE kind = $3 AND id = $4
            RETURNING version"#;
        let digest = address_digest(content.url());
        let args = args![to_json("an entity", content)?, self.clock.now(), content.kind(), id, digest];
        let version: Option<i64> = tx.find_value(sql, &args).await?;
        if content.kind() == EntityKind::Component {
            generations::bump_directory(tx, Part::Component, [id.as_str()]).await?;
        }
        version.ok_or_else(|| StoreError::Database(sqlx::Error::RowNotFound))
    }

    /// Forgets the issues linked to an entity.
    pub(in crate::store) async fn erase_associations_of(
        self,
        tx: &mut Tx,
        id: &EntityId,
    ) -> Result<(), StoreError> {
        let sql = r#"
            DELETE FROM associations
            WHERE entity_id = $1"#;
        tx.execute(sql, &args![id]).await?;
        Ok(())
    }
}
