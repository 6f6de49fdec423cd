//! Vault keys: generating one, and re-sealing secrets under the newest.

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
    /// Re-seals the secrets of one site under the newest key. Returns the site, or `None` when no secret of
    /// an older key is left: call it until then; it may be interrupted between any two calls.
    ///
    /// # Errors
    /// Also when a secret cannot be decrypted.
    pub async fn reseal_next_site(&self) -> Result<Option<String>, SyncError> {
        Ok(self.store.sites().reseal_next().await?)
    }
}
