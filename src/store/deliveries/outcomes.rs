//! What a destination answered, entity by entity.

use super::Deliveries;
use crate::clock::Timestamp;
use crate::domain::{DestinationId, EntityId, EntityKind, EntityOutcome, Halves, Verdict};
use crate::store::db::{Tx, args};
use crate::store::error::StoreError;
use crate::store::sites::DestinationRef;
use crate::store::timeline::NewEvent;
use crate::store::timeline::event::TimelineEvent;

/// In a batch of more than this many, a sample is read back instead of all.
const READ_BACK_ALL_UP_TO: usize = 20;
/// Outcomes that share one transaction: small enough not to hold up the inbox.
const OUTCOMES_AT_ONCE: usize = 64;

/// Outcomes of one request, each with the instant at which it is to be read back.
pub(super) struct Part<'a> {
    pub kind: EntityKind,
    /// Id of the request.
    batch: &'a str,
    pub outcomes: &'a [(&'a EntityOutcome, Option<Timestamp>)],
}

impl Deliveries<'_> {
    /// Stores the answer to one request, entity by entity, in several transactions when there are many. A
    /// change made meanwhile keeps its entity waiting. `read_back_at` is when to read accepted ones back,
    /// `None` never. Returns `false`, with the rest left unwritten, when the destination was reinstalled or
    /// removed since: it has forgotten what it accepted before. What was not stored is sent again, which does
    /// no harm. An outcome that the database refuses makes its delivery refused, with the database's words, and
    /// keeps no other from being stored.
    pub async fn record_outcomes(
        self,
        destination: &DestinationRef,
        kind: EntityKind,
        outcomes: &[EntityOutcome],
        read_back_at: Option<Timestamp>,
    ) -> Result<bool, StoreError> {
        let batch = self.clock.new_id();
        let outcomes = plan(outcomes, read_back_at);
        let mut parts = Halves::of(&outcomes, OUTCOMES_AT_ONCE);
        while let Some(outcomes) = parts.next() {
            match self.write_outcomes(destination, &Part { kind, batch: &batch, outcomes }).await {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(fault) if fault.blames_data() => {
                    if let Some((one, _)) = parts.split(outcomes) {
                        self.keep_refused(&destination.id, kind, (&one.id, one.version), &fault).await?;
                    }
                }
                Err(fault) => return Err(fault),
            }
        }
        Ok(true)
    }

    async fn write_outcomes(self, destination: &DestinationRef, part: &Part<'_>) -> Result<bool, StoreError> {
        self.db
            .transact(|mut tx| async move {
                // One that only puts off what it was given may have failed.
                let has_answered =
                    part.outcomes.iter().any(|(it, _)| !matches!(it.verdict, Verdict::Later { .. }));
                if has_answered && !self.sites.record_contact_with(&mut tx, destination).await? {
                    return Ok((tx, false));
                }
                self.write_taken(&mut tx, &destination.id, part).await?;
                self.write_refused(&mut tx, &destination.id, part).await?;
                self.write_not_taken(&mut tx, &destination.id, part).await?;
                self.write_later(&mut tx, &destination.id, part).await?;
                Ok((tx, true))
            })
            .await
    }

    /// The last resort for a delivery of which the database refuses to store what happened: it stops, with the
    /// database's words, so that nothing waits for it.
    pub(super) async fn keep_refused(
        self,
        destination: &DestinationId,
        kind: EntityKind,
        (id, version): (&EntityId, i64),
        fault: &StoreError,
    ) -> Result<(), StoreError> {
        tracing::error!(%id, %fault, "the database refuses what happened to a delivery; it is kept as refused");
        let sql = r#"
            UPDATE deliveries
            SET state = 'refused', reason = $1, batch = NULL, read_back_at = NULL, not_before = 0, updated_at = $2
            WHERE destination = $3 AND kind = $4 AND entity_id = $5 AND wanted <= $6"#;
        let reason = format!("the database refuses to store what happened to it: {}", fault.words());
        self.db.execute(sql, &args![reason, self.clock.now(), destination, kind, id, version]).await?;
        Ok(())
    }

    async fn write_taken(
        self,
        tx: &mut Tx,
        destination: &DestinationId,
        part: &Part<'_>,
    ) -> Result<(), StoreError> {
        let sql = r#"
            UPDATE deliveries
            SET acknowledged = $1,
                sent_at = $2,
                updated_at = $2,
                attempts = 0,
                not_before = 0,
                reason = NULL,
                trace_id = NULL,
                state = CASE WHEN wanted > $1 THEN 'waiting' ELSE 'accepted' END,
                batch = CASE WHEN wanted > $1 THEN NULL ELSE $3 END,
                read_back_at = CASE WHEN wanted > $1 THEN NULL ELSE $4 END
            WHERE destination = $5 AND kind = $6 AND entity_id = $7"#;
        let now = self.clock.now();
        let mut events = Vec::with_capacity(part.outcomes.len());
        for (EntityOutcome { id, version, verdict }, read_back_at) in part.outcomes {
            if !is_taken(verdict) {
                continue;
            }
            let args = args![*version, now, part.batch, *read_back_at, destination, part.kind, id];
            tx.execute(sql, &args).await?;
            events.push(NewEvent {
                kind: part.kind,
                entity_id: id.clone(),
                destination: Some(destination),
                event: TimelineEvent::Accepted { batch: part.batch.to_owned(), version: *version },
            });
        }
        self.timeline.record(tx, &events).await
    }

    /// Writes those that were refused.
    async fn write_refused(
        self,
        tx: &mut Tx,
        destination: &DestinationId,
        part: &Part<'_>,
    ) -> Result<(), StoreError> {
        let sql = r#"
            UPDATE deliveries
            SET state = 'refused',
                not_before = 0,
                reason = $1,
                trace_id = $2,
                attempts = attempts + 1,
                sent_at = $3,
                updated_at = $3
            WHERE destination = $4 AND kind = $5 AND entity_id = $6 AND wanted <= $7"#;
        let now = self.clock.now();
        let mut events = Vec::new();
        let kind = part.kind;
        for (EntityOutcome { id, version, verdict }, _) in part.outcomes {
            let Verdict::Refused { reason, trace_id } = verdict else { continue };
            let args = args![reason, trace_id.as_deref(), now, destination, kind, id, *version];
            tx.execute(sql, &args).await?;
            let (reason, trace_id) = (reason.clone(), trace_id.clone());
            events.push(NewEvent {
                kind,
                entity_id: id.clone(),
                destination: Some(destination),
                event: TimelineEvent::Refused { reason, trace_id, version: *version },
            });
        }
        self.timeline.record(tx, &events).await
    }

    /// Discards those of a kind that the destination does not accept.
    async fn write_not_taken(
        self,
        tx: &mut Tx,
        destination: &DestinationId,
        part: &Part<'_>,
    ) -> Result<(), StoreError> {
        let sql = r#"
            UPDATE deliveries
            SET state = 'discarded',
                not_before = 0,
                reason = $1,
                updated_at = $2
            WHERE destination = $3 AND kind = $4 AND entity_id = $5 AND wanted <= $6"#;
        let kind = part.kind;
        let (reason, now) = (format!("this destination has no place for a {kind}"), self.clock.now());
        let outcomes = part.outcomes.iter().map(|(outcome, _)| outcome);
        for outcome in outcomes.filter(|outcome| outcome.verdict == Verdict::NotTaken) {
            let args = args![&reason, now, destination, kind, &outcome.id, outcome.version];
            tx.execute(sql, &args).await?;
        }
        Ok(())
    }
}

fn is_taken(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Accepted | Verdict::Unmentioned)
}

/// The outcomes in the order of their ids, in which this room locks rows, each with the instant at which it is to
/// be read back: every accepted one of a small batch, a sample of a large one.
fn plan(
    outcomes: &[EntityOutcome],
    read_back_at: Option<Timestamp>,
) -> Vec<(&EntityOutcome, Option<Timestamp>)> {
    let accepted = outcomes.iter().filter(|outcome| outcome.verdict == Verdict::Accepted).count();
    let every = if accepted > READ_BACK_ALL_UP_TO { accepted.div_ceil(READ_BACK_ALL_UP_TO) } else { 1 };
    let mut nth = 0;
    let planned = outcomes.iter().map(|outcome| {
        let is_taken = is_taken(&outcome.verdict);
        let in_sample = is_taken && (nth % every == 0 || outcome.verdict == Verdict::Unmentioned);
        nth += usize::from(is_taken);
        (outcome, read_back_at.filter(|_| in_sample))
    });
    let mut planned: Vec<_> = planned.collect();
    planned.sort_by(|(one, _), (other, _)| one.id.cmp(&other.id));
    planned
}
