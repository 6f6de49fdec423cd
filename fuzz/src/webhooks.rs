//! Webhooks of every type of source: no unsigned one is accepted, and an accepted one says only what can be
//! sent.

use std::sync::{Arc, LazyLock};

use incident_bridge::sources::{Headers, InboundWebhook, Memory, Source, VerifiedWebhook};

use super::tools::{TOKEN, build_all, now};
use super::{entities, input};

static SOURCES: LazyLock<Vec<Arc<dyn Source>>> = LazyLock::new(|| build_all("https://api.example.com"));

/// Every field that carries a credential or a signature.
const SIGNATURES: [&str; 9] = [
    "authorization",
    "x-pagerduty-signature",
    "webhook-signature",
    "x-victorops-signature",
    "fh-signature",
    "x-rootly-signature",
    "x-hub-signature-256",
    "x-token",
    "x-refresh-token",
];

const CONTENT_TYPES: [&str; 4] = [
    "application/json",
    "application/cloudevents+json",
    "application/cloudevents-batch+json",
    "application/x-www-form-urlencoded",
];

/// One byte for the type of source and one for the content type; a line for the signature, one for ids, one
/// for the time; then the body.
pub fn check(data: &[u8]) {
    let Some((kind, rest)) = input::choose(data, SOURCES.len()) else { return };
    let Some((content_type, rest)) = input::choose(rest, CONTENT_TYPES.len()) else { return };
    let (signature, rest) = input::line(rest);
    let (id, rest) = input::line(rest);
    let (time, body) = input::line(rest);
    let (source, content_type) = (&SOURCES[kind], CONTENT_TYPES[content_type]);
    let fields = [("content-type", content_type), ("webhook-id", &*id), ("webhook-timestamp", &*time)];
    let cloud_event = [("ce-id", &*id), ("ce-time", &*time), ("ce-type", &*id), ("ce-specversion", "1.0")];
    let signatures = SIGNATURES.map(|name| (name, &*signature));
    // CloudEvents in binary form, now and then.
    let more = if id.len() % 2 == 1 { &cloud_event[..] } else { &[] };
    let headers = Headers::from_iter(fields.iter().chain(more).chain(&signatures).copied());
    let inbound = InboundWebhook {
        headers,
        path_token: Some(signature.clone()).filter(|it| !it.is_empty()),
        body: body.to_vec(),
        received_at: now(),
    };
    if source.verify(inbound.clone()).is_ok() {
        let is_proved =
            signature.contains(TOKEN) || body.windows(TOKEN.len()).any(|it| it == TOKEN.as_bytes());
        assert!(is_proved, "accepted without a credential");
    }
    let _agreed = source.handshake(&inbound.headers);
    parse(&**source, &VerifiedWebhook::new(inbound, None, "webhook_secrets[0]"));
}

fn parse(source: &dyn Source, webhook: &VerifiedWebhook) {
    let _keys = source.recall(webhook);
    let mut memory = Memory::default();
    let parsed = source.parse(webhook, &mut memory);
    assert_eq!(source.inspect(webhook).is_ok(), parsed.is_ok(), "inspected otherwise than parsed");
    if let Ok(findings) = parsed {
        entities::check(&findings);
        // Once more, with what it has remembered.
        let known = memory.changes().iter().filter_map(|(key, value)| Some((key.clone(), value.clone()?)));
        let mut memory = Memory::new(known.collect());
        if let Ok(again) = source.parse(webhook, &mut memory) {
            entities::check(&again);
        }
    }
}
