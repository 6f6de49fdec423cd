//! A source of every type, set up as an operator would.

use std::sync::{Arc, LazyLock};

use chrono::TimeDelta;
use incident_bridge::clock::{Timestamp, from_millis};
use incident_bridge::config::SourceConfig;
use incident_bridge::domain::SourceId;
use incident_bridge::http::{HttpClient, HttpSettings, build_client};
use incident_bridge::sources::{BuildContext, KINDS, Source, build};
use serde_json::{Map, Value, json};

/// The webhook token of every source; no input holds it by accident.
pub const TOKEN: &str = "kE3vJ8mQ2xR7tY5wZ9bN4cF6hL1pD0sG";

/// Signs the webhooks of every source, if anybody knew it.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// The client of every source. Gives up soon: what it asks is on this machine.
pub static HTTP: LazyLock<HttpClient> = LazyLock::new(|| {
    build_client(&HttpSettings::new(std::time::Duration::from_secs(5))).expect("TLS starts")
});

/// When everything happens: after everything in the samples.
pub fn now() -> Timestamp {
    from_millis(1_793_000_000_000)
}

pub fn backfill_from() -> Timestamp {
    now() - TimeDelta::days(90)
}

fn options(kind: &str, api_url: &str) -> Map<String, Value> {
    let options = match kind {
        "generic" => json!({ "mapping": {
            "id": "/id", "summary": "/title", "status": { "path": "/state", "values": { "up": "resolved" }, "default": "open" },
            "url": "/link", "createdDate": "/opened", "lastUpdated": "/changed", "affectedComponents": "/services",
            "updateSequenceNumber": "/version", "severity": "/severity", "description": "/text",
        } }),
        "grafana" => json!({ "oncall_url": api_url }),
        "opsgenie" => json!({ "alerts_as_incidents": true }),
        _ => Value::Null,
    };
    options.as_object().cloned().unwrap_or_default()
}

/// One source of each type, in the order of the table of types.
pub fn build_all(api_url: &str) -> Vec<Arc<dyn Source>> {
    let build_one = |name: &str| {
        let mut config = SourceConfig::new(SourceId::parse("test").expect("valid"), name).expect("valid");
        config.webhook_secrets = vec![SECRET.into()];
        config.webhook_token = Some(TOKEN.into());
        config.api_url = Some(api_url.parse().expect("an address"));
        let is_halved = matches!(name, "datadog" | "splunk_oncall");
        config.api_token = Some(if is_halved { "id:token" } else { "token" }.into());
        config.options = options(name, api_url);
        build(BuildContext { config, http: HTTP.clone() }).unwrap_or_else(|fault| panic!("{name}: {fault}"))
    };
    KINDS.iter().map(|kind| build_one(kind.name)).collect()
}
