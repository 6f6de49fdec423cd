//! Signatures with a shared key (HMAC), in the many forms that tools use.
//!
//! Decides only whether a key of the configuration made the signature over the raw bytes; must not look
//! into the body. Comparisons take constant time.

use aws_lc_rs::hmac;
use base64::Engine;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use subtle::ConstantTimeEq;

use super::encoding::BASE64;
use super::shared_secret::unconfigured;
use crate::config::SourceConfig;
use crate::domain::Timestamp;
use crate::sources::{InboundWebhook, Rejection, VerifiedWebhook};

/// Longest signature field that is read, and most entries in it: bounds the work for an unknown sender.
pub(in crate::sources) const MAX_FIELD: usize = 8 * 1024;
pub(in crate::sources) const MAX_ENTRIES: usize = 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::sources) enum Algorithm {
    /// Only for tools that offer nothing better.
    Sha1,
    Sha256,
    Sha512,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::sources) enum Encoding {
    Hex,
    Base64,
}

/// How a tool writes its signature. A field may hold several signatures, separated by commas.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::sources) struct HmacScheme {
    /// Name of the header field with the signature.
    pub header: String,
    #[serde(default = "default_algorithm")]
    pub algorithm: Algorithm,
    #[serde(default = "default_encoding")]
    pub encoding: Encoding,
    /// Stands before each signature; entries without it are skipped.
    #[serde(default)]
    pub prefix: String,
    /// What is signed: text with `{body}` and `{timestamp}`.
    #[serde(default = "default_signed")]
    pub signed: String,
    /// Header field with the Unix seconds of the attempt.
    #[serde(default)]
    pub timestamp_header: Option<String>,
    /// Prefix of the entry of `header` with the Unix seconds, for example `t=`.
    #[serde(default)]
    pub timestamp_entry: Option<String>,
    /// Seconds that the timestamp may be off, either way, limits included.
    #[serde(default = "default_tolerance", alias = "tolerance_seconds")]
    pub tolerance: u64,
}

fn default_algorithm() -> Algorithm {
    Algorithm::Sha256
}

fn default_encoding() -> Encoding {
    Encoding::Hex
}

fn default_signed() -> String {
    "{body}".to_owned()
}

fn default_tolerance() -> u64 {
    300
}

impl HmacScheme {
    /// HMAC-SHA256 in hex over the body alone, each signature after `prefix`.
    pub(in crate::sources) fn sha256_hex(header: &str, prefix: &str) -> Self {
        Self {
            header: header.to_owned(),
            algorithm: Algorithm::Sha256,
            encoding: Encoding::Hex,
            prefix: prefix.to_owned(),
            signed: default_signed(),
            timestamp_header: None,
            timestamp_entry: None,
            tolerance: default_tolerance(),
        }
    }

