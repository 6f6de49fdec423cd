//! What IRM's and `OnCall`'s JSON is mapped with: the configuration, and Grafana's own keys of it.
//!
//! `irm` and `oncall` do the mapping.

use serde::Deserialize;

use crate::config::SourceConfig;

/// Turns the JSON of IRM and `OnCall` into domain values; `irm` and `oncall` say how.
pub(super) struct Mapper {
    pub config: SourceConfig,
    pub options: Options,
    /// The stack's address, without a slash at its end.
    pub home: String,
}

#[derive(Deserialize)]
#[serde(default)]
pub(super) struct Options {
    /// Header field of Alerting's signature, as the contact point names it.
    pub signature_header: String,
    /// Header field of its timestamp, if the contact point names one; webhooks without it are then refused.
    pub timestamp_header: Option<String>,
    /// Labels that name the affected service, best first.
    pub component_labels: Vec<String>,
    /// Services offered in Jira before any incident names them.
    pub components: Vec<String>,
    /// Shows drills as well.
    pub drills: bool,
    /// Polls IRM's incidents; off for a Grafana that has only `OnCall`.
    pub incidents: bool,
    /// Address of the alert groups' API, as its settings page shows it.
    pub oncall_url: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            signature_header: "X-Grafana-Alerting-Signature".to_owned(),
            timestamp_header: None,
            component_labels: ["service_name", "service"].map(str::to_owned).to_vec(),
            components: Vec::new(),
            drills: false,
            incidents: true,
            oncall_url: None,
        }
    }
}
