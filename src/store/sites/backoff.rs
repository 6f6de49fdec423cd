//! What keeps a site from being served: waits that Jira or a failure asked for, and those for a person.
//!
//! A wait is stored with the instant at which it began; before that instant it is void, because the clock was set
//! back.

use crate::clock::Timestamp;
use crate::domain::ClientKey;
use crate::store::db::{Tx, args};
use crate::store::{Store, StoreError};

/// Why nothing can be sent to a site at the moment.
#[derive(Debug, Clone)]
pub struct SiteTrouble {
    pub wait_until: Timestamp,
    /// Set when a person must act.
    pub parked: Option<String>,
}

impl Store {
    /// Sites that may be served now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_sites_ready(&self) -> Result<Vec<ClientKey>, StoreError> {
        let rows: Vec<(String,)> = self
            .db
            .list(
                "SELECT client_key FROM installations WHERE state = 'enabled' AND (wait_until <= $1 OR wait_since > $1) ORDER BY client_key",
                &args![self.clock.now_ms()],
            )
            .await?;
        Ok(rows.into_iter().map(|(key,)| ClientKey(key)).collect())
    }

    /// Whether the site may be served now: the trouble of another site can have held it back meanwhile.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_ready(&self, site: &ClientKey) -> Result<bool, StoreError> {
        let found: Option<(String,)> = self
            .db
            .find(
                "SELECT client_key FROM installations WHERE client_key = $1 AND state = 'enabled' \
                 AND (wait_until <= $2 OR wait_since > $2)",
                &args![site.as_str(), self.clock.now_ms()],
            )
            .await?;
        Ok(found.is_some())
    }

    /// How many requests to a site have failed in a row.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_failures(&self, site: &ClientKey) -> Result<i64, StoreError> {
        let found: Option<(i64,)> = self
            .db
            .find("SELECT failures FROM installations WHERE client_key = $1", &args![site.as_str()])
            .await?;
        Ok(found.map_or(0, |(failures,)| failures))
    }

    /// Jira has answered a request as it should: whatever was in the way is over.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn record_contact(&self, site: &ClientKey) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        self.end_trouble(&mut tx, site, None).await?;
        tx.commit().await
    }

    /// Whether the site is still installed as it was at `installed_at`, if that is asked. Locks its row, so
    /// that a reinstall comes before or after everything else in the transaction. A wait that is not over began
    /// while the answer was on its way, and says more than it.
    pub(in crate::store) async fn end_trouble(
        &self,
        tx: &mut Tx,
        site: &ClientKey,
        installed_at: Option<Timestamp>,
    ) -> Result<bool, StoreError> {
        let touched = tx
            .execute(
                "UPDATE installations SET last_contact_at = $2, \
                   wait_until = CASE WHEN wait_until > $2 AND wait_since <= $2 THEN wait_until ELSE 0 END, \
                   failures = CASE WHEN wait_until > $2 AND wait_since <= $2 THEN failures ELSE 0 END, \
                   parked = CASE WHEN wait_until > $2 AND wait_since <= $2 THEN parked ELSE NULL END \
                 WHERE client_key = $1 AND state IN ('enabled', 'disabled') AND ($3 = 0 OR installed_at = $3)",
                &args![
                    site.as_str(),
                    self.clock.now_ms(),
                    installed_at.map_or(0, |installed_at| installed_at.timestamp_millis()),
                ],
            )
            .await?;
        Ok(touched > 0)
    }

    /// Remembers that a site cannot be served until some time; a restart honours it. Returns `false`, with
    /// nothing written, when the site was installed anew or removed since `installed_at`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn record_site_trouble(
        &self,
        (site, installed_at): (&ClientKey, Timestamp),
        trouble: &SiteTrouble,
    ) -> Result<bool, StoreError> {
        let touched = self
            .db
            .execute(
                "UPDATE installations SET wait_until = $2, wait_since = $4, failures = failures + 1, parked = $3 \
                 WHERE client_key = $1 AND state IN ('enabled', 'disabled') AND installed_at = $5",
                &args![
                    site.as_str(),
                    trouble.wait_until.timestamp_millis(),
                    trouble.parked.clone(),
                    self.clock.now_ms(),
                    installed_at.timestamp_millis(),
                ],
            )
            .await?;
        Ok(touched > 0)
    }

    /// Holds every site back until `until`, or for as long as it is held back already.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn hold_all_sites(&self, until: Timestamp) -> Result<(), StoreError> {
        self.db
            .execute(
                "UPDATE installations SET wait_until = $1, wait_since = $2 \
                 WHERE state IN ('enabled', 'disabled') AND (wait_until < $1 OR wait_since > $2)",
                &args![until.timestamp_millis(), self.clock.now_ms()],
            )
            .await?;
        Ok(())
    }

    /// Sites that wait for a person are tried again now. Returns how many.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn try_parked_sites(&self) -> Result<u64, StoreError> {
        self.db
            .execute(
                "UPDATE installations SET wait_until = 0 WHERE state = 'enabled' AND parked IS NOT NULL",
                &args![],
            )
            .await
    }
}
