//! Writes new versions of entities. Which statement makes one is decided elsewhere.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Entities;
use crate::clock::{Timestamp, from_millis};
use crate::domain::{Entity, EntityId, EntityKind, Known, SourceId, TOLERANCE, address_digest};
use crate::store::db::generations::{self, Part};
use crate::store::db::{Flag, Kept, Micros, Millis, Tx, args, to_json};
use crate::store::error::StoreError;

/// What identifies an entity: ids of one kind are unique.
pub(in crate::store) type Key = (EntityKind, EntityId);

/// What is known about an entity before a statement.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(in crate::store) struct KnownEntity {
    pub version: i64,
    #[sqlx(try_from = "Micros")]
    pub event_time: Timestamp,
    #[sqlx(try_from = "Millis")]
    pub updated_at: Timestamp,
    pub digest: String,
    #[sqlx(try_from = "Flag")]
    pub mentioned: bool,
    pub standing: String,
}

#[derive(sqlx::FromRow)]
struct KnownRow {
    kind: EntityKind,
    id: EntityId,
    #[sqlx(flatten)]
    entity: KnownEntity,
}

impl KnownEntity {
    /// A time ahead of now would make everything stale until it is reached. It counts as older than anything if it
    /// is further ahead than any statement may be, or if it is a time of arrival and the clock was set back since.
    pub fn has_void_time(&self, now: Timestamp) -> bool {
        self.event_time > latest(now) || self.event_time > now && self.updated_at > now
    }

    /// The same for the version rule.
    pub fn known(&self, now: Timestamp) -> Known {
        Known {
            version: self.version,
            event_time: if self.has_void_time(now) { from_millis(0) } else { self.event_time },
            digest: self.digest.clone(),
            mentioned: self.mentioned,
        }
    }
}

/// The latest time that a statement may have now.
fn latest(now: Timestamp) -> Timestamp {
    now.checked_add_signed(TOLERANCE).unwrap_or(now)
}

/// Microseconds after the last whole millisecond, which is what instants are stored as.
fn micros_of(at: Timestamp) -> i64 {
    i64::from(at.timestamp_subsec_micros() % 1_000)
}

/// A newer time for content that is the same.
#[derive(Debug)]
pub(in crate::store) struct Touched {
    pub event_time: Timestamp,
    /// Said by the mention of something else.
    pub mentioned: bool,
}

/// A version that is to be stored.
#[derive(Debug)]
pub(in crate::store) struct NewVersion<'a> {
    pub kind: EntityKind,
    pub id: EntityId,
    pub provider_id: Cow<'a, str>,
    /// The tool's id of the workspace that it belongs to.
    pub workspace: String,
    pub version: i64,
    pub event_time: Timestamp,
    pub digest: String,
    /// Status and severity.
    pub standing: String,
    /// `None` once deleted.
    pub content: Option<Cow<'a, Entity>>,
    /// Known only because an incident names it.
    pub mentioned: bool,
    /// Whether it takes the place of an earlier version.
    pub replaces: bool,
}

/// A present entity and its workspace.
#[derive(Debug, sqlx::FromRow)]
pub(in crate::store) struct PlacedEntity {
    pub kind: EntityKind,
    pub id: EntityId,
    pub provider_id: String,
    pub workspace: String,
    pub version: i64,
    #[sqlx(try_from = "Micros")]
    pub event_time: Timestamp,
    pub digest: String,
    pub standing: String,
    pub content: Kept,
    #[sqlx(try_from = "Flag")]
    pub mentioned: bool,
}

