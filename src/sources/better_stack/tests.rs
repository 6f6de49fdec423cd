//! Better Stack: every case, who may post, severities, and how polling notices an end.

use wiremock::MockServer;

use crate::domain::Severity;
use crate::sources::Rejection;
use crate::sources::tests::prelude::*;

const KIND: &str = "better_stack";

fn parse(source: &dyn Source, body: &Value) -> crate::sources::Findings {
    let webhook = verified(&[], body.to_string().as_bytes(), sample_now());
    source.inspect(&webhook).expect("mappable");
    source.parse(&webhook, &mut Memory::default()).expect("mappable")
}

async fn listing(file: &str) -> (MockServer, Arc<dyn Source>) {
    let server = MockServer::start().await;
    let mut body = read_json(KIND, file);
    body["pagination"]["next"] = Value::Null;
    mount(&server, "/api/v3/incidents", answer(body)).await;
    mount(&server, "/api/v2/monitors", answer(read_json(KIND, "rest-monitors.json"))).await;
    mount(&server, "/api/v2/heartbeats", answer(json!({"data": []}))).await;
    let source = sample_source(KIND, Some(&server.uri()));
    (server, source)
}

#[tokio::test]
async fn every_sample_means_what_its_case_says() {
    for (file, expect) in cases(KIND) {
        match expect["action"].as_str().expect("action") {
            "upsert" => {
                let mut expect = expect.clone();
                let basis = expect.as_object_mut().expect("an object").remove("seq");
                let found = parse(&*sample_source(KIND, None), &read_json(KIND, &file));
                check_incident(&found.observations[0], &expect, &file);
                let told = incident(&found.observations[0]);
                if let Some(basis) = basis {
                    assert_eq!(json!(found.observations[0].sequence), basis, "{file}");
                    assert_eq!(json!(told.updated_at.timestamp_millis()), basis, "{file}");
                }
                assert!(told.url.starts_with("https://uptime.betterstack.com"), "{file}: {}", told.url);
            }
            "ack_ignore" => {
                let found = parse(&*sample_source(KIND, None), &read_json(KIND, &file));
                assert!(found.ignored.is_some() && found.observations.is_empty(), "{file}");
            }
            "poll_page" => {
                let (_server, source) = listing(&file).await;
                let (pages, _) = run(&*source, None, &mut Memory::default(), "2026-11-24T00:00:00Z").await;
                assert_eq!(json!(pages[0].findings.observations.len()), expect["count"], "{file}");
            }
            "containers" => {
                let (_server, source) = listing("rest-incidents-page1.json").await;
                let (components, workspaces) = catalogue_ids(&*source).await;
                assert_eq!(json!(components), expect["component_ids"]);
                assert_eq!(workspaces, ["Payments"]);
            }
            other => panic!("{file}: unknown action {other}"),
        }
    }
}

#[test]
fn only_a_credential_opens() {
    let source = source(KIND, |config| {
        config.webhook_token = Some("t0k3n".into());
        config.options = options(json!({"webhook_header": "X-Token"}));
    });
    for (field, value, opens) in [
        ("authorization", "Bearer t0k3n", true),
        ("x-token", "t0k3n", true),
        ("x-token", "t0k3", false),
        ("authorization", "t0k3n", false),
    ] {
        let verdict = source.verify(inbound(&[(field, value)], b"{}", sample_now()));
        assert_eq!(verdict.is_ok(), opens, "{field}: {value}");
        assert!(!matches!(verdict, Err(Rejection::Malformed(_))));
    }
}

#[test]
fn the_operators_table_gives_a_severity_by_monitor_or_policy() {
    let source = source(KIND, |config| {
        config.severity.insert("monitor:500123".into(), Severity::P1);
        config.severity.insert("policy:7".into(), Severity::P4);
    });
    let mut body = read_json(KIND, "webhook-started.json");
    body["data"]["attributes"]["escalation_policy_id"] = json!(7);
    assert_eq!(incident(&parse(&*source, &body).observations[0]).severity, Severity::P1);
    body["data"]["relationships"] = json!({});
    assert_eq!(incident(&parse(&*source, &body).observations[0]).severity, Severity::P4);
}

