//! Authentication of tools that cannot sign: a token in a header or in the address, or a user and password.
//!
//! Comparisons take constant time. Must not look into the body, and must not accept a webhook while no
//! credential is configured.

use base64::Engine;
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use super::encoding::BASE64;
use crate::config::SourceConfig;
use crate::sources::{Headers, InboundWebhook, Rejection, VerifiedWebhook};

/// The credentials `webhook_token` and `webhook_basic` of one source.
pub(in crate::sources) struct SharedSecret {
    token: Option<SecretString>,
    basic: Option<SecretString>,
    header: Option<String>,
    in_path: bool,
}

impl SharedSecret {
    /// Accepts the token as `Authorization: Bearer …` and `webhook_basic` as HTTP basic authentication.
    pub(in crate::sources) fn new(config: &SourceConfig) -> Self {
        Self {
            token: config.webhook_token.clone(),
            basic: config.webhook_basic.clone(),
            header: None,
            in_path: false,
        }
    }

    /// Accepts the token also as the bare value of this header field.
    pub(in crate::sources) fn with_header(self, header: Option<String>) -> Self {
        Self { header, ..self }
    }

    /// Accepts the token also as the last part of the address, for tools that can be given nothing else.
    pub(in crate::sources) fn with_path(self, in_path: bool) -> Self {
        Self { in_path, ..self }
    }

    pub(in crate::sources) fn is_configured(&self) -> bool {
        self.token.is_some() || self.basic.is_some()
    }

    /// What is accepted, in the terms of `WWW-Authenticate`.
    pub(in crate::sources) fn challenges(&self) -> Vec<String> {
        let token = self.token.iter().flat_map(|_| [Some("Bearer"), self.header.as_deref()]).flatten();
        let basic = self.basic.iter().map(|_| "Basic realm=\"webhooks\", charset=\"UTF-8\"");
        token.chain(basic).map(str::to_owned).collect()
    }

    /// The fields that may be kept and shown: without the custom one that holds the token.
    pub(in crate::sources) fn without_token(&self, headers: &Headers) -> Headers {
        headers.without(|name| self.header.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(name)))
    }

    /// Checks the webhook; the answer names the key of the configuration that matched.
    pub(in crate::sources) fn verify(&self, webhook: &InboundWebhook) -> Result<&'static str, Rejection> {
        let authorization = webhook.headers.get("authorization").and_then(|value| value.split_once(' '));
        let credentials = |scheme: &str| {
            authorization.filter(|(name, _)| name.eq_ignore_ascii_case(scheme)).map(|(_, value)| value.trim())
        };
        let tokens = [
            credentials("bearer"),
            self.header.as_deref().and_then(|name| webhook.headers.get(name)),
            webhook.path_token.as_deref().filter(|_| self.in_path),
        ];
        if tokens.into_iter().flatten().any(|token| equals(self.token.as_ref(), token.as_bytes())) {
            return Ok("webhook_token");
        }
        let basic = credentials("basic").and_then(|encoded| BASE64.decode(encoded).ok());
        if basic.is_some_and(|basic| equals(self.basic.as_ref(), &basic)) {
            return Ok("webhook_basic");
        }
        Err(Rejection::Unauthorized(
            "no credential matches; check that the sender uses `webhook_token` or `webhook_basic`".to_owned(),
        ))
    }
}

impl SharedSecret {
    /// The whole `verify` of a tool that cannot sign.
    ///
    /// # Errors
    /// When no credential is configured, or none matches.
    pub(in crate::sources) fn admit(
        &self,
        config: &SourceConfig,
        webhook: InboundWebhook,
        delivery_id: Option<String>,
    ) -> Result<VerifiedWebhook, Rejection> {
        if !self.is_configured() {
            return Err(unconfigured(config, "`webhook_token` or `webhook_basic`"));
        }
        let verified_by = self.verify(&webhook)?;
        let mut verified = VerifiedWebhook::new(webhook, delivery_id, verified_by);
        verified.headers = self.without_token(&verified.headers);
        Ok(verified)
    }
}

/// A webhook for a source that has no credential to check it with.
pub(in crate::sources) fn unconfigured(config: &SourceConfig, keys: &str) -> Rejection {
    Rejection::Unauthorized(format!("source `{}` accepts no webhooks until {keys} is set", config.id))
}

fn equals(secret: Option<&SecretString>, given: &[u8]) -> bool {
    secret.is_some_and(|secret| {
        let secret = secret.expose_secret().as_bytes();
        !secret.is_empty() && bool::from(secret.ct_eq(given))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_millis;
    use crate::domain::SourceId;

    fn verify(secret: &SharedSecret, headers: &[(&str, &str)], path: Option<&str>) -> Option<&'static str> {
        let webhook = InboundWebhook {
            headers: headers.iter().copied().collect(),
            path_token: path.map(str::to_owned),
            body: Vec::new(),
            received_at: from_millis(0),
        };
        secret.verify(&webhook).ok()
    }

    #[test]
    fn each_credential_opens_only_where_it_is_allowed() {
        let mut config =
            SourceConfig::new(SourceId::parse("am").expect("valid"), "alertmanager").expect("valid");
        let nothing = SharedSecret::new(&config);
        assert_eq!(verify(&nothing, &[("authorization", "Bearer ")], Some("")), None);

        config.webhook_token = Some("t0k3n".into());
        config.webhook_basic = Some("jira:pass:word".into());
        let plain = SharedSecret::new(&config);
        assert_eq!(verify(&plain, &[("Authorization", "bearer t0k3n")], None), Some("webhook_token"));
        let basic = format!("Basic {}", BASE64.encode("jira:pass:word"));
        assert_eq!(verify(&plain, &[("Authorization", &basic)], None), Some("webhook_basic"));
        assert_eq!(verify(&plain, &[("Authorization", "Basic t0k3n")], None), None);
        assert_eq!(verify(&plain, &[("x-token", "t0k3n")], Some("t0k3n")), None);
        let path = SharedSecret::new(&config).with_path(true).with_header(Some("X-Token".into()));
        assert_eq!(verify(&path, &[], Some("t0k3n")), Some("webhook_token"));
        assert_eq!(verify(&path, &[("x-token", "t0k3n")], None), Some("webhook_token"));
    }
}
