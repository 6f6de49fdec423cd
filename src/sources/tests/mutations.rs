//! Tools leave out, null and retype anything at any time: no sample, however broken, may panic a source.

use proptest::prelude::*;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::prelude::*;
use crate::sources::Cursor;

/// How many broken variants of each sample are tried.
const ROUNDS: u32 = 300;

pub(in crate::sources) fn samples(provider: &str) -> Vec<(String, Value)> {
    let files = std::fs::read_dir(path(provider, "")).expect("fixtures");
    let names = files.map(|file| file.expect("a file").file_name().into_string().expect("UTF-8"));
    let names = names.filter(|n| {
        std::path::Path::new(n).extension().is_some_and(|it| it == "json")
            && !n.contains("cases")
            && !n.contains("vectors")
    });
    let samples = names.map(|name| {
        let sample = read_json(provider, &name);
        // The generic samples are whole requests.
        let body = sample["body_utf8"].as_str().and_then(|text| serde_json::from_str(text).ok());
        (name, body.unwrap_or(sample))
    });
    samples.collect()
}

/// The JSON Pointers of all nodes.
fn nodes(value: &Value, at: &str, all: &mut Vec<String>) {
    all.push(at.to_owned());
    match value {
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, item)| nodes(item, &format!("{at}/{i}"), all));
        }
        Value::Object(fields) => fields.iter().for_each(|(name, field)| {
            let name = name.replace('~', "~0").replace('/', "~1");
            nodes(field, &format!("{at}/{name}"), all);
        }),
        _ => {}
    }
}

pub(in crate::sources) fn all_nodes(value: &Value) -> Vec<String> {
    let mut all = Vec::new();
    nodes(value, "", &mut all);
    all
}

/// Replaces a node, or removes it when there is nothing to replace it with.
fn mutate(value: &mut Value, at: &str, with: Option<&Value>) {
    let (parent, name) = at.rsplit_once('/').unwrap_or_default();
    if let (None, Some(Value::Object(fields))) = (with, value.pointer_mut(parent)) {
        fields.remove(&name.replace("~1", "/").replace("~0", "~"));
    } else if let Some(node) = value.pointer_mut(at) {
        *node = with.cloned().unwrap_or_default();
    }
}

fn replacements() -> impl Strategy<Value = Option<Value>> {
    let values = [
        json!(null),
        json!(-1),
        json!(1e300),
        json!(u64::MAX),
        json!(""),
        json!("\u{0}€😀\\\"{}"),
        json!("9999-12-31T23:59:59.999999999+14:00"),
        json!("0001-01-01T00:00:00Z"),
        json!([]),
        json!([null, 1, "x", {}, []]),
        json!({}),
        json!(true),
    ];
    prop::option::of(prop::sample::select(values.to_vec()))
}

#[test]
fn no_broken_webhook_panics_a_source() {
    for kind in all_kinds() {
        let source = sample_source(kind.name, Some("https://api.example.com"));
        for (name, sample) in samples(kind.name) {
            let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
                cases: ROUNDS,
                failure_persistence: None,
                ..ProptestConfig::default()
            });
            let strategy =
                prop::collection::vec((prop::sample::select(all_nodes(&sample)), replacements()), 1..4);
            let run = runner.run(&strategy, |changes| {
                let mut body = sample.clone();
                for (at, with) in changes {
                    mutate(&mut body, &at, with.as_ref());
                }
                let body = serde_json::to_vec(&body).expect("JSON");
                for content_type in
                    ["application/json", "application/cloudevents+json", "application/cloudevents-batch+json"]
                {
                    let webhook = verified(&[("content-type", content_type)], &body, sample_now());
                    let _keys = source.recall(&webhook);
                    let inspected = source.inspect(&webhook).is_ok();
                    let mut memory = Memory::default();
                    let parsed = source.parse(&webhook, &mut memory).is_ok();
                    prop_assert_eq!(inspected, parsed);
                    let _again = source.parse(&webhook, &mut memory);
                }
                Ok(())
            });
            run.unwrap_or_else(|fault| panic!("{}/{name}: {fault}", kind.name));
        }
    }
}

#[tokio::test]
async fn no_answer_of_another_shape_panics_a_poller() {
    for provider in all_kinds().map(|kind| kind.name) {
        let server = MockServer::start().await;
        let source = sample_source(provider, Some(&server.uri()));
        let Some(poller) = source.poller() else { continue };
        let is_answer = |name: &str| name.starts_with("rest-") || name.contains("-api-");
        for (name, sample) in samples(provider).into_iter().filter(|(name, _)| is_answer(name)) {
            for (i, at) in all_nodes(&sample).iter().enumerate().take(60) {
                let mut body = sample.clone();
                mutate(&mut body, at, (i % 2 == 0).then_some(&json!([null, {}])));
                server.reset().await;
                let answer = ResponseTemplate::new(200).set_body_json(body);
                Mock::given(any()).respond_with(answer).mount(&server).await;
                let mut memory = Memory::default();
                let first = poller.poll(request(None, &mut memory, sample_now())).await;
                if let Ok(page) = first {
                    assert!(page.findings.observations.iter().all(|o| !o.provider_id().is_empty()), "{name}");
                }
                let broken = Cursor(json!({"phase": "from another release"}));
                let _second = poller.poll(request(Some(&broken), &mut memory, sample_now())).await;
                let _fetched = poller.fetch_incident("Q1", sample_now()).await;
            }
        }
    }
}

#[test]
fn fields_that_nobody_knows_change_nothing() {
    for (kind, file) in
        [("pagerduty", "webhook-incident-triggered.json"), ("alertmanager", "webhook-firing-group.json")]
    {
        let source = sample_source(kind, None);
        let plain = read_json(kind, file);
        let mut extended = plain.clone();
        extended["future"] = json!({"field": [1, 2]});
        let parse = |body: &Value| {
            let body = serde_json::to_vec(body).expect("JSON");
            source.parse(&verified(&[], &body, sample_now()), &mut Memory::default()).expect("mappable")
        };
        assert_eq!(parse(&plain), parse(&extended), "{kind}");
    }
}
