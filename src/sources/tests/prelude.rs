//! What the tests of every source use: samples, sources that are set up for them, webhooks, polls.
//!
//! Test code only. Must not know what any one tool does, beyond the keys that its samples need.

use std::path::PathBuf;
pub(in crate::sources) use std::sync::Arc;

pub(in crate::sources) use serde_json::{Value, json};

pub(in crate::sources) use super::polling::{
    answer, asked, cases, catalogue_ids, check_faults, fault, first_page, limited, mount, page_of, parameter,
    run, tool,
};
pub(in crate::sources) use super::{cases::check_incident, klaxon, mutations, vectors};
pub(in crate::sources) use crate::clock::from_millis;
pub(in crate::sources) use crate::config::SourceConfig;
use crate::domain::parse_timestamp;
pub(in crate::sources) use crate::domain::{Entity, Incident, Observation, SourceId, State, Timestamp};
pub(in crate::sources) use crate::sources::{
    BuildContext, BuildError, InboundWebhook, Memory, Source, VerifiedWebhook,
};
use crate::sources::{Cursor, KINDS, Kind, PollRequest, open};

/// Every type of source, and the worked example.
pub(in crate::sources) fn all_kinds() -> impl Iterator<Item = &'static Kind> {
    KINDS.iter().chain([&klaxon::KIND])
}

/// Like [`crate::sources::build`], with the worked example besides.
pub(in crate::sources) fn build(context: BuildContext) -> Result<Arc<dyn Source>, BuildError> {
    if context.config.kind == klaxon::KIND.name {
        return open(&klaxon::KIND, context);
    }
    crate::sources::build(context)
}

pub(in crate::sources) fn path(provider: &str, file: &str) -> PathBuf {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/providers");
    PathBuf::from(root).join(provider).join(file)
}

pub(in crate::sources) fn read(provider: &str, file: &str) -> Vec<u8> {
    std::fs::read(path(provider, file)).unwrap_or_else(|fault| panic!("{provider}/{file}: {fault}"))
}

pub(in crate::sources) fn read_json(provider: &str, file: &str) -> Value {
    serde_json::from_slice(&read(provider, file)).unwrap_or_else(|fault| panic!("{provider}/{file}: {fault}"))
}

pub(in crate::sources) fn time(text: &str) -> Timestamp {
    parse_timestamp(text).expect("a timestamp")
}

/// A source named `test` of this type, with whatever `change` sets.
pub(in crate::sources) fn try_source(
    kind: &str,
    change: impl FnOnce(&mut SourceConfig),
) -> Result<Arc<dyn Source>, BuildError> {
    let mut config = SourceConfig::new(SourceId::parse("test").expect("valid"), kind).expect("valid");
    change(&mut config);
    build(BuildContext { config, http: reqwest::Client::new() })
}

pub(in crate::sources) fn source(kind: &str, change: impl FnOnce(&mut SourceConfig)) -> Arc<dyn Source> {
    try_source(kind, change).unwrap_or_else(|fault| panic!("{fault}"))
}

pub(in crate::sources) fn options(value: Value) -> serde_json::Map<String, Value> {
    match value {
        Value::Object(options) => options,
        other => panic!("not an object: {other}"),
    }
}

/// The mapping of the generic samples, in its usual form.
pub(in crate::sources) fn sample_mapping() -> Value {
    let cases = read_json("generic", "mapping-cases.json");
    cases["mappings"]["path_and_table"].clone()
}

/// A source of this type that is set up for the samples.
pub(in crate::sources) fn sample_source(kind: &str, api_url: Option<&str>) -> Arc<dyn Source> {
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

pub(in crate::sources) fn inbound(
    headers: &[(&str, &str)],
    body: &[u8],
    received_at: Timestamp,
) -> InboundWebhook {
    InboundWebhook {
        headers: headers.iter().copied().collect(),
        path_token: None,
        body: body.to_vec(),
        received_at,
    }
}

/// As if `verify` had passed.
pub(in crate::sources) fn verified(
    headers: &[(&str, &str)],
    body: &[u8],
    received_at: Timestamp,
) -> VerifiedWebhook {
    VerifiedWebhook::new(inbound(headers, body, received_at), None, "webhook_secrets[0]")
}

pub(in crate::sources) fn incident(observation: &Observation) -> &Incident {
    match &observation.state {
        State::Present(entity) => match &**entity {
            Entity::Incident(incident) => incident,
            other => panic!("no incident: {other:?}"),
        },
        deleted @ State::Deleted { .. } => panic!("deleted: {deleted:?}"),
    }
}

pub(in crate::sources) fn request<'a>(
    cursor: Option<&'a Cursor>,
    memory: &'a mut Memory,
    now: Timestamp,
) -> PollRequest<'a> {
    PollRequest { cursor, backfill_from: now - chrono::TimeDelta::days(90), now, memory }
}

/// After everything in the samples, except their future ends.
pub(in crate::sources) fn sample_now() -> Timestamp {
    from_millis(1_793_000_000_000)
}
