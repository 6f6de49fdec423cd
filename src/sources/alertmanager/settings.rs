//! Alertmanager's own keys of the configuration.

use serde::Deserialize;

use crate::sources::kit::access::ApiAuth;

#[derive(Deserialize)]
#[serde(default)]
pub(super) struct Options {
    /// Header field that carries the bare `webhook_token`.
    pub webhook_header: Option<String>,
    /// Labels that name the affected service, best first.
    pub component_labels: Vec<String>,
    /// Services offered in Jira before any alert named them.
    pub components: Vec<String>,
    /// Regular expression of the receivers to poll; should match the receiver that posts the webhooks.
    pub receiver: Option<String>,
    /// Leaves silenced, inhibited and muted alerts out when polling.
    pub drop_silenced: bool,
    /// Whether `api_token` is a bearer token or `user:password`.
    pub api_auth: ApiAuth,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            webhook_header: None,
            component_labels: ["service", "app", "component"].map(str::to_owned).to_vec(),
            components: Vec::new(),
            receiver: None,
            drop_silenced: false,
            api_auth: ApiAuth::Bearer,
        }
    }
}
