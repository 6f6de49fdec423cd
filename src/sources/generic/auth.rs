//! Who may post to a generic source: Standard Webhooks keys, a configured HMAC, or a shared secret.
//!
//! Any one credential of the configuration is enough; without one, nobody may post.

use secrecy::SecretString;
use serde_json::{Map, Value};

use crate::config::SourceConfig;
use crate::sources::kit::options;
use crate::sources::kit::shared_secret::{SharedSecret, unconfigured};
use crate::sources::kit::signature::HmacScheme;
use crate::sources::kit::standard_webhooks::StandardWebhooks;
use crate::sources::{BuildError, Headers, InboundWebhook, Rejection};

enum Signing {
    Standard(StandardWebhooks),
    Configured(HmacScheme, Vec<SecretString>),
}

pub(super) struct Auth {
    config: SourceConfig,
    signing: Option<Signing>,
    shared: SharedSecret,
}

impl Auth {
    pub(super) fn build(
        config: &SourceConfig,
        scheme: Option<HmacScheme>,
        header: Option<String>,
        in_path: bool,
    ) -> Result<Self, BuildError> {
        if let Some(fault) = scheme.as_ref().and_then(HmacScheme::fault) {
            return Err(options::refuse(&format!("`signature`: {fault}")));
        }
        let signing = match scheme {
            _ if config.webhook_secrets.is_empty() => None,
            Some(scheme) => Some(Signing::Configured(scheme, config.webhook_secrets.clone())),
            None => {
                let keys = StandardWebhooks::parse(&config.webhook_secrets);
                Some(Signing::Standard(keys.map_err(|fault| options::refuse(&fault))?))
            }
        };
        let shared = SharedSecret::new(config).with_header(header).with_path(in_path);
        Ok(Self { config: config.clone(), signing, shared })
    }

    /// The key of the configuration that matched.
    pub(super) fn verify(&self, webhook: &InboundWebhook) -> Result<String, Rejection> {
        let by_secret = self.shared.is_configured().then(|| self.shared.verify(webhook).map(str::to_owned));
        if let Some(Ok(key)) = by_secret {
            return Ok(key);
        }
        match &self.signing {
            Some(Signing::Standard(keys)) => keys.verify(webhook),
            Some(Signing::Configured(scheme, secrets)) => scheme.verify(secrets, webhook),
            None => by_secret.unwrap_or_else(|| {
                let keys = "`webhook_secrets`, `webhook_token` or `webhook_basic`";
                Err(unconfigured(&self.config, keys))
            }),
        }
    }

    /// What is accepted, in the terms of `WWW-Authenticate`.
    pub(super) fn challenges(&self) -> Vec<String> {
        let mut all = self.shared.challenges();
        match &self.signing {
            Some(Signing::Standard(keys)) => all.extend(keys.challenges()),
            Some(Signing::Configured(scheme, _)) => all.extend(scheme.challenges()),
            None => {}
        }
        all
    }

    /// The header fields that may be kept.
    pub(super) fn without_token(&self, headers: &Headers) -> Headers {
        self.shared.without_token(headers)
    }

    /// The header fields that a mapping may read, as JSON by lower-case name: never the credentials.
    pub(super) fn without_credentials(&self, headers: &Headers) -> Value {
        let kept = self.shared.without_token(headers);
        let kept = kept.without(|name| ["authorization", "proxy-authorization", "cookie"].contains(&name));
        let fields = kept.iter().map(|(name, value)| (name.to_owned(), Value::from(value)));
        Value::Object(fields.collect::<Map<_, _>>())
    }
}
