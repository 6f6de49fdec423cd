//! What keeps a destination from being served: waits after failures or requests to wait, and waits for a
//! person.

use chrono::TimeDelta;

use super::{DestinationRef, Sites};
use crate::clock::Timestamp;
use crate::domain::DestinationId;
use crate::store::db::{Tx, args, is_over};
use crate::store::error::StoreError;

/// Why nothing can be sent to a destination at the moment.
#[derive(Debug, Clone)]
pub struct Backoff {
    pub wait_until: Timestamp,
    /// Set when a person must act.
    pub parked: Option<String>,
}

impl Sites<'_> {
    /// Destinations that may be served now.
    pub async fn list_ready(self) -> Result<Vec<DestinationId>, StoreError> {
        let sql = concat!(
            r#"
            SELECT id
            FROM destinations
            WHERE state = 'enabled'
              AND "#,
            is_over!("wait_until", "$1", "wait_since", "$1"),
            r#"
            ORDER BY id"#
        );
        self.db.list_values(sql, &args![self.clock.now()]).await
    }

    /// Whether the destination may be served now: another destination may have held it back meanwhile.
    pub async fn is_ready(self, destination: &DestinationId) -> Result<bool, StoreError> {
        let sql = concat!(
            r#"
            SELECT id
            FROM destinations
            WHERE id = $1
              AND state = 'enabled'
              AND "#,
            is_over!("wait_until", "$2", "wait_since", "$2")
        );
        let found: Option<String> = self.db.find_value(sql, &args![destination, self.clock.now()]).await?;
        Ok(found.is_some())
    }

    /// How many requests to a destination have failed in a row.
    pub async fn find_failures(self, destination: &DestinationId) -> Result<i64, StoreError> {
        let sql = r#"
            SELECT failures
            FROM destinations
            WHERE id = $1"#;
        let found: Option<i64> = self.db.find_value(sql, &args![destination]).await?;
        Ok(found.unwrap_or(0))
    }

    /// Records that the destination has answered a request properly: clears waits and failures.
    pub async fn record_contact(self, destination: &DestinationId) -> Result<(), StoreError> {
        self.db
            .transact(|mut tx| async move {
                self.end_backoff(&mut tx, destination, None).await?;
                Ok((tx, ()))
            })
            .await
    }

    /// The same for an answer of the destination as it was installed then, whose row it locks, so that a
    /// reinstall comes before or after everything else in the transaction. Returns `false`, with nothing
    /// written, when it was reinstalled or removed since.
    pub(in crate::store) async fn record_contact_with(
        self,
        tx: &mut Tx,
        destination: &DestinationRef,
    ) -> Result<bool, StoreError> {
        self.end_backoff(tx, &destination.id, Some(destination.since)).await
    }

    /// A wait that is not over began while the answer was in flight, and takes precedence.
    async fn end_backoff(
        self,
        tx: &mut Tx,
        destination: &DestinationId,
        since: Option<Timestamp>,
    ) -> Result<bool, StoreError> {
        let sql = concat!(
            r#"
            UPDATE destinations
            SET last_contact_at = $1,
                wait_until = CASE WHEN "#,
            is_over!("wait_until", "$1", "wait_since", "$1"),
            r#" THEN 0 ELSE wait_until END,
                failures = CASE WHEN "#,
            is_over!("wait_until", "$1", "wait_since", "$1"),
            r#" THEN 0 ELSE failures END,
                parked = CASE WHEN "#,
            is_over!("wait_until", "$1", "wait_since", "$1"),
            r#" THEN NULL ELSE parked END
            WHERE id = $2
              AND state IN ('enabled', 'disabled')
              AND installed_at = COALESCE($3, installed_at)"#
        );
        Ok(tx.execute(sql, &args![self.clock.now(), destination, since]).await? > 0)
    }

    /// Stores until when a destination must not be served, also after a restart. Returns `false`, with
    /// nothing written, when it was reinstalled or removed since.
    pub async fn record_site_backoff(
        self,
        destination: &DestinationRef,
        backoff: &Backoff,
    ) -> Result<bool, StoreError> {
        let sql = r#"
            UPDATE destinations
            SET wait_until = $1,
                wait_since = $2,
                failures = failures + 1,
                parked = $3
            WHERE id = $4
              AND state IN ('enabled', 'disabled')
              AND installed_at = $5"#;
        let args = args![
            backoff.wait_until,
            self.clock.now(),
            backoff.parked.as_deref(),
            &destination.id,
            destination.since,
        ];
        Ok(self.db.execute(sql, &args).await? > 0)
    }

    /// Holds a destination back until then, although nothing has failed.
    pub async fn pause(self, destination: &DestinationRef, until: Timestamp) -> Result<(), StoreError> {
        let sql = r#"
            UPDATE destinations
            SET wait_until = $1,
                wait_since = $2
            WHERE id = $3
              AND state IN ('enabled', 'disabled')
              AND installed_at = $4"#;
        let args = args![until, self.clock.now(), &destination.id, destination.since];
        self.db.execute(sql, &args).await?;
        Ok(())
    }

    /// Holds every destination of a type back until `until`, or for as long as it is held back already.
    pub async fn hold_all(self, type_name: &str, until: Timestamp) -> Result<(), StoreError> {
        let sql = concat!(
            r#"
            UPDATE destinations
            SET wait_until = $1,
                wait_since = $2
            WHERE type = $3
              AND state IN ('enabled', 'disabled')
              AND "#,
            is_over!("wait_until", "$1", "wait_since", "$2")
        );
        self.db.execute(sql, &args![until, self.clock.now(), type_name]).await?;
        Ok(())
    }

    /// Lets a destination that waits for a person be tried again now, if it waits no longer than `at_most`:
    /// a longer wait is one that it has asked for. Returns whether it was waiting.
    pub async fn retry_parked_one(
        self,
        destination: &DestinationId,
        at_most: TimeDelta,
    ) -> Result<bool, StoreError> {
        let sql = r#"
            SELECT id
            FROM destinations
            WHERE id = $1
              AND state = 'enabled'
              AND parked IS NOT NULL
              AND wait_until > 0
              AND wait_until - wait_since <= $2"#;
        let args = args![destination, at_most.num_milliseconds()];
        let found: Option<String> = self.db.find_value(sql, &args).await?;
        if found.is_none() {
            return Ok(false);
        }
        let sql = r#"
            UPDATE destinations
            SET wait_until = 0
            WHERE id = $1"#;
        Ok(self.db.execute(sql, &args![destination]).await? > 0)
    }

    /// Lets destinations that wait for a person be tried again now. Returns how many.
    pub async fn retry_parked(self) -> Result<u64, StoreError> {
        let sql = r#"
            UPDATE destinations
            SET wait_until = 0
            WHERE state IN ('enabled', 'unconfirmed') AND parked IS NOT NULL"#;
        self.db.execute(sql, &args![]).await
    }

    /// Counts confirmed entities that the destination has lost.
    pub(in crate::store) async fn count_drift(
        self,
        tx: &mut Tx,
        destination: &DestinationId,
        lost: usize,
    ) -> Result<(), StoreError> {
        let sql = r#"
            UPDATE destinations
            SET drift = drift + $1
            WHERE id = $2"#;
        tx.execute(sql, &args![lost, destination]).await?;
        Ok(())
    }
}
