//! The sites that have the app installed, and their sealed shared secrets.

use secrecy::SecretString;

use crate::clock::{Timestamp, from_millis};
use crate::domain::ClientKey;
use crate::store::db::{Tx, args};
use crate::store::{Store, StoreError, VaultError};

const TABLE: &str = "installations";
/// How long the previous secret still opens requests that were under way when a new one came.
const PREVIOUS_SECRET_MS: i64 = 5 * 60 * 1000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum InstallationState {
    Enabled,
    Disabled,
    /// The app was removed; nothing of the site is kept but this line.
    Uninstalled,
    /// The same site installed again under another client key.
    Replaced,
}

impl InstallationState {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
            Self::Uninstalled => "uninstalled",
            Self::Replaced => "replaced",
        }
    }

    fn find(text: &str) -> Option<Self> {
        [Self::Enabled, Self::Disabled, Self::Uninstalled, Self::Replaced]
            .into_iter()
            .find(|s| s.as_str() == text)
    }
}

/// What a verified `installed` call says.
#[derive(Debug, Clone)]
pub struct NewInstallation {
    pub client_key: ClientKey,
    pub shared_secret: SecretString,
    pub base_url: String,
    /// Host, with the port if it is not the usual one.
    pub site: String,
    pub display_url: Option<String>,
}

/// One site.
#[derive(Debug, Clone)]
pub struct Installation {
    pub client_key: ClientKey,
    pub state: InstallationState,
    pub base_url: String,
    pub site: String,
    pub display_url: Option<String>,
    /// The current secret, then the previous one while it is still good. Empty once uninstalled, and when
    /// the vault cannot open it, which `parked` then says.
    pub secrets: Vec<SecretString>,
    pub previous_until: Timestamp,
    /// Nothing is sent before.
    pub wait_until: Timestamp,
    pub failures: i64,
    /// Why a person must act, if so.
    pub parked: Option<String>,
    pub last_contact_at: Option<Timestamp>,
    /// The last nightly comparison.
    pub compared_at: Option<Timestamp>,
    /// Confirmed entities that Jira had lost and was sent again, ever.
    pub drift: i64,
    pub installed_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Row {
    client_key: String,
    state: String,
    base_url: String,
    site: String,
    display_url: Option<String>,
    secret: Option<Vec<u8>>,
    previous_secret: Option<Vec<u8>>,
    previous_until: i64,
    wait_since: i64,
    wait_until: i64,
    failures: i64,
    parked: Option<String>,
    last_contact_at: Option<i64>,
    compared_at: Option<i64>,
    drift: i64,
    installed_at: i64,
}

#[derive(sqlx::FromRow)]
struct SealedRow {
    client_key: String,
    site: String,
    secret: Option<Vec<u8>>,
    previous_secret: Option<Vec<u8>>,
}

impl Store {
    /// Stores an installation: a new site, or a new secret and addresses for a known one, in one
    /// transaction. The secret before it stays good for five minutes. `sources` are those that the site may
    /// see; all their entities are to be sent (again).
    ///
    /// # Errors
    /// When the database or the vault fails.
    pub async fn record_installed(
        &self,
        new: &NewInstallation,
        sources: &[crate::domain::SourceId],
    ) -> Result<(), StoreError> {
        let (key, now) = (new.client_key.as_str(), self.clock.now_ms());
        let secret = self.vault.seal(TABLE, key, &new.shared_secret)?;
        let mut tx = self.db.begin().await?;
        lock_sites(&mut tx).await?;
        tx.execute(
            "INSERT INTO installations (client_key, state, base_url, site, display_url, secret, installed_at, updated_at) \
             VALUES ($1, 'enabled', $2, $3, $4, $5, $6, $6) \
             ON CONFLICT (client_key) DO UPDATE SET state = 'enabled', base_url = excluded.base_url, site = excluded.site, \
               display_url = excluded.display_url, previous_secret = installations.secret, previous_until = $7, \
               secret = excluded.secret, wait_until = 0, failures = 0, parked = NULL, \
               installed_at = excluded.installed_at, updated_at = excluded.updated_at",
            &args![key, &new.base_url, &new.site, new.display_url.clone(), secret, now, now + PREVIOUS_SECRET_MS],
        )
        .await?;
        self.replace_older_keys(&mut tx, new).await?;
        tx.execute("DELETE FROM links WHERE client_key = $1", &args![key]).await?;
        for source in sources {
            self.want_everything(&mut tx, &new.client_key, source).await?;
        }
        bump_directory(&mut tx).await?;
        tx.commit().await
    }

