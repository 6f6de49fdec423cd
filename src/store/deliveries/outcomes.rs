//! What each site should hold and what it has acknowledged. A delivery is the difference.

use serde_json::json;

use crate::clock::Timestamp;
use crate::domain::{ClientKey, EntityId, EntityKind};
use crate::store::db::{Tx, args};
use crate::store::entities::timeline::About;
use crate::store::{Store, StoreError};

/// In a batch of more than this many, a sample is read back instead of all.
const READ_BACK_ALL_UP_TO: usize = 20;
/// Outcomes that share one transaction: small enough not to hold up the inbox.
const OUTCOMES_AT_ONCE: usize = 64;

/// Jira's word on one entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Accepted,
    /// Jira answered without naming the entity: only reading it back can tell.
    Unmentioned,
    Refused {
        reason: String,
        trace_id: Option<String>,
    },
}

/// A delivery as operators see it.
#[derive(Debug, Clone, serde::Serialize, sqlx::FromRow)]
pub struct DeliveryRow {
    pub site: String,
    pub kind: String,
    pub jira_id: String,
    pub state: String,
    pub wanted: i64,
    pub acknowledged: i64,
    pub confirmed: i64,
    pub attempts: i64,
    pub reason: Option<String>,
    pub trace_id: Option<String>,
    pub waiting_since: i64,
    /// 2 live news, 1 news, 0 refresh.
    pub priority: i64,
}

