//! Looks entities up, and never changes one.

use std::collections::BTreeSet;

use super::Entities;
use crate::clock::Timestamp;
use crate::domain::{Component, Entity, EntityId, EntityKind, SourceId, address_digest};
use crate::store::db::{Kept, Millis, args};
use crate::store::error::StoreError;

/// Entities that share a number or an address: a tool without pages of its own gives every incident the same.
const MOST_NAMED: i64 = 20;

/// An entity as stored.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct StoredEntity {
    pub kind: EntityKind,
    pub id: EntityId,
    pub source: String,
    /// The tool's own id.
    pub provider_id: String,
    pub version: i64,
    /// `None` once deleted.
    pub content: Option<Entity>,
    /// What people call it in the tool, if that is not its id.
    pub number: Option<String>,
    /// When the tool last said something new of it.
    #[sqlx(try_from = "Millis")]
    pub updated_at: Timestamp,
}

/// What an entity's content is compared by.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct StoredDigest {
    pub version: i64,
    /// Of the content, as the domain makes it.
    pub digest: String,
}

/// A component as something to search for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    pub source: String,
    pub id: EntityId,
    /// The tool's id of the workspace.
    pub workspace: String,
    pub component: Component,
    pub updated_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct ContainerRow {
    source: String,
    id: EntityId,
    workspace: String,
    content: Kept,
    #[sqlx(try_from = "Millis")]
    updated_at: Timestamp,
}

impl ContainerRow {
    /// `None`, with a line in the log, when its content cannot be read.
    fn open(self) -> Option<Container> {
        let component = Component::try_from(self.content.read(&self.id)?.clone()).ok()?;
        let Self { source, id, workspace, updated_at, .. } = self;
        Some(Container { source, id, workspace, component, updated_at })
    }
}

impl Entities<'_> {
    /// Version and content digest of an entity.
    pub async fn find_digest(
        self,
        kind: EntityKind,
        id: &EntityId,
    ) -> Result<Option<StoredDigest>, StoreError> {
        let sql = r#"
            SELECT version, digest
            FROM entities
            WHERE kind = $1 AND id = $2"#;
        self.db.find(sql, &args![kind, id]).await
    }

    /// Entities that an operator may mean by `id`: an id in Jira, or the tool's own.
    pub async fn find(self, id: &str) -> Result<Vec<StoredEntity>, StoreError> {
        let sql = r#"
            SELECT kind, id, source, provider_id, version, content, number, updated_at
            FROM entities
            WHERE (kind IN ('component', 'incident', 'review') AND id = $1) OR provider_id = $1
            ORDER BY kind, id"#;
        self.db.list(sql, &args![id]).await
    }

    /// Entities that people call `name` in the tool, or that it shows at that address: at most twenty, the last
    /// changed first.
    pub async fn find_named(self, name: &str) -> Result<Vec<StoredEntity>, StoreError> {
        let sql = r#"
            SELECT kind, id, source, provider_id, version, content, number, updated_at
            FROM entities
            WHERE number = $1 OR url_digest = $2
            ORDER BY updated_at DESC, kind, id
            LIMIT $3"#;
        self.db.list(sql, &args![name.trim_start_matches('#'), address_digest(name), MOST_NAMED]).await
    }

    /// One entity.
    pub async fn find_one(self, kind: EntityKind, id: &EntityId) -> Result<Option<StoredEntity>, StoreError> {
        let sql = r#"
            SELECT kind, id, source, provider_id, version, content, number, updated_at
            FROM entities
            WHERE kind = $1 AND id = $2"#;
        self.db.find(sql, &args![kind, id]).await
    }

    /// Present entities of a source in the order of their ids, after `after`.
    pub async fn list(
        self,
        source: &SourceId,
        kind: EntityKind,
        after: &str,
        limit: usize,
    ) -> Result<Vec<StoredEntity>, StoreError> {
        let sql = r#"
            SELECT kind, id, source, provider_id, version, content, number, updated_at
            FROM entities
            WHERE source = $1 AND kind = $2 AND id > $3 AND content IS NOT NULL
            ORDER BY id
            LIMIT $4"#;
        self.db.list(sql, &args![source, kind, after, limit]).await
    }

    /// The next `limit` components of all sources in the order of their ids, without those that cannot be read;
    /// and the last id looked at, unless there was none.
    pub async fn list_containers(
        self,
        after: Option<&EntityId>,
        limit: usize,
    ) -> Result<(Vec<Container>, Option<EntityId>), StoreError> {
        let sql = r#"
            SELECT source, id, workspace, content, updated_at
            FROM entities
            WHERE kind = 'component' AND content IS NOT NULL AND id > $1
            ORDER BY id
            LIMIT $2"#;
        let after = after.map_or("", EntityId::as_str);
        let rows: Vec<ContainerRow> = self.db.list(sql, &args![after, limit]).await?;
        let last = rows.last().map(|row| row.id.clone());
        Ok((rows.into_iter().filter_map(ContainerRow::open).collect(), last))
    }

    /// Those of these components that are present and can be read.
    pub async fn list_containers_among(self, ids: &BTreeSet<EntityId>) -> Result<Vec<Container>, StoreError> {
        let sql = r#"
            SELECT source, id, workspace, content, updated_at
            FROM entities
            WHERE kind = 'component' AND content IS NOT NULL AND id IN (VALUES {rows})"#;
        let ids: Vec<_> = ids.iter().map(|id| args![id]).collect();
        let rows: Vec<ContainerRow> = self.db.list_all(sql, &ids).await?;
        Ok(rows.into_iter().filter_map(ContainerRow::open).collect())
    }

    /// The tool's ids of the components of a source that the tool itself has listed.
    pub async fn list_listed_components(self, source: &SourceId) -> Result<Vec<String>, StoreError> {
        let sql = r#"
            SELECT provider_id
            FROM entities
            WHERE source = $1 AND kind = 'component' AND content IS NOT NULL AND mentioned = 0
            ORDER BY provider_id"#;
        self.db.list_values(sql, &args![source]).await
    }
}
