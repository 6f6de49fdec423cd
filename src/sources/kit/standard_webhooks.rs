//! Standard Webhooks 1.0.0: `v1` (HMAC-SHA256) and `v1a` (Ed25519), also under Svix's header names.
//!
//! Source: <https://github.com/standard-webhooks/standard-webhooks>. Only keys of the configuration are
//! trusted, never one that a request names; private keys are refused, because a receiver needs none.

use base64::Engine;
use ed25519_dalek::{Signature, VerifyingKey};
use secrecy::{ExposeSecret, SecretSlice, SecretString};

use super::encoding::BASE64;
use super::signature::{Algorithm, check_timestamp, find_match, mismatch, split_entries};
use crate::sources::{Headers, InboundWebhook, Rejection};

/// Seconds that a timestamp may be off, either way, as in the official libraries.
const TOLERANCE: u64 = 300;

enum Key {
    Shared(SecretSlice<u8>),
    Public(VerifyingKey),
}

/// The keys of one source, in the order of `webhook_secrets`.
pub(in crate::sources) struct StandardWebhooks(Vec<Key>);

impl StandardWebhooks {
    /// Parses `whsec_…`, `whpk_…` and bare base64.
    ///
    /// # Errors
    /// Which entry is unusable and what belongs there.
    pub(in crate::sources) fn parse(secrets: &[SecretString]) -> Result<Self, String> {
        let parse = |(index, secret): (usize, &SecretString)| {
            parse_key(secret.expose_secret()).map_err(|fault| format!("webhook_secrets[{index}] {fault}"))
        };
        secrets.iter().enumerate().map(parse).collect::<Result<_, _>>().map(Self)
    }

    /// Checks the webhook; the answer says which key matched, as `webhook_secrets[0]`.
    pub(in crate::sources) fn verify(&self, webhook: &InboundWebhook) -> Result<String, Rejection> {
        let field = |name: &str| {
            find_header(&webhook.headers, name)
                .ok_or_else(|| Rejection::Unauthorized(format!("the header webhook-{name} is missing")))
        };
        let (id, timestamp, signature) = (field("id")?, field("timestamp")?, field("signature")?);
        check_timestamp(timestamp, webhook.received_at, TOLERANCE)?;
        let entries = split_entries(signature, ' ', "webhook-signature")?;
        let decode = |version: &str| {
            let signatures =
                entries.iter().filter_map(|entry| entry.strip_prefix(version)?.strip_prefix(','));
            signatures.filter_map(|text| BASE64.decode(text).ok()).collect::<Vec<_>>()
        };
        let (v1, v1a) = (decode("v1"), decode("v1a"));
        if v1.is_empty() && v1a.is_empty() {
            let reason = "the header webhook-signature has no signature of version v1 or v1a in it";
            return Err(Rejection::Unauthorized(reason.to_owned()));
        }
        let message = [id.as_bytes(), b".", timestamp.as_bytes(), b".", &webhook.body];
        let signed = if v1a.is_empty() { Vec::new() } else { message.concat() };
        let matches = |key: &Key| match key {
            Key::Shared(key) => find_match(Algorithm::Sha256, [key.expose_secret()], &message, &v1).is_some(),
            Key::Public(key) => v1a.iter().any(|bytes| {
                Signature::from_slice(bytes)
                    .is_ok_and(|signature| key.verify_strict(&signed, &signature).is_ok())
            }),
        };
        self.0
            .iter()
            .position(matches)
            .map(|index| format!("webhook_secrets[{index}]"))
            .ok_or_else(|| mismatch("webhook-signature"))
    }
}

/// The delivery's id: equal on every retry.
pub(in crate::sources) fn find_id(headers: &Headers) -> Option<&str> {
    find_header(headers, "id")
}

fn find_header<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    ["webhook", "svix"].iter().find_map(|family| headers.get(&format!("{family}-{name}")))
}

fn parse_key(text: &str) -> Result<Key, String> {
    if text.starts_with("whsk_") {
        return Err(
            "is a private key: use the sender's public key `whpk_…` and keep the private one away".into()
        );
    }
    if let Some(encoded) = text.strip_prefix("whpk_") {
        return parse_public_key(encoded);
    }
    let key = BASE64
        .decode(text.strip_prefix("whsec_").unwrap_or(text))
        .map_err(|_| "is not base64: copy the secret `whsec_…` as the sender shows it".to_owned())?;
    if (24..=64).contains(&key.len()) {
        Ok(Key::Shared(key.into()))
    } else {
        Err(format!("has {} bytes; Standard Webhooks secrets have 24 to 64", key.len()))
    }
}

fn parse_public_key(encoded: &str) -> Result<Key, String> {
    let bytes = BASE64.decode(encoded).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    let key = bytes.and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok());
    let key = key.ok_or("is not an Ed25519 public key (`whpk_` and the base64 of 32 bytes)")?;
    if key.is_weak() {
        return Err("is a weak Ed25519 key, under which anybody can sign: ask the sender for another".into());
    }
    Ok(Key::Public(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_small_order_is_refused() {
        let weak = format!("whpk_{}", BASE64.encode([0_u8; 32]));
        let fault = StandardWebhooks::parse(&[weak.into()]).err().expect("refused");
        assert!(fault.contains("weak"), "{fault}");
    }

    #[test]
    fn a_fault_names_its_place_and_never_the_secret() {
        let secrets = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into(), "whsec_c2hvcnQ=".into()];
        let fault = StandardWebhooks::parse(&secrets).err().expect("refused");
        assert!(fault.starts_with("webhook_secrets[1] has 5 bytes"), "{fault}");
        assert!(!fault.contains("c2hvcnQ"), "{fault}");
    }
}
