//! Seals the secrets that the store keeps: XChaCha20-Poly1305 under the operator's key.
//!
//! A blob is `1 | key id (8) | nonce (24) | ciphertext and tag`. Table and primary key are authenticated
//! with it, so a blob copied to another row cannot be opened. Must never write a plaintext anywhere.

use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, Generate, Key, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sha2::{Digest, Sha256};

const FORMAT: u8 = 1;
const KEY_ID: usize = 8;
const NONCE: usize = 24;
/// Stands for the table when a secret is sealed for a configuration file.
const IN_CONFIGURATION: &str = "configuration";

/// Why a secret cannot be sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    #[error("a vault key must be 32 bytes in base64; make one with `incident-bridge key generate`")]
    BadKey,
    #[error("this secret was sealed under a key that is not configured; add that key to vault.previous_keys")]
    UnknownKey,
    #[error(
        "a sealed secret is damaged or belongs to another owner; replace it: install the app again, or seal it again with `incident-bridge key seal`"
    )]
    Damaged,
}

/// Newest first, each with its id.
type Keys = Vec<([u8; KEY_ID], XChaCha20Poly1305)>;

/// The keys. The newest seals; all open.
pub struct Vault {
    keys: RwLock<Arc<Keys>>,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Vault({} keys)", self.keys().len())
    }
}

impl Vault {
    /// Keys in base64, the newest first and then those that still open.
    ///
    /// # Errors
    /// [`VaultError::BadKey`] when a key is not 32 bytes in base64.
    pub fn new(key: &SecretString, previous: &[SecretString]) -> Result<Self, VaultError> {
        let keys = std::iter::once(key).chain(previous).map(parse_key).collect::<Result<_, _>>()?;
        Ok(Self { keys: RwLock::new(Arc::new(keys)) })
    }

