//! What a destination answered, entity by entity.

use super::Deliveries;
use crate::clock::Timestamp;
use crate::domain::{DestinationId, EntityKind, EntityOutcome, Verdict};
use crate::store::db::{Tx, args};
use crate::store::error::StoreError;
use crate::store::sites::DestinationRef;
use crate::store::timeline::NewEvent;
use crate::store::timeline::event::TimelineEvent;

/// In a batch of more than this many, a sample is read back instead of all.
const READ_BACK_ALL_UP_TO: usize = 20;
/// Outcomes that share one transaction: small enough not to hold up the inbox.
const OUTCOMES_AT_ONCE: usize = 64;

/// The entities of one request that the destination accepted, or may have.
struct Taken<'a> {
    kind: EntityKind,
    /// Id of the request.
    batch: &'a str,
    /// Each with the instant at which it is to be read back.
    outcomes: Vec<(&'a EntityOutcome, Option<Timestamp>)>,
}

impl Deliveries<'_> {
    /// Stores the answer to one request, entity by entity, in several transactions when there are many. A
    /// change made meanwhile keeps its entity waiting. `read_back_at` is when to read accepted ones back,
    /// `None` never. Returns `false`, with the rest left unwritten, when the destination was reinstalled or
    /// removed since: it has forgotten what it accepted before. What was not stored is sent again, which does
    /// no harm.
    pub async fn record_outcomes(
        self,
        destination: &DestinationRef,
        kind: EntityKind,
        outcomes: &[EntityOutcome],
        read_back_at: Option<Timestamp>,
    ) -> Result<bool, StoreError> {
        let batch = self.clock.new_id();
        let accepted = outcomes.iter().filter(|outcome| outcome.verdict == Verdict::Accepted).count();
        let every = if accepted > READ_BACK_ALL_UP_TO { accepted.div_ceil(READ_BACK_ALL_UP_TO) } else { 1 };
        let mut nth = 0;
        for part in outcomes.chunks(OUTCOMES_AT_ONCE) {
            let mut taken = Taken { kind, batch: &batch, outcomes: Vec::with_capacity(part.len()) };
            for outcome in
                part.iter().filter(|it| matches!(it.verdict, Verdict::Accepted | Verdict::Unmentioned))
            {
                let in_sample = nth % every == 0 || outcome.verdict == Verdict::Unmentioned;
                taken.outcomes.push((outcome, read_back_at.filter(|_| in_sample)));
                nth += 1;
            }
            let mut tx = self.db.begin().await?;
            if !self.sites.record_contact_with(&mut tx, destination).await? {
                return Ok(false);
            }
            self.write_taken(&mut tx, &destination.id, &taken).await?;
            self.write_refused(&mut tx, &destination.id, kind, part).await?;
            self.write_not_taken(&mut tx, &destination.id, kind, part).await?;
            tx.commit().await?;
        }
        Ok(true)
    }

    async fn write_taken(
        self,
        tx: &mut Tx,
        destination: &DestinationId,
        taken: &Taken<'_>,
    ) -> Result<(), StoreError> {
        let sql = r#"
            UPDATE deliveries
            SET acknowledged = $1,
                sent_at = $2,
                updated_at = $2,
                attempts = 0,
                reason = NULL,
                trace_id = NULL,
                state = CASE WHEN wanted > $1 THEN 'waiting' ELSE 'accepted' END,
                batch = CASE WHEN wanted > $1 THEN NULL ELSE $3 END,
                read_back_at = CASE WHEN wanted > $1 THEN NULL ELSE $4 END
            WHERE destination = $5 AND kind = $6 AND entity_id = $7"#;
        let now = self.clock.now();
        let mut events = Vec::with_capacity(taken.outcomes.len());
        for (EntityOutcome { id, version, .. }, read_back_at) in &taken.outcomes {
            let args = args![*version, now, taken.batch, *read_back_at, destination, taken.kind, id];
            tx.execute(sql, &args).await?;
            events.push(NewEvent {
                kind: taken.kind,
                entity_id: id.clone(),
                destination: Some(destination),
                event: TimelineEvent::Accepted { batch: taken.batch.to_owned(), version: *version },
            });
        }
        self.timeline.record(tx, &events).await
    }

    /// Writes the refused ones among `outcomes`.
    async fn write_refused(
        self,
        tx: &mut Tx,
        destination: &DestinationId,
        kind: EntityKind,
        outcomes: &[EntityOutcome],
    ) -> Result<(), StoreError> {
        let sql = r#"
            UPDATE deliveries
            SET state = 'refused',
                reason = $1,
                trace_id = $2,
                attempts = attempts + 1,
                sent_at = $3,
                updated_at = $3
            WHERE destination = $4 AND kind = $5 AND entity_id = $6 AND wanted <= $7"#;
        let now = self.clock.now();
        let mut events = Vec::new();
        for EntityOutcome { id, version, verdict } in outcomes {
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

    /// Discards those among `outcomes` of a kind that the destination does not accept.
    async fn write_not_taken(
        self,
        tx: &mut Tx,
        destination: &DestinationId,
        kind: EntityKind,
        outcomes: &[EntityOutcome],
    ) -> Result<(), StoreError> {
        let sql = r#"
            UPDATE deliveries
            SET state = 'discarded',
                reason = $1,
                updated_at = $2
            WHERE destination = $3 AND kind = $4 AND entity_id = $5 AND wanted <= $6"#;
        let (reason, now) = (format!("this destination has no place for a {kind}"), self.clock.now());
        for outcome in outcomes.iter().filter(|outcome| outcome.verdict == Verdict::NotTaken) {
            let args = args![&reason, now, destination, kind, &outcome.id, outcome.version];
            tx.execute(sql, &args).await?;
        }
        Ok(())
    }
}
