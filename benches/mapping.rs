//! How long one webhook takes from raw bytes to findings. It only measures and asserts nothing about speed.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark that cannot start has nobody to tell but the terminal"
)]

use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use incident_bridge::clock::from_millis;
use incident_bridge::config::SourceConfig;
use incident_bridge::domain::SourceId;
use incident_bridge::sources::{BuildContext, Headers, InboundWebhook, Memory, VerifiedWebhook, build};
use serde_json::Value;

fn read(file: &str) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/providers");
    std::fs::read(root.join(file)).expect("a fixture")
}

fn measure(criterion: &mut Criterion, kind: &str, body: Vec<u8>, mapping: Option<Value>) {
    let mut config = SourceConfig::new(SourceId::parse("bench").expect("valid"), kind).expect("valid");
    config.options.extend(mapping.map(|mapping| ("mapping".to_owned(), mapping)));
    let source = build(BuildContext { config, http: reqwest::Client::new() }).expect("a source");
    let received_at = from_millis(1_793_000_000_000);
    let inbound = InboundWebhook { headers: Headers::default(), path_token: None, body, received_at };
    let webhook = VerifiedWebhook::new(inbound, None, "bench");
    criterion.bench_function(&format!("parse/{kind}"), |bencher| {
        bencher.iter(|| source.parse(black_box(&webhook), &mut Memory::default()).expect("mappable"));
    });
}

fn parse(criterion: &mut Criterion) {
    measure(criterion, "pagerduty", read("pagerduty/webhook-incident-triggered.json"), None);
    let cases: Value = serde_json::from_slice(&read("generic/mapping-cases.json")).expect("JSON");
    let body = serde_json::to_vec(&cases["input"]).expect("JSON");
    measure(criterion, "generic", body, Some(cases["mappings"]["path_and_table"].clone()));
}

criterion_group!(benches, parse);
criterion_main!(benches);
