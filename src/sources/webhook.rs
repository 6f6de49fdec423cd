//! A webhook, from unchecked bytes to content that may be trusted.
//!
//! [`InboundWebhook`] is what arrived. Only a source's `verify` makes a [`VerifiedWebhook`] of it, and only
//! that can be parsed: forgetting the signature check does not compile. Its JSON is parsed once, when it is
//! first asked for. Must not know any tool.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::kit::reader::{ReadFault, read_json};
use crate::domain::Timestamp;

/// Header fields by lower-case name, in the order of arrival. Values that are not UTF-8 are left out.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Puts this value in place of every field of the name, in small letters.
    pub fn set(&mut self, name: &str, value: &str) {
        self.0.retain(|(other, _)| other != name);
        self.0.push((name.to_owned(), value.to_owned()));
    }

    /// The same without the fields that carry credentials, for keeping.
    #[must_use]
    pub fn without(&self, is_secret: impl Fn(&str) -> bool) -> Self {
        Self(self.0.iter().filter(|(name, _)| !is_secret(name)).cloned().collect())
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Self {
        Self(
            fields
                .into_iter()
                .map(|(name, value)| (name.into().to_ascii_lowercase(), value.into()))
                .collect(),
        )
    }
}

/// A request to `/webhooks/{source id}` as it arrived, unchecked.
#[derive(Debug, Clone)]
pub struct InboundWebhook {
    pub headers: Headers,
    /// The token part of `/webhooks/{source id}/{token}`, for tools that can only be given an address.
    pub path_token: Option<String>,
    pub body: Vec<u8>,
    pub received_at: Timestamp,
}

/// A webhook that its tool has sent beyond doubt.
#[derive(Debug, Clone)]
pub struct VerifiedWebhook {
    pub headers: Headers,
    pub received_at: Timestamp,
    /// The tool's id of this delivery, equal on every retry; without one the content's hash is used.
    pub delivery_id: Option<String>,
    /// Which credential matched, by its place in the configuration: `webhook_secrets[0]`.
    pub verified_by: String,
    /// Never changed, because `json` is what it says.
    body: Vec<u8>,
    json: OnceLock<Result<Value, Unmappable>>,
}

impl VerifiedWebhook {
    /// Only for a source's `verify`, and for the inbox, which holds nothing unverified.
    #[must_use]
    pub fn new(webhook: InboundWebhook, delivery_id: Option<String>, verified_by: impl Into<String>) -> Self {
        Self {
            headers: webhook.headers,
            received_at: webhook.received_at,
            delivery_id,
            verified_by: verified_by.into(),
            body: webhook.body,
            json: OnceLock::new(),
        }
    }

    /// The body as it arrived.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// [`Unmappable::Malformed`] with the place of the fault, never with the content.
    pub fn json(&self) -> Result<&Value, Unmappable> {
        let parse = || {
            read_json(&self.body).map_err(|fault| match fault {
                ReadFault::Json(fault) => Unmappable::from_json(&fault),
                ReadFault::TooManyValues => Unmappable::Malformed(format!("the body {fault}")),
            })
        };
        self.json.get_or_init(parse).as_ref().map_err(Clone::clone)
    }
}

/// What the head of a webhook shows about its sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadProof {
    /// It has a credential that fits.
    Complete,
    /// It has a signature, which only the body can confirm.
    NeedsBody,
}

/// Why a webhook is refused. Nothing of it is kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// 401: no credential of the configuration matches.
    #[error("{0}")]
    Unauthorized(String),
    /// 401 as well: there is a signature, and no key of the configuration made it over this body.
    #[error("{0}")]
    Mismatch(String),
    /// 400: the fields that carry the signature cannot be read.
    #[error("{0}")]
    Malformed(String),
    /// 415: a format that this source does not understand.
    #[error("{0}")]
    UnsupportedMediaType(String),
}

/// Why a verified webhook cannot be mapped. It is kept and can be replayed after a fix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unmappable {
    /// 400: not JSON, not UTF-8, nested too deeply, or not the tool's documented shape.
    #[error("{0}")]
    Malformed(String),
    /// 422: well formed, but a required value is missing or unusable.
    #[error("{0}")]
    Incomplete(String),
}

impl Unmappable {
    /// Says where the JSON is at fault without repeating its content.
    #[must_use]
    pub fn from_json(fault: &serde_json::Error) -> Self {
        let what = match fault.classify() {
            serde_json::error::Category::Data => "has an unexpected shape",
            serde_json::error::Category::Eof => "ends too early",
            _ => "is not valid JSON",
        };
        Self::Malformed(format!("the body {what} (line {}, column {})", fault.line(), fault.column()))
    }
}

#[cfg(test)]
mod tests {
    use crate::sources::tests::prelude::*;

    /// Whoever reads the bytes again after the first parse finds something that is not JSON.
    fn spoil(webhook: &mut VerifiedWebhook) {
        webhook.body = b"spoilt".to_vec();
    }

    #[test]
    fn a_pagerduty_webhook_is_parsed_once_from_its_verification_to_its_findings() {
        let vector = &vectors::vectors("pagerduty", "signature-vectors.json")[0];
        assert_eq!(vector["expected"], "valid");
        let source = source("pagerduty", |config| config.webhook_secrets = vectors::secrets(vector));
        let plain = source.verify(vectors::webhook(vector)).expect("valid");
        let mut spoilt = plain.clone();
        spoil(&mut spoilt);
        source.inspect(&spoilt).expect("mappable");
        assert_eq!(source.recall(&spoilt), source.recall(&plain));
        let [spoilt, plain] =
            [spoilt, plain].map(|it| source.parse(&it, &mut Memory::default()).expect("mappable"));
        assert_eq!(spoilt, plain);
    }

    #[test]
    fn no_source_parses_a_webhook_a_second_time() {
        for kind in all_kinds() {
            let source = sample_source(kind.name, None);
            for (name, sample) in mutations::samples(kind.name) {
                let body = serde_json::to_vec(&sample).expect("JSON");
                let plain = verified(&[("content-type", "application/json")], &body, sample_now());
                let mut spoilt = plain.clone();
                spoilt.json().expect("JSON");
                spoil(&mut spoilt);
                let name = format!("{}/{name}", kind.name);
                assert_eq!(source.inspect(&spoilt), source.inspect(&plain), "{name}");
                assert_eq!(source.recall(&spoilt), source.recall(&plain), "{name}");
                let [spoilt, plain] = [spoilt, plain].map(|it| source.parse(&it, &mut Memory::default()));
                assert_eq!(spoilt, plain, "{name}");
            }
        }
    }

    #[test]
    fn what_is_not_json_says_where_and_never_what() {
        let webhook = verified(&[], b"{\"secret\": oops}", sample_now());
        for _ in 0..2 {
            let fault = webhook.json().expect_err("not JSON").to_string();
            assert!(fault.contains("is not valid JSON (line 1, column "), "{fault}");
            assert!(!fault.contains("oops"), "{fault}");
        }
    }
}
