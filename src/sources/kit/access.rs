//! How the API of a tool is reached: address, credential, and what to do when the credential is refused.
//!
//! Must not know any tool: each hands in its own facts.

use base64::Engine;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::api::{Api, base_url};
use super::encoding::BASE64;
use crate::config::SourceConfig;
use crate::sources::BuildError;

/// An API that takes `api_token` in the field `Authorization`.
pub(in crate::sources) struct Access {
    /// The tool's name, for messages.
    pub tool: &'static str,
    /// The usual address; `api_url` overrides it.
    pub url: &'static str,
    /// Stands before the token, with the space that follows it: `"Bearer "`.
    pub scheme: &'static str,
    /// How to get a token that works, for messages.
    pub fix: &'static str,
}

impl Access {
    /// The API, if the configuration has a token for it.
    pub(in crate::sources) fn open(
        &self,
        config: &SourceConfig,
        http: reqwest::Client,
    ) -> Result<Option<Api>, BuildError> {
        let Some(token) = &config.api_token else { return Ok(None) };
        let base = base_url(config, self.url)?;
        Api::new(http, base, self.tool, self.fix).with_credential(self.scheme, token).map(Some)
    }
}

/// What `api_token` is, where the operator chooses.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::sources) enum ApiAuth {
    /// A bearer token.
    Bearer,
    /// `user:password`.
    Basic,
}

impl ApiAuth {
    /// The API with this token in every request.
    pub(in crate::sources) fn authorize(self, api: Api, token: &SecretString) -> Result<Api, BuildError> {
        match self {
            Self::Bearer => api.with_credential("Bearer ", token),
            Self::Basic => {
                let encoded = SecretString::from(BASE64.encode(token.expose_secret().trim()));
                api.with_credential("Basic ", &encoded)
            }
        }
    }
}
