//! Standard Webhooks 1.0.0: `v1` (HMAC-SHA256) and `v1a` (Ed25519), also under Svix's header names.
//!
//! Source: <https://github.com/standard-webhooks/standard-webhooks>. Only keys of the configuration are
//! trusted, never one that a request names; private keys are refused, because a receiver needs none.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine;
use secrecy::{ExposeSecret, SecretSlice, SecretString};

use super::encoding::BASE64;
use super::signature::{Algorithm, check_timestamp, find_match, mismatch, split_entries};
use crate::sources::{Headers, InboundWebhook, Rejection};

/// Seconds that a timestamp may be off, either way, as in the official libraries.
const TOLERANCE: u64 = 300;

/// The y coordinates of the points of small order in hex, little endian: 0, 1, the two of order 8, and -1, 0 and 1
/// modulo p once more, because p - 1, p and p + 1 fit into 255 bits as well.
const SMALL_ORDER: [&str; 7] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

enum Key {
    Shared(SecretSlice<u8>),
    Public(UnparsedPublicKey<[u8; 32]>),
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

    /// What is accepted, in the terms of `WWW-Authenticate`.
    pub(in crate::sources) fn challenges(&self) -> Vec<String> {
        self.0.first().map(|_| "webhook-signature".to_owned()).into_iter().collect()
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
            Key::Public(key) => v1a.iter().any(|signature| key.verify(&signed, signature).is_ok()),
        };
        self.0
            .iter()
            .position(matches)
            .map(|index| format!("webhook_secrets[{index}]"))
            .ok_or_else(|| mismatch("webhook-signature"))
    }
}

/// The header fields that [`find_id`] reads.
pub(in crate::sources) const ID_HEADERS: [&str; 2] = ["webhook-id", "svix-id"];

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
    let key = BASE64.decode(encoded).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    let key = key.ok_or("is not an Ed25519 public key (`whpk_` and the base64 of 32 bytes)")?;
    if has_small_order(key) {
        return Err("is a weak Ed25519 key, under which anybody can sign: ask the sender for another".into());
    }
    Ok(Key::Public(UnparsedPublicKey::new(&ED25519, key)))
}

/// Whether a key is one of the points of order 1, 2, 4 or 8, in any encoding: under such a key one signature
/// fits every message. The last bit is the sign of x, which does not change the order.
fn has_small_order(mut key: [u8; 32]) -> bool {
    key[31] &= 0x7f;
    SMALL_ORDER.iter().any(|y| hex::encode(key) == *y)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_small_order_is_refused_in_every_encoding() {
        for y in SMALL_ORDER {
            for sign in [0, 0x80] {
                let mut key = hex::decode(y).expect("hex");
                key[31] |= sign;
                let weak = format!("whpk_{}", BASE64.encode(key));
                let fault = StandardWebhooks::parse(&[weak.into()]).err().expect("refused");
                assert!(fault.contains("weak"), "{fault}");
            }
        }
    }

    #[test]
    fn a_fault_names_its_place_and_never_the_secret() {
        let secrets = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into(), "whsec_c2hvcnQ=".into()];
        let fault = StandardWebhooks::parse(&secrets).err().expect("refused");
        assert!(fault.starts_with("webhook_secrets[1] has 5 bytes"), "{fault}");
        assert!(!fault.contains("c2hvcnQ"), "{fault}");
    }
}
