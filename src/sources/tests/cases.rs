//! Every sample with the outcome that its `cases.json` expects.

use wiremock::matchers::path as at_path;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::prelude::*;
use crate::sources::{Findings, PollError, Poller};

/// Compares whatever the case expects of one incident; absent keys are not asserted.
pub(in crate::sources) fn check_incident(observation: &Observation, expect: &Value, name: &str) {
    let found = incident(observation);
    let compare = |key: &str, actual: Value| {
        if let Some(expected) = expect.get(key) {
            assert_eq!(&actual, expected, "{name}: {key}");
        }
    };
    compare("incident_id", json!(found.provider_id));
    compare("status", json!(found.status.as_str()));
    compare("severity", json!(found.severity.as_str()));
    compare("component_ids", json!(found.components));
    compare("workspace_ids", json!(found.workspaces));
    compare("seq", json!(observation.sequence));
    compare("created_date", json!(crate::domain::format_timestamp(found.created_at)));
    compare("last_event_time", json!(crate::domain::format_timestamp(found.updated_at)));
    assert!(url::Url::parse(&found.url).is_ok(), "{name}: {}", found.url);
    assert!(!found.summary.is_empty(), "{name}");
}

fn parse(source: &dyn Source, headers: &[(&str, &str)], body: &[u8]) -> Findings {
    let webhook = verified(headers, body, sample_now());
    source.inspect(&webhook).expect("mappable");
    source.parse(&webhook, &mut Memory::default()).expect("mappable")
}

pub(in crate::sources) fn check_webhook(provider: &str, file: &str, expect: &Value) {
    for with_api in [true, false] {
        let source = sample_source(provider, with_api.then_some("https://api.example.com"));
        let found = parse(&*source, &[], &read(provider, file));
        match expect["action"].as_str().expect("action") {
            "upsert" => check_incident(&found.observations[0], expect, file),
            "refetch_or_ignore" if with_api => {
                assert_eq!(json!(found.refetch), json!([expect["incident_id"]]), "{file}");
            }
            "refetch_or_ignore" | "ack_ignore" => {
                assert!(found.ignored.is_some() && found.observations.is_empty(), "{file}");
            }
            "refresh_components" => assert!(found.refresh_catalogue, "{file}"),
            other => panic!("{file}: unknown action {other}"),
        }
    }
}

async fn serve(provider: &str, file: &str, place: &str, case: &Value) -> MockServer {
    let server = MockServer::start().await;
    let status = case["http"]["status"].as_u64().map_or(200, |status| u16::try_from(status).expect("status"));
    let mut response = ResponseTemplate::new(status).set_body_bytes(read(provider, file));
    for (name, value) in case["http"]["headers"].as_object().into_iter().flatten() {
        response = response.insert_header(name.as_str(), value.as_str().expect("text"));
    }
    Mock::given(at_path(place)).respond_with(response).mount(&server).await;
    server
}

async fn poll(poller: &dyn Poller, memory: &mut Memory) -> Result<crate::sources::Page, PollError> {
    poller.poll(request(None, memory, sample_now())).await
}

async fn check_rest(provider: &str, file: &str, case: &Value) {
    let expect = &case["expect"];
    let place = match file {
        "rest-incidents-page1.json" | "rest-incidents-page2.json" | "rest-429.json" => "/incidents",
        "rest-priorities.json" => "/priorities",
        "rest-services-query.json" => "/services",
        "rest-teams.json" => "/teams",
        _ => "/api/v2/alerts/groups",
    };
    let server = serve(provider, file, place, case).await;
    let source = sample_source(provider, Some(&server.uri()));
    let poller = source.poller().expect("configured");
    let mut memory = Memory::default();
    match expect["action"].as_str().expect("action") {
        "poll_page" => {
            let page = poll(poller, &mut memory).await.expect("answered");
            let none = Vec::new();
            for (i, expected) in expect["incidents"].as_array().unwrap_or(&none).iter().enumerate() {
                check_incident(&page.findings.observations[i], expected, file);
            }
            assert!(!page.findings.observations.is_empty(), "{file}");
            if expect["has_more"] == true {
                assert_eq!(page.next.0["offset"], expect["next_offset"], "{file}");
            }
        }
        "priority_table" => {
            let none = Mock::given(at_path("/incidents"));
            none.respond_with(ResponseTemplate::new(200).set_body_string("{\"incidents\":[]}"))
                .mount(&server)
                .await;
            poll(poller, &mut memory).await.expect("answered");
            for (id, level) in expect["rank"].as_object().expect("ranks") {
                let rank =
                    memory.get(&format!("priority/{id}")).expect("remembered").parse().expect("a rank");
                assert_eq!(json!(crate::domain::Severity::from_rank(rank).as_str()), *level, "{file}: {id}");
            }
        }
        "backoff" => {
            let fault = poll(poller, &mut memory).await.expect_err("refused");
            let PollError::Retry { after: Some(after), .. } = fault else { panic!("{file}: {fault:?}") };
            assert_eq!(json!(after.as_secs()), expect["retry_after_s"], "{file}");
        }
        action => {
            let empty = Mock::given(wiremock::matchers::method("GET"));
            empty.respond_with(ResponseTemplate::new(200).set_body_string("{}")).mount(&server).await;
            let catalogue = poller.catalogue(sample_now()).await.expect("answered");
            let ids = match action {
                "containers" => catalogue.components.into_iter().map(|c| c.provider_id).collect::<Vec<_>>(),
                "workspaces" => catalogue.workspaces.into_iter().map(|w| w.provider_id).collect(),
                other => panic!("{file}: unknown action {other}"),
            };
            assert_eq!(json!(ids), expect["ids"], "{file}");
        }
    }
}

