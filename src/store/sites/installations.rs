//! The sites that have the app installed.

use secrecy::SecretString;

use super::Sites;
use crate::clock::Timestamp;
use crate::domain::{ClientKey, DestinationId};
use crate::store::db::generations::{self, Part};
use crate::store::db::{Millis, OptionalMillis, Tx, args, unless_set_back};
use crate::store::error::StoreError;
use crate::store::vault::VaultError;

/// How long the previous secret still verifies requests that were in flight when a new one arrived.
pub(super) const PREVIOUS_SECRET: chrono::TimeDelta = chrono::TimeDelta::minutes(5);

/// What operators read of an unconfirmed installation until the first answer of Jira.
const NOT_ASKED: &str = "Jira has not accepted this installation's secret yet; until it does, the site's earlier one stays in use";

/// Whether a site has the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum InstallationState {
    Enabled,
    /// Paused by the site: nothing is sent.
    Disabled,
    /// The app was removed; only this row of the site is kept.
    Uninstalled,
    /// The same site installed again under another client key.
    Replaced,
    /// The site works under another client key, and Jira has not accepted this one's secret yet.
    Unconfirmed,
}

impl InstallationState {
    const ALL: [Self; 5] =
        [Self::Enabled, Self::Disabled, Self::Uninstalled, Self::Replaced, Self::Unconfirmed];

    /// The name in the database and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
            Self::Uninstalled => "uninstalled",
            Self::Replaced => "replaced",
            Self::Unconfirmed => "unconfirmed",
        }
    }
}

