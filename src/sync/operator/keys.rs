//! Vault keys: a new one, and the step from an old one to it.

use secrecy::SecretString;

use super::Operator;
use crate::store::Vault;
use crate::sync::core::SyncError;

/// A new vault key, as `vault.key` takes it.
#[must_use]
pub fn generate_vault_key() -> SecretString {
    Vault::generate_key()
}

impl Operator {
    /// Seals the secrets of one site anew under the newest key. Returns the site, or `None` when no secret of
    /// an older key is left: call it until then; it may be interrupted between any two calls.
    ///
    /// # Errors
    /// Also when a secret does not open.
    pub async fn reseal_next_site(&self) -> Result<Option<String>, SyncError> {
        Ok(self.store.sites().reseal_next().await?)
    }
}
