//! Tests that hold for every source: each sample and each vector in `tests/fixtures/providers`, and bodies
//! that are broken in every way. What only one source does is tested beside it.

mod better_stack;
mod cases;
mod contract;
mod datadog;
mod dispatch;
mod firehydrant;
mod grafana;
mod incident_io;
mod kinds;
mod klaxon;
mod mutations;
mod opsgenie;
mod pages;
mod polling;
mod rootly;
mod servicenow;
mod splunk_oncall;
mod squadcast;
mod statuspage;
mod vectors;
mod words;
mod zenduty;

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{BuildContext, BuildError, InboundWebhook, Memory, PollRequest, Source, VerifiedWebhook, build};
use crate::clock::from_millis;
use crate::config::SourceConfig;
use crate::domain::{Entity, Incident, Observation, SourceId, State, Timestamp, parse_timestamp};

pub(super) fn path(provider: &str, file: &str) -> PathBuf {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/providers");
    PathBuf::from(root).join(provider).join(file)
}

pub(super) fn read(provider: &str, file: &str) -> Vec<u8> {
    std::fs::read(path(provider, file)).unwrap_or_else(|fault| panic!("{provider}/{file}: {fault}"))
}

pub(super) fn read_json(provider: &str, file: &str) -> Value {
    serde_json::from_slice(&read(provider, file)).unwrap_or_else(|fault| panic!("{provider}/{file}: {fault}"))
}

pub(super) fn time(text: &str) -> Timestamp {
    parse_timestamp(text).expect("a timestamp")
}

/// A source named `test` of this type, with whatever `change` sets.
pub(super) fn try_source(
    kind: &str,
    change: impl FnOnce(&mut SourceConfig),
) -> Result<Arc<dyn Source>, BuildError> {
    let mut config = SourceConfig::new(SourceId::parse("test").expect("valid"), kind).expect("valid");
    change(&mut config);
    build(BuildContext { config, http: reqwest::Client::new() })
}

pub(super) fn source(kind: &str, change: impl FnOnce(&mut SourceConfig)) -> Arc<dyn Source> {
    try_source(kind, change).unwrap_or_else(|fault| panic!("{fault}"))
}

pub(super) fn options(value: Value) -> serde_json::Map<String, Value> {
    match value {
        Value::Object(options) => options,
        other => panic!("not an object: {other}"),
    }
}

/// The mapping of the generic samples, in its usual form.
pub(super) fn sample_mapping() -> Value {
    let cases = read_json("generic", "mapping-cases.json");
    cases["mappings"]["path_and_table"].clone()
}

/// A source of this type that is set up for the samples.
pub(super) fn sample_source(kind: &str, api_url: Option<&str>) -> Arc<dyn Source> {
    source(kind, |config| {
        config.webhook_secrets = vec!["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into()];
        config.webhook_token = Some("t0k3n".into());
        if let Some(url) = api_url {
            config.api_url = Some(url.parse().expect("an address"));
            let is_halved = matches!(kind, "datadog" | "splunk_oncall");
            config.api_token = Some(if is_halved { "id:token" } else { "token" }.into());
        }
        if kind == "generic" {
            config.options = options(json!({ "mapping": sample_mapping() }));
        }
        if let ("grafana", Some(url)) = (kind, api_url) {
            config.options = options(json!({ "oncall_url": url }));
        }
        if kind == "opsgenie" {
            config.options = options(json!({ "alerts_as_incidents": true }));
        }
    })
}

pub(super) fn inbound(headers: &[(&str, &str)], body: &[u8], received_at: Timestamp) -> InboundWebhook {
    InboundWebhook {
        headers: headers.iter().copied().collect(),
        path_token: None,
        body: body.to_vec(),
        received_at,
    }
}

/// As if `verify` had passed.
pub(super) fn verified(headers: &[(&str, &str)], body: &[u8], received_at: Timestamp) -> VerifiedWebhook {
    VerifiedWebhook::new(inbound(headers, body, received_at), None, "webhook_secrets[0]")
}

pub(super) fn incident(observation: &Observation) -> &Incident {
    match &observation.state {
        State::Present(entity) => match &**entity {
            Entity::Incident(incident) => incident,
            other => panic!("no incident: {other:?}"),
        },
        deleted @ State::Deleted { .. } => panic!("deleted: {deleted:?}"),
    }
}

pub(super) fn request<'a>(
    cursor: Option<&'a super::Cursor>,
    memory: &'a mut Memory,
    now: Timestamp,
) -> PollRequest<'a> {
    PollRequest { cursor, backfill_from: now - chrono::TimeDelta::days(90), now, memory }
}

/// After everything in the samples, except their future ends.
pub(super) fn sample_now() -> Timestamp {
    from_millis(1_793_000_000_000)
}