    /// Why this scheme cannot work, for the operator.
    pub(in crate::sources) fn fault(&self) -> Option<&'static str> {
        let timed = self.timestamp_header.is_some() || self.timestamp_entry.is_some();
        if !self.signed.contains("{body}") {
            Some("`signed` must contain `{body}`, else anybody could send any body under an old signature")
        } else if self.signed.contains("{timestamp}") != timed {
            Some("`{timestamp}` in `signed` and `timestamp_header` (or `timestamp_entry`) go together")
        } else {
            None
        }
    }

    /// What is accepted, in the terms of `WWW-Authenticate`.
    pub(in crate::sources) fn challenges(&self) -> Vec<String> {
        vec![self.header.clone()]
    }

    /// Checks the webhook; the answer says which secret matched, as `webhook_secrets[0]`.
    pub(in crate::sources) fn verify(
        &self,
        secrets: &[SecretString],
        webhook: &InboundWebhook,
    ) -> Result<String, Rejection> {
        let field = webhook
            .headers
            .get(&self.header)
            .ok_or_else(|| Rejection::Unauthorized(format!("the header {} is missing", self.header)))?;
        let entries = split_entries(field, ',', &self.header)?;
        let timestamp = self.timestamp(&entries, webhook)?;
        let candidates = entries
            .iter()
            .filter_map(|entry| self.decode(entry.strip_prefix(self.prefix.as_str())?))
            .collect::<Vec<_>>();
        if candidates.is_empty() {
            return Err(Rejection::Unauthorized(format!(
                "the header {} has no signature in it",
                self.header
            )));
        }
        if webhook.body.is_empty() {
            // A head, whose body decides; and no tool sends an empty body.
            return Err(mismatch(&self.header));
        }
        let message = fill_template(&self.signed, timestamp.unwrap_or_default(), &webhook.body);
        let keys = secrets.iter().map(|secret| secret.expose_secret().as_bytes());
        find_match(self.algorithm, keys, &message, &candidates)
            .map(|index| format!("webhook_secrets[{index}]"))
            .ok_or_else(|| mismatch(&self.header))
    }

    /// The whole `verify` of a tool that signs with `webhook_secrets`.
    ///
    /// # Errors
    /// When no secret is configured, or none made the signature.
    pub(in crate::sources) fn admit(
        &self,
        config: &SourceConfig,
        webhook: InboundWebhook,
    ) -> Result<VerifiedWebhook, Rejection> {
        if config.webhook_secrets.is_empty() {
            return Err(unconfigured(config, "`webhook_secrets`"));
        }
        let verified_by = self.verify(&config.webhook_secrets, &webhook)?;
        Ok(VerifiedWebhook::new(webhook, None, verified_by))
    }

    fn timestamp<'a>(
        &self,
        entries: &[&'a str],
        webhook: &'a InboundWebhook,
    ) -> Result<Option<&'a str>, Rejection> {
        let text = match (&self.timestamp_header, &self.timestamp_entry) {
            (Some(header), _) => webhook.headers.get(header),
            (None, Some(prefix)) => entries.iter().find_map(|entry| entry.strip_prefix(prefix.as_str())),
            (None, None) => return Ok(None),
        };
        let text =
            text.ok_or_else(|| Rejection::Unauthorized("the signed timestamp is missing".to_owned()))?;
        check_timestamp(text, webhook.received_at, self.tolerance)?;
        Ok(Some(text))
    }

    fn decode(&self, signature: &str) -> Option<Vec<u8>> {
        match self.encoding {
            Encoding::Hex => hex::decode(signature).ok(),
            Encoding::Base64 => BASE64.decode(signature).ok(),
        }
    }
}

/// The place of the first key that made any of the `candidates` over the parts of `message`.
pub(in crate::sources) fn find_match<K: AsRef<[u8]>>(
    algorithm: Algorithm,
    keys: impl IntoIterator<Item = K>,
    message: &[&[u8]],
    candidates: &[Vec<u8>],
) -> Option<usize> {
    let algorithm = match algorithm {
        Algorithm::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        Algorithm::Sha256 => hmac::HMAC_SHA256,
        Algorithm::Sha512 => hmac::HMAC_SHA512,
    };
    keys.into_iter().position(|key| {
        let mut context = hmac::Context::with_key(&hmac::Key::new(algorithm, key.as_ref()));
        for part in message {
            context.update(part);
        }
        let tag = context.sign();
        candidates.iter().any(|candidate| bool::from(tag.as_ref().ct_eq(candidate)))
    })
}

/// Splits a signature field into its entries, trimmed.
pub(in crate::sources) fn split_entries<'a>(
    field: &'a str,
    at: char,
    name: &str,
) -> Result<Vec<&'a str>, Rejection> {
    let entries = field.split(at).map(str::trim).filter(|entry| !entry.is_empty());
    let entries = entries.take(MAX_ENTRIES + 1).collect::<Vec<_>>();
    if field.len() > MAX_FIELD || entries.len() > MAX_ENTRIES {
        return Err(Rejection::Malformed(format!("the header {name} is too long")));
    }
    Ok(entries)
}

/// Refuses an attempt whose Unix seconds differ from `now` by more than `tolerance` seconds.
pub(in crate::sources) fn check_timestamp(
    text: &str,
    now: Timestamp,
    tolerance: u64,
) -> Result<(), Rejection> {
    let sent = text
        .trim()
        .parse::<i64>()
        .map_err(|_| Rejection::Malformed("the signed timestamp is not Unix seconds".to_owned()))?;
    if sent.abs_diff(now.timestamp()) > tolerance {
        return Err(Rejection::Unauthorized(format!(
            "the signed timestamp is more than {tolerance} seconds off; check the clocks of sender and receiver"
        )));
    }
    Ok(())
}