impl TryFrom<String> for InstallationState {
    type Error = StoreError;
    fn try_from(name: String) -> Result<Self, StoreError> {
        Self::ALL.into_iter().find(|state| state.as_str() == name).ok_or_else(|| StoreError::Inconsistent {
            what: "an installation".to_owned(),
            why: format!("unknown state {name:?}"),
        })
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
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Installation {
    #[sqlx(rename = "id")]
    pub client_key: ClientKey,
    #[sqlx(try_from = "String")]
    pub state: InstallationState,
    pub base_url: String,
    /// Host, with the port if it is not the usual one.
    pub site: String,
    pub display_url: Option<String>,
    /// The current secret, then the previous one while it is still good. Empty once uninstalled, and when
    /// the vault cannot open it.
    #[sqlx(skip)]
    pub secrets: Vec<SecretString>,
    /// Why the vault cannot open the secret, if it cannot; `parked` then says it too.
    #[sqlx(skip)]
    pub sealed: Option<VaultError>,
    #[sqlx(try_from = "Millis")]
    pub previous_until: Timestamp,
    /// Nothing is sent before.
    #[sqlx(try_from = "Millis")]
    pub wait_until: Timestamp,
    /// In a row.
    pub failures: i64,
    /// Why a person must act, if one must.
    pub parked: Option<String>,
    #[sqlx(try_from = "OptionalMillis")]
    pub last_contact_at: Option<Timestamp>,
    /// The last nightly comparison.
    #[sqlx(try_from = "OptionalMillis")]
    pub compared_at: Option<Timestamp>,
    /// Confirmed entities that Jira ever lost and was sent again.
    pub drift: i64,
    #[sqlx(try_from = "Millis")]
    pub installed_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Row {
    #[sqlx(flatten)]
    installation: Installation,
    secret: Option<Vec<u8>>,
    previous_secret: Option<Vec<u8>>,
    #[sqlx(try_from = "Millis")]
    wait_since: Timestamp,
}

/// A destination that receives changes.
#[derive(Debug, sqlx::FromRow)]
pub(in crate::store) struct Audience {
    pub id: DestinationId,
    /// Host of a site, or the name of another destination.
    pub site: String,
}

impl Sites<'_> {
    /// All installations, gone ones included.
    pub async fn list_installations(self) -> Result<Vec<Installation>, StoreError> {
        let sql = r#"
            SELECT
                id, state, base_url, site, display_url, secret, previous_secret, previous_until,
                wait_since, wait_until, failures, parked, last_contact_at, compared_at, drift, installed_at
            FROM destinations
            WHERE type = 'operations'
            ORDER BY site, id"#;
        let rows: Vec<Row> = self.db.list(sql, &args![]).await?;
        Ok(rows.into_iter().map(|row| self.open(row)).collect())
    }

    fn open(self, row: Row) -> Installation {
        let (installation, now) = (row.installation, self.clock.now());
        // Not longer than intended, even if the clock was set back since.
        let previous_is_good =
            installation.previous_until > now && installation.previous_until <= now + PREVIOUS_SECRET;
        let blobs = [row.secret, row.previous_secret.filter(|_| previous_is_good)];
        let id = installation.client_key.as_str();
        let opened: Result<Vec<SecretString>, VaultError> =
            blobs.into_iter().flatten().map(|blob| self.unseal(id, &blob)).collect();
        let (secrets, sealed) = match opened {
            Ok(secrets) => (secrets, None),
            Err(fault) => (Vec::new(), Some(fault)),
        };
        Installation {
            secrets,
            wait_until: unless_set_back(installation.wait_until, row.wait_since, now),
            parked: sealed.as_ref().map(ToString::to_string).or(installation.parked),
            sealed,
            ..installation
        }
    }

    /// Destinations that receive changes: those that are served, or will be once they are enabled.
    pub(in crate::store) async fn list_audience(self, tx: &mut Tx) -> Result<Vec<Audience>, StoreError> {
        let sql = r#"
            SELECT id, site
            FROM destinations
            WHERE state IN ('enabled', 'disabled')"#;
        tx.list(sql, &args![]).await
    }

    /// Writes a new site, or a new secret and addresses for a known one. The previous secret stays valid for
    /// five minutes.
    pub(in crate::store) async fn write_installation(
        self,
        tx: &mut Tx,
        new: &NewInstallation,
        state: InstallationState,
    ) -> Result<(), StoreError> {
        let sql = r#"
            INSERT INTO destinations (
                id, state, base_url, site, display_url, secret, installed_at, updated_at, parked
            )
            VALUES ($1, $8, $2, $3, $4, $5, $6, $6, $9)
            ON CONFLICT (id) DO UPDATE
            SET state = excluded.state,
                base_url = excluded.base_url,
                site = excluded.site,
                display_url = excluded.display_url,
                previous_secret = destinations.secret,
                previous_until = $7,
                secret = excluded.secret,
                wait_until = 0,
                failures = 0,
                parked = excluded.parked,
                installed_at = excluded.installed_at,
                updated_at = excluded.updated_at"#;
        let now = self.clock.now();
        let args = args![
            &new.client_key,
            &new.base_url,
            &new.site,
            new.display_url.as_deref(),
            self.seal(new.client_key.as_str(), &new.shared_secret)?,
            now,
            now + PREVIOUS_SECRET,
            state.as_str(),
            (state == InstallationState::Unconfirmed).then_some(NOT_ASKED),
        ];
        tx.execute(sql, &args).await?;
        generations::bump_directory(tx, Part::Destination, [new.client_key.as_str()]).await
    }

    /// Erases a site's secrets and links; a row without secrets remains, in this state.
    pub(in crate::store) async fn erase(
        self,
        tx: &mut Tx,
        client_key: &ClientKey,
        state: InstallationState,
    ) -> Result<(), StoreError> {
        let sql = r#"
            UPDATE destinations
            SET state = $1,
                secret = NULL,
                previous_secret = NULL,
                previous_until = 0,
                display_url = NULL,
                parked = NULL,
                updated_at = $2
            WHERE id = $3"#;
        self.erase_links(tx, &DestinationId::from(client_key)).await?;
        tx.execute(sql, &args![state.as_str(), self.clock.now(), client_key]).await?;
        generations::bump_directory(tx, Part::Destination, [client_key.as_str()]).await
    }

    /// Resumes or pauses sending to a site that is installed. Clears waits and failures: a request
    /// that the pause overtook was refused, and must not keep the site waiting once it is resumed.
    pub(in crate::store) async fn record_enabled(
        self,
        tx: &mut Tx,
        client_key: &ClientKey,
        enabled: bool,
    ) -> Result<(), StoreError> {
        let sql = r#"
            UPDATE destinations
            SET state = $1,
                updated_at = $2,
                wait_until = 0,
                failures = 0,
                parked = NULL
            WHERE id = $3 AND state IN ('enabled', 'disabled')"#;
        let state = if enabled { InstallationState::Enabled } else { InstallationState::Disabled };
        tx.execute(sql, &args![state.as_str(), self.clock.now(), client_key]).await?;
        generations::bump_directory(tx, Part::Destination, [client_key.as_str()]).await
    }
}
