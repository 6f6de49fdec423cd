//! Whose turn it is: the group of deliveries that the next request is about.
//!
//! Nobody knows what Jira makes of an incident whose component it does not know, so the components of a source go before
//! its incidents. Incidents of another source do not wait for them.

use super::Deliveries;
use super::batch_rules::{BatchRules, Turn};
use crate::domain::{DestinationId, EntityKind, Priority};
use crate::store::db::{Arg, Flag, args, is_over};
use crate::store::error::StoreError;

/// With more components waiting than this, finding those of one source would cost more than sending some: then all
/// incidents wait for them.
const MANY_COMPONENTS: usize = 1_000;

/// Whether deliveries that may wait until they fill a request are looked at too.
#[derive(Clone, Copy)]
pub(super) enum BatchFill {
    NotAwaited,
    Any,
}

/// What the deliveries of a request have in common.
#[derive(sqlx::FromRow)]
pub(super) struct Group {
    pub kind: EntityKind,
    pub source: String,
    pub workspace: String,
    #[sqlx(try_from = "Flag")]
    pub deleted: bool,
}

/// The group of the first delivery of some kinds. `$bound` is empty or `few!`.
macro_rules! first {
    ($kinds:literal, $bound:expr) => {
        concat!(
            r#"
            SELECT kind, source, workspace, deleted
            FROM (
                SELECT kind, source, workspace, deleted, priority, queued_at
                FROM entity_deliveries
                WHERE destination = $1
                  AND state = 'waiting'
                  AND not_before = 0
                  AND "#,
            $kinds,
            $bound,
            r#"
            ) waiting
            WHERE (priority >= $2 OR "#,
            is_over!("queued_at", "$3", "queued_at", "$4"),
            r#")
              AND REPLACE($8, ',' || source || ',', '') = $8
              AND (
                kind = 'component'
                OR priority = $5
                OR "#,
            is_over!("queued_at", "$6", "queued_at", "$4"),
            r#"
                OR source NOT IN (
                    SELECT p.source
                    FROM polls p
                    WHERE p.caught_up = 0
                      AND p.failures = 0
                      AND p.paused = 0
                      AND p.polled_at > $7
                      AND p.polled_at <= $4
                )
              )
            ORDER BY kind, priority DESC, queued_at
            LIMIT 1"#
        )
    };
}

/// The groups of the first component and of the first of the other kinds: at most one each, in one look.
macro_rules! firsts {
    ($bound:expr) => {
        concat!(
            "SELECT * FROM (",
            first!("kind = 'component'", $bound),
            ") component UNION ALL SELECT * FROM (",
            first!("kind > 'component'", $bound),
            ") other"
        )
    };
}

/// Of what waits, the first: what is on its way about one source must not have everything read that waits of that source.
macro_rules! few {
    () => {
        r#"
                ORDER BY kind, priority DESC, queued_at
                LIMIT 1000"#
    };
}

impl Deliveries<'_> {
    /// The group of what is to be sent next.
    pub(super) async fn find_group(
        self,
        destination: &DestinationId,
        rules: &BatchRules<'_>,
        fill: BatchFill,
    ) -> Result<Option<Group>, StoreError> {
        let args = self.group_args(destination, rules, fill);
        let sql = if rules.beside.is_empty() { firsts!("") } else { firsts!(few!()) };
        let firsts: Vec<Group> = self.db.list(sql, &args).await?;
        let (components, others): (Vec<_>, Vec<_>) =
            firsts.into_iter().partition(|group| group.kind == EntityKind::Component);
        let component = components.into_iter().next();
        let Some(other) = others.into_iter().next() else { return Ok(component) };
        match component {
            Some(component) if rules.turn == Turn::Components || component.source == other.source => {
                Ok(Some(component))
            }
            None if rules.beside.is_empty() => Ok(Some(other)),
            component if self.has_many_components(destination).await? => Ok(component),
            _ => Ok(self.find_component_of(destination, rules, &other.source).await?.or(Some(other))),
        }
    }

    /// Whether there is one that does not wait until it fills a request.
    pub(super) async fn has_group(
        self,
        destination: &DestinationId,
        rules: &BatchRules<'_>,
    ) -> Result<bool, StoreError> {
        let sql = if rules.beside.is_empty() { first!("1 = 1", "") } else { first!("1 = 1", few!()) };
        let args = self.group_args(destination, rules, BatchFill::NotAwaited);
        Ok(self.db.find::<Group>(sql, &args).await?.is_some())
    }

    async fn has_many_components(self, destination: &DestinationId) -> Result<bool, StoreError> {
        let sql = r#"
            SELECT COUNT(*)
            FROM (
                SELECT 1 AS one
                FROM deliveries
                WHERE destination = $1 AND state = 'waiting' AND not_before = 0 AND kind = 'component'
                LIMIT $2
            ) waiting"#;
        let (count,): (i64,) = self.db.get(sql, &args![destination, MANY_COMPONENTS + 1]).await?;
        Ok(usize::try_from(count).is_ok_and(|count| count > MANY_COMPONENTS))
    }

    /// `CROSS` makes SQLite begin with what waits, and not with all components of the source.
    async fn find_component_of(
        self,
        destination: &DestinationId,
        rules: &BatchRules<'_>,
        source: &str,
    ) -> Result<Option<Group>, StoreError> {
        let sql = concat!(
            r#"
            SELECT d.kind, e.source, e.workspace,
                CASE WHEN e.content IS NULL THEN CAST(1 AS BIGINT) ELSE 0 END AS deleted
            FROM deliveries d
            CROSS JOIN entities e
            WHERE e.kind = d.kind
              AND e.id = d.entity_id
              AND d.destination = $1
              AND d.state = 'waiting'
              AND d.not_before = 0
              AND d.kind = 'component'
              AND e.source = $2
              AND (d.priority >= $3 OR "#,
            is_over!("d.queued_at", "$4", "d.queued_at", "$5"),
            r#")
            ORDER BY d.priority DESC, d.queued_at
            LIMIT 1"#
        );
        let (lowest, queued_before) = rules.pace.bounds();
        self.db.find(sql, &args![destination, source, lowest, queued_before, self.clock.now()]).await
    }

    fn group_args(self, destination: &DestinationId, rules: &BatchRules<'_>, fill: BatchFill) -> [Arg; 8] {
        let (lowest, queued_before) = rules.pace.bounds();
        let now = self.clock.now();
        let filled_before = match fill {
            BatchFill::NotAwaited => (now - rules.longest_fill).timestamp_millis(),
            BatchFill::Any => i64::MAX,
        };
        args![
            destination,
            lowest,
            queued_before,
            now,
            Priority::Live,
            filled_before,
            now - rules.stalled_after,
            // No source's id has a comma.
            format!(",{},", rules.beside.join(",")),
        ]
    }
}