impl Entities<'_> {
    /// What is known about these entities; unknown ones are missing.
    pub(in crate::store) async fn find_known(
        self,
        tx: &mut Tx,
        keys: &[Key],
    ) -> Result<HashMap<Key, KnownEntity>, StoreError> {
        let sql = r#"
            SELECT
                e.kind, e.id, e.version, e.event_time * 1000 + e.event_micros AS event_time, e.updated_at,
                e.digest, e.mentioned, e.standing
            FROM (VALUES {rows}) AS k
            CROSS JOIN entities e
            WHERE e.kind = k.column1 AND e.id = k.column2"#;
        let rows: Vec<_> = keys.iter().map(|(kind, id)| args![*kind, id]).collect();
        let found: Vec<KnownRow> = tx.list_all(sql, &rows).await?;
        Ok(found.into_iter().map(|row| ((row.kind, row.id), row.entity)).collect())
    }

    /// Stores new versions. Of several of one entity the last one counts.
    pub(in crate::store) async fn write(
        self,
        tx: &mut Tx,
        source: &SourceId,
        versions: &[NewVersion<'_>],
    ) -> Result<(), StoreError> {
        let sql = r#"
            INSERT INTO entities (
                kind, id, source, provider_id, workspace, version, event_time,
                digest, standing, content, mentioned, created_at, updated_at, event_micros,
                number, url_digest
            )
            SELECT *
            FROM (VALUES {rows}) AS new
            WHERE column1 IS NOT NULL
            ON CONFLICT (kind, id) DO UPDATE
            SET workspace = excluded.workspace,
                version = excluded.version,
                event_time = excluded.event_time,
                event_micros = excluded.event_micros,
                digest = excluded.digest,
                standing = excluded.standing,
                content = excluded.content,
                mentioned = excluded.mentioned,
                updated_at = excluded.updated_at,
                number = COALESCE(excluded.number, entities.number),
                url_digest = excluded.url_digest"#;
        let now = self.clock.now();
        let last: HashMap<_, _> = versions.iter().map(|new| ((new.kind, &new.id), new)).collect();
        // Transactions that lock rows in different orders would end each other.
        let mut last: Vec<_> = last.into_values().collect();
        last.sort_unstable_by(|a, b| (a.kind, &a.id).cmp(&(b.kind, &b.id)));
        let mut rows = Vec::with_capacity(last.len());
        for new in last {
            rows.push(args![
                new.kind,
                &new.id,
                source,
                &*new.provider_id,
                &new.workspace,
                new.version,
                new.event_time,
                &new.digest,
                &new.standing,
                new.content.as_deref().map(|entity| to_json("an entity", entity)).transpose()?,
                new.mentioned,
                now,
                now,
                micros_of(new.event_time),
                new.content.as_deref().and_then(Entity::number),
                new.content.as_deref().map(|entity| address_digest(entity.url())),
            ]);
        }
        tx.execute_all(sql, &rows).await?;
        tell_directory(tx, versions).await
    }

    /// Equal content with a newer time: remembers the time, so that older statements are dropped.
    pub(in crate::store) async fn touch(
        self,
        tx: &mut Tx,
        touched: &BTreeMap<Key, Touched>,
    ) -> Result<(), StoreError> {
        let sql = r#"
            UPDATE entities
            SET event_time = t.column3, event_micros = t.column4, updated_at = t.column6, mentioned = t.column5
            FROM (VALUES {rows}) AS t
            WHERE entities.kind = t.column1
              AND entities.id = t.column2
              AND (
                entities.event_time < t.column3
                OR (entities.event_time = t.column3 AND entities.event_micros < t.column4)
                OR entities.mentioned = 1
                OR entities.event_time > t.column7
                OR (entities.event_time > t.column6 AND entities.updated_at > t.column6)
              )"#;
        let now = self.clock.now();
        let row = |((kind, id), it): (&Key, &Touched)| {
            args![*kind, id, it.event_time, micros_of(it.event_time), it.mentioned, now, latest(now)]
        };
        let rows: Vec<_> = touched.iter().map(row).collect();
        tx.execute_all(sql, &rows).await?;
        Ok(())
    }

    /// Gives every present entity of a source a new version with the same content.
    pub(in crate::store) async fn raise_versions(
        self,
        tx: &mut Tx,
        source: &SourceId,
    ) -> Result<(), StoreError> {
        let sql = r#"
            UPDATE entities
            SET version = version + 1
            WHERE source = $1 AND content IS NOT NULL AND version < $2"#;
        tx.execute(sql, &args![source, i64::MAX]).await?;
        Ok(())
    }

    /// Present entities of a source after `after`, in the order of kind and id; from the first when it is
    /// `None`.
    pub(in crate::store) async fn list_placed(
        self,
        tx: &mut Tx,
        source: &SourceId,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<PlacedEntity>, StoreError> {
        let sql = r#"
            SELECT
                kind, id, provider_id, workspace, version, event_time * 1000 + event_micros AS event_time,
                digest, standing, content, mentioned
            FROM entities
            WHERE source = $1 AND content IS NOT NULL AND (kind, id) > ($2, $3)
            ORDER BY kind, id
            LIMIT $4"#;
        let (kind, id) = after.map_or(("", ""), |(kind, id)| (kind.as_str(), id.as_str()));
        tx.list(sql, &args![source, kind, id, limit]).await
    }
}

/// Changed components are a change of the directory.
async fn tell_directory(tx: &mut Tx, versions: &[NewVersion<'_>]) -> Result<(), StoreError> {
    let is_component = |new: &&NewVersion<'_>| new.kind == EntityKind::Component;
    let components: BTreeSet<&str> =
        versions.iter().filter(is_component).map(|new| new.id.as_str()).collect();
    if components.is_empty() {
        return Ok(());
    }
    generations::bump_directory(tx, Part::Component, components).await
}