    /// A site whose data was imported elsewhere comes back under a new key; the old one is dead.
    async fn replace_older_keys(&self, tx: &mut Tx, new: &NewInstallation) -> Result<(), StoreError> {
        let older: Vec<(String,)> = tx
            .list(
                "SELECT client_key FROM installations WHERE site = $1 AND client_key <> $2 AND state <> 'uninstalled'",
                &args![&new.site, new.client_key.as_str()],
            )
            .await?;
        for (key,) in older {
            self.erase_site(tx, &ClientKey(key), InstallationState::Replaced).await?;
        }
        Ok(())
    }

    /// Erases the site's secrets, deliveries, links and associations; a line without secrets remains.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn record_uninstalled(&self, client_key: &ClientKey) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        lock_sites(&mut tx).await?;
        self.erase_site(&mut tx, client_key, InstallationState::Uninstalled).await?;
        bump_directory(&mut tx).await?;
        tx.commit().await
    }

    async fn erase_site(
        &self,
        tx: &mut Tx,
        key: &ClientKey,
        state: InstallationState,
    ) -> Result<(), StoreError> {
        let site = args![key.as_str()];
        tx.execute("DELETE FROM deliveries WHERE client_key = $1", &site).await?;
        tx.execute("DELETE FROM links WHERE client_key = $1", &site).await?;
        tx.execute("DELETE FROM associations WHERE client_key = $1", &site).await?;
        tx.execute("DELETE FROM timeline WHERE client_key = $1", &site).await?;
        tx.execute(
            "UPDATE installations SET state = $2, secret = NULL, previous_secret = NULL, previous_until = 0, \
             display_url = NULL, parked = NULL, updated_at = $3 WHERE client_key = $1",
            &args![key.as_str(), state.as_str(), self.clock.now_ms()],
        )
        .await?;
        Ok(())
    }