async fn check_all(provider: &str) {
    let cases = read_json(provider, "cases.json");
    for case in cases["cases"].as_array().expect("cases") {
        let file = case["file"].as_str().expect("file");
        eprintln!("{provider}/{file}: {}", case["expect"]["action"]);
        if file == "rest-api-v2-alerts.json" {
            check_alerts(file, &case["expect"]).await;
        } else if file.starts_with("rest-") {
            check_rest(provider, file, case).await;
        } else {
            check_webhook(provider, file, &case["expect"]);
        }
    }
}

/// The flat list of alerts is not what the poller reads; each alert must mean the same inside a group.
async fn check_alerts(file: &str, expect: &Value) {
    for expected in expect["alerts"].as_array().expect("alerts") {
        let alerts = read_json("alertmanager", file);
        let alerts = alerts.as_array().expect("alerts").iter();
        let alert =
            alerts.filter(|alert| alert["fingerprint"] == expected["fingerprint"]).collect::<Vec<_>>();
        let group = json!([{ "labels": {"alertname": "X"}, "receiver": {"name": "r"}, "alerts": alert }]);
        let server = MockServer::start().await;
        Mock::given(at_path("/api/v2/alerts/groups"))
            .respond_with(ResponseTemplate::new(200).set_body_json(group))
            .mount(&server)
            .await;
        let source = sample_source("alertmanager", Some(&server.uri()));
        let page =
            poll(source.poller().expect("configured"), &mut Memory::default()).await.expect("answered");
        let found = incident(&page.findings.observations[0]);
        assert_eq!(json!(found.status.as_str()), expected["status"]);
        assert_eq!(json!(found.severity.as_str()), expected["severity"]);
        assert!(page.findings.observations[0].sequence >= expected["seq"].as_i64().expect("number"));
    }
}

#[tokio::test]
async fn every_pagerduty_sample_means_what_its_case_says() {
    check_all("pagerduty").await;
}

#[tokio::test]
async fn every_alertmanager_sample_means_what_its_case_says() {
    check_all("alertmanager").await;
}

#[test]
fn every_generic_sample_means_what_its_case_says() {
    let source = source("generic", |config| {
        config.webhook_token = Some("t0k3n".into());
        let origin = "eventgrid.example.com";
        config.options = options(json!({ "mapping": sample_mapping(), "allowed_origins": [origin] }));
    });
    for case in read_json("generic", "cases.json")["cases"].as_array().expect("cases") {
        let (file, expect) = (case["file"].as_str().expect("file"), &case["expect"]);
        eprintln!("generic/{file}: {}", expect["action"]);
        let sample = read_json("generic", file);
        let mut headers = vec![("authorization", "Bearer t0k3n")];
        let fields = sample["headers"].as_object().expect("headers");
        headers.extend(fields.iter().map(|(name, value)| (name.as_str(), value.as_str().expect("text"))));
        let body = sample["body_utf8"].as_str().expect("text").as_bytes();
        if expect["action"] == "handshake" {
            let answer = source.handshake(&headers.iter().copied().collect()).expect("agreed");
            let expected =
                [("WebHook-Allowed-Origin", "eventgrid.example.com"), ("WebHook-Allowed-Rate", "120")];
            assert_eq!(answer[..2], expected.map(|(name, value)| (name, value.to_owned())));
            assert_eq!(answer[2], ("Allow", "POST".to_owned()));
            continue;
        }
        let webhook = source.verify(inbound(&headers, body, sample_now())).expect("verified");
        let found = parse(&*source, &headers, body);
        let count = expect["count"].as_u64().unwrap_or(1);
        assert_eq!(found.observations.len() as u64, count, "{file}");
        assert_eq!(incident(&found.observations[0]).provider_id, "inc-42", "{file}");
        assert_eq!(found.observations[0].sequence, 7, "{file}");
        if let Some(key) = expect["dedup_key"].as_str() {
            assert_eq!(webhook.delivery_id.as_deref(), Some(key), "{file}");
        }
    }
}
