//! Rules that hold for every tool: each sample is changed in a way that a tool's message may differ, and means the same.

use url::Url;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::prelude::*;
use crate::destinations::SourceProfile;
use crate::destinations::operations::payload::payload;
use crate::domain::{Decision, Known, TOLERANCE, decide, format_timestamp, is_blank};
use crate::sources::bounds::MOST_NAMED;
use crate::sources::{Findings, PollError, Unmappable};

/// Stands in a text where the body is to have something that no JSON value can hold.
const MARK: char = '\u{e000}';

fn parse_at(source: &dyn Source, body: &[u8], at: Timestamp) -> Result<Findings, Unmappable> {
    let webhook = verified(&[("content-type", "application/json")], body, at);
    source.parse(&webhook, &mut Memory::default()).map(|found| found.bounded(at))
}

fn parse(source: &dyn Source, body: &[u8]) -> Result<Findings, Unmappable> {
    parse_at(source, body, sample_now())
}

fn bytes(sample: &Value) -> Vec<u8> {
    serde_json::to_vec(sample).expect("JSON")
}

/// The sample with each leaf in turn changed as `change` says; leaves for which it says nothing are left out.
fn with_each_leaf(sample: &Value, change: impl Fn(&Value) -> Option<Value>) -> Vec<Value> {
    let leaves = mutations::all_nodes(sample);
    let changed = leaves.iter().filter_map(|at| {
        let mut changed = sample.clone();
        let leaf = changed.pointer_mut(at)?;
        *leaf = change(leaf)?;
        Some(changed)
    });
    changed.collect()
}

fn for_each_sample(check: impl Fn(&dyn Source, &str, &Value)) {
    for kind in all_kinds() {
        for api_url in [None, Some("https://api.example.com")] {
            let source = sample_source(kind.name, api_url);
            for (name, sample) in mutations::samples(kind.name) {
                check(&*source, &format!("{}/{name}", kind.name), &sample);
            }
        }
    }
}

/// The body with `raw` in place of every mark, and with U+FFFD there.
fn raw_and_clean(body: &Value, raw: &str) -> [Vec<u8>; 2] {
    let text = body.to_string();
    [text.replace(MARK, raw).into_bytes(), text.replace(MARK, "\u{fffd}").into_bytes()]
}

fn marked(sample: &Value) -> Vec<Value> {
    with_each_leaf(sample, |leaf| leaf.as_str().map(|text| json!(format!("{text}{MARK}"))))
}

#[test]
fn half_a_surrogate_pair_or_a_nul_costs_one_character_of_a_webhook() {
    for_each_sample(|source, name, sample| {
        for (body, raw) in marked(sample).iter().zip(["\\ud83d", "\\ude00", "\\u0000"].iter().cycle()) {
            let [raw, clean] = raw_and_clean(body, raw);
            assert_eq!(parse(source, &raw), parse(source, &clean), "{name}");
        }
    });
}

#[test]
fn a_byte_order_mark_changes_nothing_of_a_webhook() {
    for_each_sample(|source, name, sample| {
        let body = bytes(sample);
        let marked = [b"\xEF\xBB\xBF".as_slice(), &body].concat();
        assert_eq!(parse(source, &marked), parse(source, &body), "{name}");
    });
}

/// What a poller says of one answer to everything it asks.
async fn polled(poller: &dyn crate::sources::Poller, server: &MockServer, body: Vec<u8>) -> String {
    server.reset().await;
    let answer = ResponseTemplate::new(200).set_body_bytes(body);
    Mock::given(any()).respond_with(answer).mount(server).await;
    let mut memory = Memory::default();
    format!("{:?}", poller.poll(request(None, &mut memory, sample_now())).await)
}

#[tokio::test]
async fn what_a_tool_may_write_differently_changes_nothing_of_a_poll() {
    for kind in all_kinds() {
        let server = MockServer::start().await;
        let source = sample_source(kind.name, Some(&server.uri()));
        let Some(poller) = source.poller() else { continue };
        for (name, sample) in
            mutations::samples(kind.name).into_iter().filter(|(name, _)| name.contains("rest-"))
        {
            let plain = polled(poller, &server, bytes(&sample)).await;
            let marked_order = [b"\xEF\xBB\xBF".as_slice(), &bytes(&sample)].concat();
            assert_eq!(polled(poller, &server, marked_order).await, plain, "{}/{name}", kind.name);
            for body in marked(&sample).iter().step_by(7) {
                let [raw, clean] = raw_and_clean(body, "\\ud83d");
                let [raw, clean] = [polled(poller, &server, raw).await, polled(poller, &server, clean).await];
                assert_eq!(raw, clean, "{}/{name}", kind.name);
            }
        }
    }
}

