//! Datadog: every case, webhooks as hints and as the only source, custom states, and post-mortems.

use wiremock::MockServer;

use crate::domain::{IncidentStatus, Severity};
use crate::sources::tests::prelude::*;

const KIND: &str = "datadog";
const ID: &str = "f5f7e414-a9bf-50d2-8d46-e12c8be381d9";
const NOW: &str = "2026-11-24T00:00:00Z";

fn parse(source: &dyn Source, body: &Value, memory: &mut Memory) -> crate::sources::Findings {
    let webhook = verified(&[], body.to_string().as_bytes(), sample_now());
    source.inspect(&webhook).expect("mappable");
    source.parse(&webhook, memory).expect("mappable")
}

/// The plain listing's incidents as the search nests them.
fn as_search(listing: &Value) -> Value {
    if listing["data"].is_object() {
        return listing.clone();
    }
    let incidents = listing["data"].as_array().expect("a list").iter().map(|data| json!({ "data": data }));
    json!({"data": {"attributes": {"incidents": incidents.collect::<Vec<_>>()}}})
}

async fn datadog(search: Value) -> (MockServer, Arc<dyn Source>) {
    let server = MockServer::start().await;
    mount(&server, "/api/v2/incidents/search", answer(search)).await;
    let services = read_json(KIND, "rest-service-definitions.json");
    mount(&server, "/api/v2/services/definitions", answer(services)).await;
    let teams = json!({"data": [{"id": "1", "attributes": {"handle": "payments", "name": "Payments"}}]});
    mount(&server, "/api/v2/team", answer(teams)).await;
    let source = sample_source(KIND, Some(&server.uri()));
    (server, source)
}

#[tokio::test]
async fn every_sample_means_what_its_case_says() {
    for (file, expect) in cases(KIND) {
        let body = read_json(KIND, &file);
        match expect["action"].as_str().expect("action") {
            "poll_page" => {
                let (_server, source) = datadog(as_search(&body)).await;
                let (pages, _) = run(&*source, None, &mut Memory::default(), NOW).await;
                let found = &pages[0].findings.observations;
                assert_eq!(json!(found.len()), expect["count"], "{file}");
                check_incident(&found[0], &expect["first"], &file);
            }
            "config" => {
                let found = parse(&*sample_source(KIND, None), &body, &mut Memory::default());
                assert!(found.ignored.is_some(), "{file}: variables that stayed as they were written");
            }
            "refetch" => {
                let hinting = sample_source(KIND, Some("https://api.example.com"));
                let found = parse(&*hinting, &body, &mut Memory::default());
                assert_eq!((found.refetch, found.observations.len()), (vec![ID.to_owned()], 0), "{file}");
                let found = parse(&*sample_source(KIND, None), &body, &mut Memory::default());
                let told = incident(&found.observations[0]);
                let texts = (told.severity.as_str(), &told.components[..], &told.workspaces[..]);
                assert_eq!(texts, ("P2", &["checkout-api".to_owned()][..], &["payments".to_owned()][..]));
            }
            "containers" => {
                let (_server, source) = datadog(json!({})).await;
                let (components, workspaces) = catalogue_ids(&*source).await;
                assert_eq!(json!(components), expect["component_ids"]);
                assert_eq!(workspaces, ["payments"]);
            }
            "backoff" => {
                let reset = body["headers"]["X-RateLimit-Reset"].as_str().expect("text").to_owned();
                let seconds = expect["seconds"].as_u64().expect("seconds");
                check_faults(
                    KIND,
                    limited(429, &[("x-ratelimit-reset", &reset)], &Value::Null),
                    Some(seconds),
                    time(NOW),
                )
                .await;
            }
            other => panic!("{file}: unknown action {other}"),
        }
    }
}

#[test]
fn without_a_key_an_incident_keeps_the_time_of_its_first_webhook() {
    let source = sample_source(KIND, None);
    let mut memory = Memory::default();
    let mut body = read_json(KIND, "webhook-rendered-declared.json");
    let first = incident(&parse(&*source, &body, &mut memory).observations[0]).created_at;
    body["last_updated"] = json!("1763636342000");
    body["status"] = json!("resolved");
    let found = parse(&*source, &body, &mut memory);
    let told = incident(&found.observations[0]);
    assert_eq!((told.created_at, told.status), (first, IncidentStatus::Resolved));
    assert!(told.updated_at > first);
}