    /// Seals and opens with the keys of the other from now on.
    pub fn replace(&self, other: &Self) {
        let keys = other.keys();
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    fn keys(&self) -> Arc<Keys> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A new random key, in base64.
    #[must_use]
    pub fn generate_key() -> SecretString {
        STANDARD.encode(Key::<XChaCha20Poly1305>::generate()).into()
    }

    /// Seals `plaintext` for the row `id` of `table`.
    ///
    /// # Errors
    /// [`VaultError::BadKey`] when there is no key at all.
    pub fn seal(&self, table: &str, id: &str, plaintext: &SecretString) -> Result<Vec<u8>, VaultError> {
        let keys = self.keys();
        let (key_id, cipher) = keys.first().ok_or(VaultError::BadKey)?;
        let nonce = XNonce::generate();
        let payload = Payload { msg: plaintext.expose_secret().as_bytes(), aad: &bound_to(table, id) };
        let ciphertext = cipher.encrypt(&nonce, payload).map_err(|_| VaultError::Damaged)?;
        Ok([&[FORMAT], key_id.as_slice(), nonce.as_slice(), &ciphertext].concat())
    }

    /// Opens what [`Vault::seal`] made for the same row.
    ///
    /// # Errors
    /// [`VaultError::UnknownKey`] or [`VaultError::Damaged`].
    pub fn open(&self, table: &str, id: &str, blob: &[u8]) -> Result<SecretString, VaultError> {
        let (key_id, rest) = split(blob)?;
        let keys = self.keys();
        let (_, cipher) = keys.iter().find(|(known, _)| known == key_id).ok_or(VaultError::UnknownKey)?;
        let (nonce, ciphertext) = rest.split_at(NONCE);
        let nonce = XNonce::try_from(nonce).map_err(|_| VaultError::Damaged)?;
        let payload = Payload { msg: ciphertext, aad: &bound_to(table, id) };
        let plaintext = cipher.decrypt(&nonce, payload).map_err(|_| VaultError::Damaged)?;
        String::from_utf8(plaintext).map(SecretString::from).map_err(|_| VaultError::Damaged)
    }

    /// Seals a secret for a configuration file, as base64. `owner` is the owner of the secret.
    ///
    /// # Errors
    /// As for [`Vault::seal`].
    pub fn seal_text(&self, owner: &str, plaintext: &SecretString) -> Result<String, VaultError> {
        self.seal(IN_CONFIGURATION, owner, plaintext).map(|blob| STANDARD.encode(blob))
    }

    /// Opens what [`Vault::seal_text`] made for the same owner.
    ///
    /// # Errors
    /// As for [`Vault::open`].
    pub fn open_text(&self, owner: &str, sealed: &str) -> Result<SecretString, VaultError> {
        let blob = STANDARD.decode(sealed.trim()).map_err(|_| VaultError::Damaged)?;
        self.open(IN_CONFIGURATION, owner, &blob)
    }

    /// Whether the blob looks like one that a configured key opens, without opening it.
    ///
    /// # Errors
    /// As for [`Vault::open`].
    pub fn check(&self, blob: &[u8]) -> Result<(), VaultError> {
        let (key_id, _) = split(blob)?;
        self.keys().iter().any(|(known, _)| known == key_id).then_some(()).ok_or(VaultError::UnknownKey)
    }

    /// Whether the blob is sealed under the newest key.
    #[must_use]
    pub fn is_current(&self, blob: &[u8]) -> bool {
        split(blob).is_ok_and(|(key_id, _)| self.keys().first().is_some_and(|(newest, _)| newest == key_id))
    }
}

fn split(blob: &[u8]) -> Result<(&[u8], &[u8]), VaultError> {
    match blob {
        [FORMAT, rest @ ..] if rest.len() > KEY_ID + NONCE => Ok(rest.split_at(KEY_ID)),
        _ => Err(VaultError::Damaged),
    }
}

fn parse_key(text: &SecretString) -> Result<([u8; KEY_ID], XChaCha20Poly1305), VaultError> {
    let bytes = STANDARD.decode(text.expose_secret().trim()).map_err(|_| VaultError::BadKey)?;
    let bytes = SecretBox::new(Box::new(<[u8; 32]>::try_from(bytes).map_err(|_| VaultError::BadKey)?));
    let cipher = XChaCha20Poly1305::new(bytes.expose_secret().into());
    let digest: [u8; 32] = Sha256::digest(bytes.expose_secret()).into();
    let key_id = *digest.first_chunk().ok_or(VaultError::BadKey)?;
    Ok((key_id, cipher))
}

fn bound_to(table: &str, id: &str) -> Vec<u8> {
    format!("{table}\n{id}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault() -> (Vault, SecretString) {
        let key = Vault::generate_key();
        (Vault::new(&key, &[]).unwrap(), key)
    }

    #[test]
    fn what_is_sealed_opens_in_its_own_row_only() {
        let (vault, _) = vault();
        let blob = vault.seal("installations", "a", &"hush".into()).unwrap();
        assert_eq!(vault.open("installations", "a", &blob).unwrap().expose_secret(), "hush");
        assert!(matches!(vault.open("installations", "b", &blob), Err(VaultError::Damaged)));
        assert!(!blob.windows(4).any(|window| window == b"hush"));
    }

    #[test]
    fn an_older_key_still_opens_and_is_known_to_be_old() {
        let (old, old_key) = vault();
        let blob = old.seal("t", "1", &"hush".into()).unwrap();
        let new = Vault::new(&Vault::generate_key(), &[old_key]).unwrap();
        assert_eq!(new.open("t", "1", &blob).unwrap().expose_secret(), "hush");
        assert!(!new.is_current(&blob) && old.is_current(&blob));
    }

    #[test]
    fn a_vault_whose_keys_are_replaced_opens_with_the_new_ones() {
        let (vault, old_key) = vault();
        let blob = vault.seal("t", "1", &"hush".into()).unwrap();
        vault.replace(&Vault::new(&Vault::generate_key(), &[old_key]).unwrap());
        assert_eq!(vault.open("t", "1", &blob).unwrap().expose_secret(), "hush");
        assert!(!vault.is_current(&blob));
        vault.replace(&Vault::new(&Vault::generate_key(), &[]).unwrap());
        assert!(matches!(vault.open("t", "1", &blob), Err(VaultError::UnknownKey)));
    }

    #[test]
    fn a_blob_of_a_foreign_key_or_a_damaged_one_does_not_open() {
        let (vault, _) = vault();
        let mut blob = vault.seal("t", "1", &"hush".into()).unwrap();
        let other = Vault::new(&Vault::generate_key(), &[]).unwrap();
        assert!(matches!(other.open("t", "1", &blob), Err(VaultError::UnknownKey)));
        *blob.last_mut().unwrap() ^= 1;
        assert!(matches!(vault.open("t", "1", &blob), Err(VaultError::Damaged)));
        assert!(matches!(vault.open("t", "1", b""), Err(VaultError::Damaged)));
    }

    #[test]
    fn a_key_of_the_wrong_size_is_refused() {
        assert!(matches!(Vault::new(&"c2hvcnQ=".into(), &[]), Err(VaultError::BadKey)));
        assert!(matches!(Vault::new(&"not base64!".into(), &[]), Err(VaultError::BadKey)));
    }
}