/// The sample with all its times at this instant.
fn at_time(sample: &Value, at: Timestamp) -> Value {
    let text = format_timestamp(at);
    let mut moved = sample.clone();
    for place in mutations::all_nodes(sample) {
        let Some(leaf) = moved.pointer_mut(&place) else { continue };
        let told = match leaf {
            Value::String(told) => crate::domain::parse_timestamp(told).map(|_| json!(text)),
            Value::Number(number) => match number.as_i64().unwrap_or_default() {
                1_500_000_000..2_000_000_000 => Some(json!(at.timestamp())),
                1_500_000_000_000..2_000_000_000_000 => Some(json!(at.timestamp_millis())),
                _ => None,
            },
            _ => None,
        };
        *leaf = told.unwrap_or_else(|| leaf.clone());
    }
    moved
}

#[test]
fn no_statement_counts_as_later_than_its_arrival_and_none_freezes_what_follows() {
    let (now, ahead) = (sample_now(), chrono::TimeDelta::hours(2));
    let next = now + chrono::TimeDelta::seconds(1);
    for_each_sample(|source, name, sample| {
        let Ok(found) = parse(source, &bytes(&at_time(sample, now + ahead))) else { return };
        let latest = now + TOLERANCE;
        for observation in &found.observations {
            assert!(observation.event_time <= latest, "{name}: {observation:?}");
            let is_instant = observation.sequence > now.timestamp_millis() / 2;
            assert!(
                !is_instant || observation.sequence <= latest.timestamp_millis(),
                "{name}: {observation:?}"
            );
        }
        assert!(found.mentioned.iter().all(|component| component.updated_at <= latest), "{name}");
        let Ok(right) = parse_at(source, &bytes(&at_time(sample, next)), next) else { return };
        for (before, after) in found.observations.iter().zip(&right.observations) {
            let known = Known {
                version: before.sequence,
                event_time: before.event_time,
                digest: "of the first".to_owned(),
                mentioned: false,
            };
            let decision = decide(Some(&known), after.event_time, after.sequence, "of the second");
            assert_ne!(decision, Decision::Stale, "{name}: {before:?} {after:?}");
        }
    });
}

#[test]
fn ids_beyond_64_bits_stay_apart() {
    let ids = |source: &dyn Source, body: &Value, number: &str| {
        let body = body.to_string().replace(&format!("\"{MARK}\""), number);
        let found = parse(source, body.as_bytes()).unwrap_or_default();
        let ids = found.observations.iter().map(|it| it.provider_id().to_owned()).collect::<Vec<_>>();
        ids.into_iter().filter(|id| id.contains("184467440737")).collect::<Vec<_>>()
    };
    let mut compared = 0;
    for kind in all_kinds() {
        let source = sample_source(kind.name, None);
        for (name, sample) in mutations::samples(kind.name) {
            let is_scalar = |leaf: &Value| leaf.is_string() || leaf.is_number();
            for body in with_each_leaf(&sample, |leaf| is_scalar(leaf).then(|| json!(MARK.to_string()))) {
                let one = ids(&*source, &body, "18446744073709551617");
                let other = ids(&*source, &body, "18446744073709551618");
                assert_eq!(one.len(), other.len(), "{}/{name}", kind.name);
                assert!(
                    one.iter().zip(&other).all(|(one, other)| one != other),
                    "{}/{name}: {one:?}",
                    kind.name
                );
                compared += one.len();
            }
        }
    }
    assert!(compared > 10, "the samples have ids");
}

#[test]
fn a_title_that_shows_nothing_is_replaced() {
    let source_id = SourceId::parse("test").expect("valid");
    for_each_sample(|source, name, sample| {
        let home = Url::parse(&source.home_url()).expect("an address");
        let base = Url::parse("https://bridge.example.com").expect("an address");
        let context = SourceProfile::new(source_id.clone(), home, &base);
        for body in
            with_each_leaf(sample, |leaf| leaf.is_string().then(|| json!("\u{200b}\u{feff} \u{2800}")))
        {
            let Ok(found) = parse(source, &bytes(&body)) else { continue };
            let told = found.observations.into_iter().filter_map(|observation| match observation.state {
                State::Present(entity) => Some(*entity),
                State::Deleted { .. } => None,
            });
            for entity in told.chain(found.mentioned.into_iter().map(Entity::Component)) {
                let sent = payload(&entity, &context, 7).expect("it has a payload");
                let sent = serde_json::to_value(sent).expect("JSON");
                for field in ["summary", "name", "description"] {
                    let shown = sent.get(field).and_then(Value::as_str);
                    assert!(shown.is_none_or(|text| !is_blank(text)), "{name}: {field} of {sent}");
                }
                assert!(!is_blank(entity.provider_id()), "{name}: an id of {sent}");
            }
        }
    });
}