#[tokio::test]
async fn the_operators_states_are_searched_for_and_count() {
    let (server, _) = datadog(json!({"data": {"attributes": {"incidents": []}}})).await;
    let tool = source(KIND, |config| {
        config.api_url = Some(server.uri().parse().expect("an address"));
        config.api_token = Some("key:application".into());
        config.status.insert("on fire".into(), IncidentStatus::Open);
        config.status.insert("stable".into(), IncidentStatus::Resolved);
        config.severity.insert("sev-2".into(), Severity::P5);
    });
    run(&*tool, None, &mut Memory::default(), NOW).await;
    let asked = server.received_requests().await.expect("recorded");
    let queries = asked.iter().filter_map(|request| parameter(request, "query")).collect::<Vec<_>>();
    assert_eq!(queries, ["state:(active OR \"on fire\")", "state:(resolved OR completed OR stable)"]);
    for request in &asked {
        assert_eq!(request.headers.get("dd-api-key").expect("sent"), "key");
        assert_eq!(request.headers.get("dd-application-key").expect("sent"), "application");
        assert_eq!(parameter(request, "page[size]").as_deref(), Some("100"));
    }
    let found = parse(
        &*source(KIND, |config| {
            config.severity.insert("sev-2".into(), Severity::P5);
        }),
        &read_json(KIND, "webhook-rendered-declared.json"),
        &mut Memory::default(),
    );
    assert_eq!(incident(&found.observations[0]).severity, Severity::P5);
}

#[tokio::test]
async fn an_incident_that_left_the_search_is_fetched_with_its_post_mortem() {
    let open = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let shown = Arc::clone(&open);
    let server = tool(move |request| {
        let mut data =
            read_json(KIND, "rest-incidents-search.json")["data"]["attributes"]["incidents"][0].clone();
        let is_open = shown.load(std::sync::atomic::Ordering::Relaxed);
        match request.url.path().strip_prefix("/api/v2/incidents/")? {
            "search" if is_open && parameter(request, "query")?.contains("active") => {
                Some(json!({"data": {"attributes": {"incidents": [data]}}}))
            }
            "search" => Some(json!({"data": {"attributes": {"incidents": []}}})),
            ID => {
                data["data"]["attributes"]["state"] = json!("completed");
                data["data"]["relationships"]["attachments"] = json!({"data": [{"id": "A1"}]});
                Some(data)
            }
            place if place == format!("{ID}/attachments") => Some(json!({"data": [
                {"id": "A1", "attributes": {"attachment_type": "postmortem",
                    "attachment": {"title": "Why", "documentUrl": "https://app.datadoghq.com/notebook/1"}}},
                {"id": "A2", "attributes": {"attachment_type": "link"}}]})),
            _ => None,
        }
    })
    .await;
    let source = sample_source(KIND, Some(&server.uri()));
    let mut memory = Memory::default();
    let (pages, cursor) = run(&*source, None, &mut memory, NOW).await;
    assert!(pages.iter().all(|page| page.findings.refetch.is_empty()));
    open.store(false, std::sync::atomic::Ordering::Relaxed);
    let (pages, _) = run(&*source, Some(cursor), &mut memory, "2026-11-24T00:05:00Z").await;
    assert_eq!(pages.last().expect("a page").findings.refetch, [ID]);

    let poller = source.poller().expect("configured");
    let found = poller.fetch_incident(ID, sample_now()).await.expect("answered").expect("known");
    assert_eq!(incident(&found.observations[0]).status, IncidentStatus::Resolved);
    assert_eq!(found.observations.len(), 2);
    assert_eq!(found.observations[1].provider_id(), "A1");
    let gone = poller.fetch_incident("gone", sample_now()).await.expect("answered").expect("told");
    assert!(matches!(gone.observations[0].state, State::Deleted { .. }));
}

#[test]
fn a_token_of_one_half_is_refused() {
    let told = try_source(KIND, |config| config.api_token = Some("key".into()));
    assert!(told.err().expect("refused").to_string().contains("`<API key>:<application key>`"));
}
