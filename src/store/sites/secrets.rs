//! The sealed shared secrets of the installations.

use std::fmt;
use std::sync::{Arc, OnceLock};

use secrecy::SecretString;

use super::Sites;
use super::installations::PREVIOUS_SECRET;
use crate::store::db::args;
use crate::store::error::StoreError;
use crate::store::vault::{Vault, VaultError};

/// What a secret is sealed with besides its client key: the former name of the table, which existing blobs
/// still use.
const SEALED_FOR: &str = "installations";

/// A secret of an installation, opened when it is first needed.
pub struct SealedSecret {
    vault: Arc<Vault>,
    id: String,
    blob: Vec<u8>,
    opened: OnceLock<Option<SecretString>>,
}

impl fmt::Debug for SealedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedSecret({})", self.id)
    }
}

impl SealedSecret {
    /// The secret; `None`, with a line in the log, when it cannot be opened.
    #[must_use]
    pub fn open(&self) -> Option<&SecretString> {
        let open = || match self.vault.open(SEALED_FOR, &self.id, &self.blob) {
            Ok(secret) => Some(secret),
            Err(fault) => {
                tracing::error!(client_key = self.id, reason = %fault, "the secret of a site cannot be opened");
                None
            }
        };
        self.opened.get_or_init(open).as_ref()
    }

    /// Why it cannot be opened, as far as that shows without trying.
    #[must_use]
    pub fn find_fault(&self) -> Option<VaultError> {
        self.vault.check(&self.blob).err()
    }
}

#[derive(sqlx::FromRow)]
struct SealedRow {
    id: String,
    site: String,
    secret: Option<Vec<u8>>,
    previous_secret: Option<Vec<u8>>,
}

impl Sites<'_> {
    /// Seals the secret of an installation.
    pub(super) fn seal(self, id: &str, secret: &SecretString) -> Result<Vec<u8>, VaultError> {
        self.vault.seal(SEALED_FOR, id, secret)
    }

    /// A secret of an installation, for later.
    pub(super) fn keep_sealed(self, id: &str, blob: Vec<u8>) -> SealedSecret {
        SealedSecret { vault: self.vault.clone(), id: id.to_owned(), blob, opened: OnceLock::new() }
    }

    /// Opens a secret of an installation.
    pub(super) fn unseal(self, id: &str, sealed: &[u8]) -> Result<SecretString, VaultError> {
        self.vault.open(SEALED_FOR, id, sealed)
    }

    /// Erases previous secrets that are no longer accepted. Returns how many.
    pub async fn erase_expired_secrets(self) -> Result<u64, StoreError> {
        let sql = r#"
            SELECT COUNT(*)
            FROM destinations
            WHERE previous_secret IS NOT NULL AND (previous_until <= $1 OR previous_until > $2)"#;
        let (now, latest) = (self.clock.now(), self.clock.now() + PREVIOUS_SECRET);
        let (expired,): (i64,) = self.db.get(sql, &args![now, latest]).await?;
        if expired == 0 {
            return Ok(0);
        }
        let sql = r#"
            UPDATE destinations
            SET previous_secret = NULL, previous_until = 0
            WHERE previous_secret IS NOT NULL AND (previous_until <= $1 OR previous_until > $2)"#;
        self.db.execute(sql, &args![now, latest]).await
    }

    /// Re-seals one secret of an older key under the newest. Returns the site it belongs to, or `None`
    /// when none is left: call it until then; it may be interrupted between any two calls.
    ///
    /// # Errors
    /// Also when a secret cannot be decrypted.
    pub async fn reseal_next(self) -> Result<Option<String>, StoreError> {
        let sql = r#"
            SELECT id, site, secret, previous_secret
            FROM destinations
            WHERE secret IS NOT NULL
            ORDER BY id"#;
        let rows: Vec<SealedRow> = self.db.list(sql, &args![]).await?;
        let is_old = |blob: &Option<Vec<u8>>| blob.as_ref().is_some_and(|blob| !self.vault.is_current(blob));
        let Some(row) = rows.into_iter().find(|row| is_old(&row.secret) || is_old(&row.previous_secret))
        else {
            return Ok(None);
        };
        let reseal = |blob: Option<&Vec<u8>>| -> Result<Option<Vec<u8>>, StoreError> {
            let Some(blob) = blob else { return Ok(None) };
            Ok(Some(self.seal(&row.id, &self.unseal(&row.id, blob)?)?))
        };
        // The condition keeps a secret that was replaced meanwhile.
        let sql = r#"
            UPDATE destinations
            SET secret = $1, previous_secret = $2
            WHERE id = $3 AND secret = $4"#;
        let args = args![
            reseal(row.secret.as_ref())?,
            reseal(row.previous_secret.as_ref())?,
            &row.id,
            row.secret.as_deref(),
        ];
        self.db.execute(sql, &args).await?;
        Ok(Some(row.site))
    }
}