#[test]
fn an_address_without_a_place_for_the_id_is_refused() {
    let told =
        try_source(KIND, |config| config.options = options(json!({"incident_url": "https://x.example"})));
    assert!(told.err().expect("refused").to_string().contains("`incident_url`"));
}

#[tokio::test]
async fn a_first_run_reads_every_page_and_a_later_one_notices_what_is_open_no_more() {
    let is_open = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let shown = Arc::clone(&is_open);
    let server = tool(move |request| {
        let empty = json!({"data": [], "pagination": {"next": null}});
        if request.url.path() != "/api/v3/incidents" {
            return None;
        }
        let is_wanted = parameter(request, "resolved").as_deref() == Some("false");
        let page = parameter(request, "page").expect("numbered");
        Some(if is_wanted && shown.load(std::sync::atomic::Ordering::Relaxed) {
            read_json(KIND, &format!("rest-incidents-page{page}.json"))
        } else {
            empty
        })
    })
    .await;
    let source = sample_source(KIND, Some(&server.uri()));
    let mut memory = Memory::default();
    let (pages, cursor) = run(&*source, None, &mut memory, "2026-11-24T00:00:00Z").await;
    assert_eq!(pages.iter().map(|page| page.findings.observations.len()).collect::<Vec<_>>(), [1, 1, 0]);
    assert!(pages.iter().all(|page| page.findings.refetch.is_empty()));
    let open = pages.iter().flat_map(|page| page.findings.incidents());
    let open =
        open.filter(|i| i.status.as_str() == "open").map(|i| i.provider_id.clone()).collect::<Vec<_>>();
    assert!(!open.is_empty());

    is_open.store(false, std::sync::atomic::Ordering::Relaxed);
    let (pages, _) = run(&*source, Some(cursor), &mut memory, "2026-11-24T00:05:00Z").await;
    assert_eq!(pages.last().expect("a page").findings.refetch, open);
    let asked = server.received_requests().await.expect("recorded");
    assert!(asked.iter().all(|r| r.headers.get("authorization").expect("sent") == "Bearer token"));
    assert!(asked.iter().all(|r| parameter(r, "per_page").as_deref() == Some("50")));
    let since = asked.iter().filter_map(|request| parameter(request, "from")).collect::<Vec<_>>();
    assert_eq!(since, ["2026-08-19", "2026-11-17"]);
    let gone = source.poller().expect("configured").fetch_incident("9", sample_now()).await;
    let gone = gone.expect("answered").expect("told");
    assert!(matches!(gone.observations[0].state, State::Deleted { .. }));
}

#[tokio::test]
async fn an_incident_that_a_late_delivery_opens_again_is_fetched() {
    let server = tool(|_| Some(json!({"data": [], "pagination": {"next": null}}))).await;
    let source = sample_source(KIND, Some(&server.uri()));
    let late = read_json(KIND, "webhook-started.json");
    let webhook = verified(&[], late.to_string().as_bytes(), time("2026-11-24T00:00:00Z"));
    let mut memory = Memory::default();
    source.parse(&webhook, &mut memory).expect("mappable");
    let (pages, _) = run(&*source, None, &mut memory, "2026-11-24T00:05:00Z").await;
    let id = late["data"]["id"].as_str().expect("an id");
    assert_eq!(pages.last().expect("a page").findings.refetch, [id]);
}

#[tokio::test]
async fn trouble_says_what_to_do() {
    check_faults(
        KIND,
        limited(429, &[("retry-after", "30")], &Value::Null),
        Some(30),
        time("2026-11-24T00:00:00Z"),
    )
    .await;
}