/// The list, with more different copies of its first entry than are kept. Long entries are no names: they are left out.
fn flood(list: &Value) -> Option<Value> {
    let first = list.as_array()?.first().filter(|first| first.is_object() || first.is_string())?;
    let places = Some(mutations::all_nodes(first)).filter(|_| first.to_string().len() < 1_000)?;
    let copies = (0..=MOST_NAMED).map(|n| {
        let mut copy = first.clone();
        if copy.is_string() {
            return json!(format!("copy {n}"));
        }
        for place in &places {
            if let Some(Value::String(text)) = copy.pointer_mut(place)
                && !text.contains("://")
                && crate::domain::parse_timestamp(text).is_none()
            {
                *text = format!("{text} {n}");
            }
        }
        copy
    });
    Some(copies.collect())
}

#[test]
fn no_list_of_an_incident_is_kept_without_end() {
    let cut = std::cell::Cell::new(0);
    for_each_sample(|source, name, sample| {
        for body in with_each_leaf(sample, flood) {
            let Ok(found) = parse(source, &bytes(&body)) else { continue };
            let incidents = found.incidents().collect::<Vec<_>>();
            for incident in &incidents {
                assert!(incident.components.len() <= MOST_NAMED, "{name}");
                assert!(incident.workspaces.len() <= MOST_NAMED, "{name}");
            }
            if found.cut.is_some() {
                assert!(found.mentioned.len() <= MOST_NAMED * incidents.len(), "{name}");
                assert!(found.workspaces.len() <= MOST_NAMED * incidents.len(), "{name}");
                cut.set(cut.get() + 1);
            }
        }
    });
    assert!(cut.get() > 3, "some samples name several services");
}

#[test]
fn a_group_without_alerts_opens_nothing() {
    for_each_sample(|source, name, sample| {
        if !sample["alerts"].is_array() || sample["version"].is_null() {
            return;
        }
        let empty = |status: &str| {
            let mut body = sample.clone();
            (body["alerts"], body["status"]) = (json!([]), json!(status));
            bytes(&body)
        };
        for status in ["firing", "resolved"] {
            let found = parse(source, &empty(status)).expect("mappable");
            assert!(found.observations.is_empty() && found.ignored.is_some(), "{name}: {found:?}");
        }
        // An open one ends, and keeps what was known of it.
        let mut memory = Memory::default();
        let tell = |memory: &mut Memory, body: &[u8]| {
            source.parse(&verified(&[], body, sample_now()), memory).expect("mappable").observations
        };
        let opened = tell(&mut memory, &bytes(sample));
        let Some(opened) = opened.first().map(incident).filter(|it| it.status.as_str() == "open").cloned()
        else {
            return;
        };
        assert!(tell(&mut memory, &empty("firing")).is_empty(), "{name}");
        let ended = tell(&mut memory, &empty("resolved"));
        let ended = incident(&ended[0]);
        assert_eq!(ended.status.as_str(), "resolved", "{name}");
        assert_eq!((&ended.provider_id, &ended.summary), (&opened.provider_id, &opened.summary), "{name}");
        assert_eq!(ended.components, opened.components, "{name}");
    });
}

/// A first poll that must fail.
async fn first_fault(kind: &str, url: &str) -> Option<PollError> {
    let source = sample_source(kind, Some(url));
    let mut memory = Memory::default();
    let polled = source.poller()?.poll(request(None, &mut memory, sample_now())).await;
    Some(polled.expect_err(kind))
}

#[tokio::test]
async fn an_error_that_a_tool_answers_as_200_is_no_page() {
    let server = MockServer::start().await;
    let error = json!({ "error": { "message": "Access denied", "code": 2006 }, "status": "error" });
    let answer = ResponseTemplate::new(200).set_body_json(error);
    Mock::given(any()).respond_with(answer).mount(&server).await;
    for kind in all_kinds() {
        let Some(fault) = first_fault(kind.name, &server.uri()).await else { continue };
        let names_no_host = !matches!(fault, PollError::Retry { unreachable: Some(_), .. });
        assert!(names_no_host, "{}: {fault:?}", kind.name);
    }
}

#[tokio::test]
async fn a_tool_that_is_not_there_is_named_with_host_port_and_reason() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    drop(listener);
    for kind in all_kinds() {
        let Some(fault) = first_fault(kind.name, &format!("http://{address}")).await else { continue };
        let reason = format!("{address} refuses the connection");
        assert!(fault.to_string().contains(&reason), "{}: {fault:?}", kind.name);
        assert!(matches!(fault, PollError::Retry { unreachable: Some(_), .. }), "{}: {fault:?}", kind.name);
    }
}
