//! What is sent next: the deliveries that share a request, and those that wait until they fill one.

use super::Deliveries;
use super::batch_rules::BatchRules;
use super::next_group::{BatchFill, Group};
use crate::clock::Timestamp;
use crate::domain::{DestinationId, EntityId, EntityKind, EntityOutcome, Outgoing, Verdict};
use crate::store::db::{Arg, Kept, Millis, args, is_over};
use crate::store::error::StoreError;

/// Entities that go into one request: of one kind, one source and one workspace, either all present or all
/// deleted.
#[derive(Debug, Clone)]
pub struct NextBatch {
    pub kind: EntityKind,
    pub source: String,
    /// The tool's id of the workspace.
    pub workspace: String,
    pub deleted: bool,
    pub entities: Vec<Outgoing>,
    /// Entities of the batch whose stored content cannot be read: refused, with the reason.
    pub unreadable: Vec<EntityOutcome>,
}

#[derive(sqlx::FromRow)]
struct Row {
    entity_id: EntityId,
    version: i64,
    content: Option<Kept>,
    #[sqlx(try_from = "Millis")]
    waiting_since: Timestamp,
}

impl Row {
    /// What is to be sent, or that its content cannot be read.
    fn open(self) -> Result<Outgoing, EntityOutcome> {
        let Self { entity_id: id, version, content, waiting_since } = self;
        match content.map(|content| content.0).transpose() {
            Ok(content) => Ok(Outgoing { id, version, content, waiting_since }),
            Err(fault) => {
                let reason = format!(
                    "its stored content cannot be read ({fault}); its next change in the tool stores it again"
                );
                Err(EntityOutcome { id, version, verdict: Verdict::refused(reason) })
            }
        }
    }
}

/// A query over the deliveries that go into one request with a group's first; its parameters are those of
/// [`Deliveries::member_args`]. One text, so that what is counted is what is loaded. `CROSS` makes SQLite begin with
/// what waits, which may be little, and not with all entities of the source.
macro_rules! members {
    ($start:literal, $end:literal) => {
        concat!(
            $start,
            r#"
            FROM deliveries d
            CROSS JOIN entities e
            WHERE e.kind = d.kind
              AND e.id = d.entity_id
              AND d.destination = $1
              AND d.state = 'waiting'
              AND d.not_before = 0
              AND d.kind = $2
              AND e.source = $3
              AND e.workspace = $4
              AND CASE WHEN e.content IS NULL THEN CAST(1 AS BIGINT) ELSE 0 END = $5
              AND (d.priority >= $6 OR "#,
            is_over!("d.queued_at", "$7", "d.queued_at", "$8"),
            r#")"#,
            $end
        )
    };
}

impl Deliveries<'_> {
    /// The next request's worth of entities for a destination: of a source components first, then incidents, then
    /// reviews; of one kind what is live first. The rules can hold refreshes back. What the first sync of a
    /// source finds waits until it fills a request, only while pages come in.
    pub async fn find_next_batch(
        self,
        destination: &DestinationId,
        rules: &BatchRules<'_>,
    ) -> Result<Option<NextBatch>, StoreError> {
        let group = match self.find_group(destination, rules, BatchFill::NotAwaited).await? {
            Some(group) => group,
            None => match self.find_group(destination, rules, BatchFill::Any).await? {
                Some(group) if self.fills_request(destination, &group, rules).await? => group,
                _ => return Ok(None),
            },
        };
        self.load(destination, group, rules).await.map(Some)
    }

    /// Whether something is to be sent that does not wait until it fills a request.
    pub async fn is_due(
        self,
        destination: &DestinationId,
        rules: &BatchRules<'_>,
    ) -> Result<bool, StoreError> {
        self.has_group(destination, rules).await
    }

    fn member_args(self, destination: &DestinationId, group: &Group, rules: &BatchRules<'_>) -> [Arg; 9] {
        let (lowest, queued_before) = rules.pace.bounds();
        args![
            destination,
            group.kind,
            &group.source,
            &group.workspace,
            group.deleted,
            lowest,
            queued_before,
            self.clock.now(),
            rules.size(group.kind),
        ]
    }

    async fn fills_request(
        self,
        destination: &DestinationId,
        group: &Group,
        rules: &BatchRules<'_>,
    ) -> Result<bool, StoreError> {
        let sql = members!(
            r#"
            SELECT COUNT(*)
            FROM (
                SELECT 1 AS one"#,
            r#"
                LIMIT $9
            ) due"#
        );
        let (count,): (i64,) = self.db.get(sql, &self.member_args(destination, group, rules)).await?;
        Ok(usize::try_from(count).is_ok_and(|count| count >= rules.size(group.kind)))
    }

    async fn load(
        self,
        destination: &DestinationId,
        group: Group,
        rules: &BatchRules<'_>,
    ) -> Result<NextBatch, StoreError> {
        let sql = members!(
            r#"
            SELECT d.entity_id, e.version, e.content, d.waiting_since"#,
            r#"
            ORDER BY d.priority DESC, d.queued_at
            LIMIT $9"#
        );
        let rows: Vec<Row> = self.db.list(sql, &self.member_args(destination, &group, rules)).await?;
        let (entities, unreadable): (Vec<_>, Vec<_>) =
            rows.into_iter().map(Row::open).partition(Result::is_ok);
        Ok(NextBatch {
            kind: group.kind,
            source: group.source,
            workspace: group.workspace,
            deleted: group.deleted,
            entities: entities.into_iter().flatten().collect(),
            unreadable: unreadable.into_iter().filter_map(Result::err).collect(),
        })
    }
}