    /// Resumes or pauses sending to a site that is installed. Trouble from before is over: a request that the
    /// pause overtook was refused, and must not keep the site waiting once it is resumed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn record_enabled(&self, client_key: &ClientKey, enabled: bool) -> Result<(), StoreError> {
        let state = if enabled { InstallationState::Enabled } else { InstallationState::Disabled };
        let mut tx = self.db.begin().await?;
        tx.execute(
            "UPDATE installations SET state = $2, updated_at = $3, wait_until = 0, failures = 0, parked = NULL \
             WHERE client_key = $1 AND state IN ('enabled', 'disabled')",
            &args![client_key.as_str(), state.as_str(), self.clock.now_ms()],
        )
        .await?;
        bump_directory(&mut tx).await?;
        tx.commit().await
    }

    /// All installations, gone ones included.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_installations(&self) -> Result<Vec<Installation>, StoreError> {
        let rows: Vec<Row> = self
            .db
            .list(
                "SELECT client_key, state, base_url, site, display_url, secret, previous_secret, previous_until, \
                 wait_since, wait_until, failures, parked, last_contact_at, compared_at, drift, installed_at FROM installations ORDER BY site, client_key",
                &args![],
            )
            .await?;
        rows.into_iter().map(|row| self.installation(row)).collect()
    }

    fn installation(&self, row: Row) -> Result<Installation, StoreError> {
        let state = InstallationState::find(&row.state).ok_or_else(|| StoreError::Inconsistent {
            what: "an installation".to_owned(),
            why: format!("unknown state {:?}", row.state),
        })?;
        let now = self.clock.now_ms();
        // Not longer than it was to be, even when the clock was set back since.
        let previous_is_good = (now + 1..=now + PREVIOUS_SECRET_MS).contains(&row.previous_until);
        let blobs = [row.secret, row.previous_secret.filter(|_| previous_is_good)];
        let opened: Result<Vec<SecretString>, VaultError> =
            blobs.into_iter().flatten().map(|blob| self.vault.open(TABLE, &row.client_key, &blob)).collect();
        let (secrets, sealed) = match opened {
            Ok(secrets) => (secrets, None),
            Err(fault) => (Vec::new(), Some(fault.to_string())),
        };
        Ok(Installation {
            client_key: ClientKey(row.client_key),
            state,
            base_url: row.base_url,
            site: row.site,
            display_url: row.display_url,
            secrets,
            previous_until: from_millis(row.previous_until),
            // A clock that was set back since makes the wait void.
            wait_until: from_millis(if row.wait_since > now { 0 } else { row.wait_until }),
            failures: row.failures,
            parked: sealed.or(row.parked),
            last_contact_at: row.last_contact_at.map(from_millis),
            compared_at: row.compared_at.map(from_millis),
            drift: row.drift,
            installed_at: from_millis(row.installed_at),
        })
    }

    /// Seals one secret of an older key anew under the newest. Returns the site it belonged to, or `None`
    /// when none is left: call it until then; it may be interrupted between any two calls.
    ///
    /// # Errors
    /// When the database or the vault fails.
    pub async fn reseal_next(&self) -> Result<Option<String>, StoreError> {
        let rows: Vec<SealedRow> = self
            .db
            .list(
                "SELECT client_key, site, secret, previous_secret FROM installations WHERE secret IS NOT NULL ORDER BY client_key",
                &args![],
            )
            .await?;
        let is_old = |blob: &Option<Vec<u8>>| blob.as_ref().is_some_and(|blob| !self.vault.is_current(blob));
        let Some(row) = rows.into_iter().find(|row| is_old(&row.secret) || is_old(&row.previous_secret))
        else {
            return Ok(None);
        };
        let reseal = |blob: Option<&Vec<u8>>| -> Result<Option<Vec<u8>>, StoreError> {
            let Some(blob) = blob else { return Ok(None) };
            let secret = self.vault.open(TABLE, &row.client_key, blob)?;
            Ok(Some(self.vault.seal(TABLE, &row.client_key, &secret)?))
        };
        // The condition keeps a secret that was replaced meanwhile.
        self.db
            .execute(
                "UPDATE installations SET secret = $2, previous_secret = $3 WHERE client_key = $1 AND secret = $4",
                &args![
                    &row.client_key,
                    reseal(row.secret.as_ref())?,
                    reseal(row.previous_secret.as_ref())?,
                    row.secret.clone(),
                ],
            )
            .await?;
        Ok(Some(row.site))
    }

    /// A number that changes whenever installations, workspaces or containers do.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn directory_generation(&self) -> Result<i64, StoreError> {
        let (number,) =
            self.db.get("SELECT number FROM generations WHERE name = 'directory'", &args![]).await?;
        Ok(number)
    }
}

/// Installing a site and changing an entity must see each other's effect, or a new site would miss the
/// change: both lock this row first.
pub(in crate::store) async fn lock_sites(tx: &mut Tx) -> Result<(), StoreError> {
    tx.execute("UPDATE generations SET number = number WHERE name = 'sites'", &args![]).await?;
    Ok(())
}

pub(in crate::store) async fn bump_directory(tx: &mut Tx) -> Result<(), StoreError> {
    tx.execute("UPDATE generations SET number = number + 1 WHERE name = 'directory'", &args![]).await?;
    Ok(())
}