impl Store {
    /// Sites that may be served now and have something to send or to read back.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_sites_with_work(&self) -> Result<Vec<ClientKey>, StoreError> {
        let rows: Vec<(String,)> = self
            .db
            .list(
                "SELECT client_key FROM installations i WHERE state = 'enabled' AND (wait_until <= $1 OR wait_since > $1) AND ( \
                   EXISTS (SELECT 1 FROM deliveries d WHERE d.client_key = i.client_key AND d.state = 'waiting') \
                   OR EXISTS (SELECT 1 FROM deliveries d WHERE d.client_key = i.client_key AND (d.confirm_at <= $1 OR d.updated_at > $1) AND d.confirm_at IS NOT NULL)) \
                 ORDER BY client_key",
                &args![self.clock.now_ms()],
            )
            .await?;
        Ok(rows.into_iter().map(|(key,)| ClientKey(key)).collect())
    }

    /// Writes down Jira's answer to one request, entity by entity, in several transactions when there are
    /// many. A change made meanwhile keeps its entity waiting. `confirm_at` is when to read accepted ones
    /// back, `None` never. Returns `false`, with the rest left unwritten, when the site was installed anew or
    /// removed since `installed_at`: what it accepted before is forgotten there.
    ///
    /// # Errors
    /// When the database fails; what was not written down is then sent again, which does no harm.
    pub async fn record_outcomes(
        &self,
        (site, installed_at): (&ClientKey, Timestamp),
        kind: EntityKind,
        outcomes: &[(EntityId, i64, Outcome)],
        confirm_at: Option<Timestamp>,
    ) -> Result<bool, StoreError> {
        let batch = self.clock.new_id();
        let accepted = outcomes.iter().filter(|(_, _, outcome)| *outcome == Outcome::Accepted).count();
        let every = if accepted > READ_BACK_ALL_UP_TO { accepted.div_ceil(READ_BACK_ALL_UP_TO) } else { 1 };
        let mut nth = 0;
        for part in outcomes.chunks(OUTCOMES_AT_ONCE) {
            let mut tx = self.db.begin().await?;
            if !self.end_trouble(&mut tx, site, Some(installed_at)).await? {
                return Ok(false);
            }
            for (id, version, outcome) in part {
                match outcome {
                    Outcome::Accepted | Outcome::Unmentioned => {
                        let in_sample = nth % every == 0 || *outcome == Outcome::Unmentioned;
                        let read_back = confirm_at.filter(|_| in_sample);
                        nth += 1;
                        self.record_accepted(&mut tx, (site, kind, id), *version, &batch, read_back).await?;
                    }
                    Outcome::Refused { reason, trace_id } => {
                        self.record_refused(&mut tx, (site, kind, id), *version, reason, trace_id.as_deref())
                            .await?;
                    }
                }
            }
            tx.commit().await?;
        }
        Ok(true)
    }

    async fn record_accepted(
        &self,
        tx: &mut Tx,
        (site, kind, id): (&ClientKey, EntityKind, &EntityId),
        version: i64,
        batch: &str,
        read_back: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        tx.execute(
            "UPDATE deliveries SET acknowledged = $4, sent_at = $5, updated_at = $5, attempts = 0, reason = NULL, trace_id = NULL, \
             state = CASE WHEN wanted > $4 THEN 'waiting' ELSE 'accepted' END, \
             batch = CASE WHEN wanted > $4 THEN NULL ELSE $6 END, \
             confirm_at = CASE WHEN wanted > $4 THEN NULL ELSE $7 END \
             WHERE client_key = $1 AND kind = $2 AND jira_id = $3",
            &args![
                site.as_str(),
                kind.as_str(),
                id.as_str(),
                version,
                self.clock.now_ms(),
                batch,
                read_back.map(|at| at.timestamp_millis()),
            ],
        )
        .await?;
        let detail = json!({ "version": version, "batch": batch });
        self.record_event(tx, About { kind, id, site: Some(site) }, "accepted", &detail).await
    }

    async fn record_refused(
        &self,
        tx: &mut Tx,
        (site, kind, id): (&ClientKey, EntityKind, &EntityId),
        version: i64,
        reason: &str,
        trace_id: Option<&str>,
    ) -> Result<(), StoreError> {
        tx.execute(
            "UPDATE deliveries SET state = 'refused', reason = $5, trace_id = $6, attempts = attempts + 1, sent_at = $7, \
             updated_at = $7 WHERE client_key = $1 AND kind = $2 AND jira_id = $3 AND wanted <= $4",
            &args![
                site.as_str(),
                kind.as_str(),
                id.as_str(),
                version,
                reason,
                trace_id,
                self.clock.now_ms(),
            ],
        )
        .await?;
        let detail = json!({ "version": version, "reason": reason, "trace_id": trace_id });
        self.record_event(tx, About { kind, id, site: Some(site) }, "refused", &detail).await
    }

    /// The nightly comparison has looked at the site.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn record_compared(&self, site: &ClientKey) -> Result<(), StoreError> {
        self.db
            .execute(
                "UPDATE installations SET compared_at = $2 WHERE client_key = $1",
                &args![site.as_str(), self.clock.now_ms()],
            )
            .await?;
        Ok(())
    }

    /// Deliveries as operators see them, filtered by state when given.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_deliveries(
        &self,
        state: Option<&str>,
        limit: i64,
    ) -> Result<Vec<DeliveryRow>, StoreError> {
        self.db
            .list(
                "SELECT i.site, d.kind, d.jira_id, d.state, d.wanted, d.acknowledged, d.confirmed, d.attempts, d.reason, \
                 d.trace_id, d.priority, d.waiting_since FROM deliveries d JOIN installations i ON i.client_key = d.client_key \
                 WHERE ($1 = '' AND d.state IN ('waiting', 'refused')) OR d.state = $1 ORDER BY d.waiting_since LIMIT $2",
                &args![state.unwrap_or(""), limit],
            )
            .await
    }

    /// All deliveries of one entity.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_deliveries_of(&self, id: &EntityId) -> Result<Vec<DeliveryRow>, StoreError> {
        self.db
            .list(
                "SELECT i.site, d.kind, d.jira_id, d.state, d.wanted, d.acknowledged, d.confirmed, d.attempts, d.reason, \
                 d.trace_id, d.priority, d.waiting_since FROM deliveries d JOIN installations i ON i.client_key = d.client_key \
                 WHERE d.jira_id = $1 ORDER BY i.site, d.kind",
                &args![id.as_str()],
            )
            .await
    }

    /// Sends refused deliveries again: of one entity, or all. Returns how many.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn retry_deliveries(&self, id: Option<&EntityId>) -> Result<u64, StoreError> {
        self.db
            .execute(
                "UPDATE deliveries SET state = 'waiting', queued_at = $1, reason = NULL, trace_id = NULL \
                 WHERE state IN ('refused', 'discarded') AND ($2 = '' OR jira_id = $2)",
                &args![self.clock.now_ms(), id.map_or("", EntityId::as_str)],
            )
            .await
    }

    /// Sends again what a site refused before `before`: its cause may be gone. Returns how many.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn retry_refused_before(&self, site: &ClientKey, before: Timestamp) -> Result<u64, StoreError> {
        self.db
            .execute(
                "UPDATE deliveries SET state = 'waiting', queued_at = $3, resends = 0 \
                 WHERE client_key = $1 AND state = 'refused' AND updated_at < $2",
                &args![site.as_str(), before.timestamp_millis(), self.clock.now_ms()],
            )
            .await
    }

    /// Gives up on the refused or waiting deliveries of an entity until its next change.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn discard_deliveries(&self, id: &EntityId) -> Result<u64, StoreError> {
        self.db
            .execute(
                "UPDATE deliveries SET state = 'discarded' WHERE state IN ('refused', 'waiting') AND jira_id = $1",
                &args![id.as_str()],
            )
            .await
    }
}