/// There is a signature, but of something else or with another key.
pub(in crate::sources) fn mismatch(header: &str) -> Rejection {
    Rejection::Mismatch(format!(
        "no signature in {header} matches; check that `webhook_secrets` holds the secret of this webhook"
    ))
}

/// The parts of `template` around the body and the timestamp, in order.
fn fill_template<'a>(template: &'a str, timestamp: &'a str, body: &'a [u8]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    let mut rest = template;
    while let Some(((before, after), value)) = [("{body}", body), ("{timestamp}", timestamp.as_bytes())]
        .into_iter()
        .filter_map(|(name, value)| Some((rest.split_once(name)?, value)))
        .min_by_key(|((before, _), _)| before.len())
    {
        parts.extend([before.as_bytes(), value]);
        rest = after;
    }
    parts.push(rest.as_bytes());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_millis;

    #[test]
    fn a_template_is_filled_in_order() {
        let filled = fill_template("v0:{timestamp}:{body}!", "12", b"{timestamp}").concat();
        assert_eq!(String::from_utf8_lossy(&filled), "v0:12:{timestamp}!");
    }

    #[test]
    fn the_timestamp_may_be_off_by_the_tolerance_and_no_more() {
        let now = from_millis(1_000_000_999);
        for (sent, fine) in [("1000300", true), ("1000301", false), ("999700", true), ("999699", false)] {
            assert_eq!(check_timestamp(sent, now, 300).is_ok(), fine, "{sent}");
        }
        assert!(matches!(check_timestamp("1e9", now, 300), Err(Rejection::Malformed(_))));
        assert!(check_timestamp("-9223372036854775808", now, 300).is_err());
    }

    #[test]
    fn a_field_with_too_many_entries_is_malformed() {
        assert_eq!(split_entries("v1=a, v1=b", ',', "S"), Ok(vec!["v1=a", "v1=b"]));
        assert!(matches!(split_entries(&"a,".repeat(21), ',', "S"), Err(Rejection::Malformed(_))));
        assert!(matches!(split_entries(&"a".repeat(MAX_FIELD + 1), ',', "S"), Err(Rejection::Malformed(_))));
    }

    #[test]
    fn a_head_proves_nothing_whatever_its_signature() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"k");
        let scheme = HmacScheme::sha256_hex("X-Signature", "v1=");
        let signed = |body: &[u8]| InboundWebhook {
            headers: [("X-Signature", format!("v1={}", hex::encode(hmac::sign(&key, body).as_ref())))]
                .into_iter()
                .collect(),
            path_token: None,
            body: body.to_vec(),
            received_at: from_millis(0),
        };
        let secrets = [SecretString::from("k")];
        assert!(scheme.verify(&secrets, &signed(b"{}")).is_ok());
        assert!(matches!(scheme.verify(&secrets, &signed(b"")), Err(Rejection::Mismatch(_))));
    }

    #[test]
    fn sha1_and_a_timestamp_inside_the_signature_field_are_understood() {
        let body = b"payload".to_vec();
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"k");
        let signature = hex::encode(hmac::sign(&key, b"1000payload").as_ref());
        let scheme = HmacScheme {
            algorithm: Algorithm::Sha1,
            signed: "{timestamp}{body}".to_owned(),
            timestamp_entry: Some("t=".to_owned()),
            ..HmacScheme::sha256_hex("X-Signature", "v1=")
        };
        assert_eq!(scheme.fault(), None);
        let webhook = InboundWebhook {
            headers: [("X-Signature", format!("t=1000, v1={signature}"))].into_iter().collect(),
            path_token: None,
            body,
            received_at: from_millis(1_000_000),
        };
        let secrets = [SecretString::from("other"), SecretString::from("k")];
        assert_eq!(scheme.verify(&secrets, &webhook), Ok("webhook_secrets[1]".to_owned()));
        let late = InboundWebhook { received_at: from_millis(1_400_000), ..webhook };
        assert!(matches!(scheme.verify(&secrets, &late), Err(Rejection::Unauthorized(_))));
    }
}
