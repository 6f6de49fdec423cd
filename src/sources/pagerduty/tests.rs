//! What only PagerDuty does: severity by rank, merged incidents, the old webhooks, and how polling walks.

use wiremock::matchers::{header, path, query_param};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::domain::{IncidentStatus, Severity};
use crate::sources::tests::prelude::*;
use crate::sources::{Cursor, PollError, Unmappable};

fn triggered(change: impl FnOnce(&mut Value)) -> VerifiedWebhook {
    let mut body = read_json("pagerduty", "webhook-incident-triggered.json");
    change(&mut body["event"]["data"]);
    verified(&[], body.to_string().as_bytes(), time("2026-09-14T09:00:00Z"))
}

fn severity(source: &dyn Source, memory: &mut Memory, priority: &Value) -> Severity {
    let webhook = triggered(|data| data["priority"] = priority.clone());
    incident(&source.parse(&webhook, memory).expect("mappable").observations[0]).severity
}

#[test]
fn a_priority_counts_by_its_number_else_by_its_rank() {
    let source = sample_source("pagerduty", None);
    let mut memory = Memory::default();
    memory.set("priority/PX", "1");
    assert_eq!(severity(&*source, &mut memory, &json!({"id": "PX", "summary": "SEV-3"})), Severity::P3);
    assert_eq!(severity(&*source, &mut memory, &json!({"id": "PX", "summary": "Burning"})), Severity::P2);
    assert_eq!(severity(&*source, &mut memory, &json!({"id": "PX", "summary": "Low"})), Severity::P2);
    assert_eq!(
        severity(&*source, &mut memory, &json!({"id": "PY", "summary": "Burning"})),
        Severity::Unknown
    );
    assert_eq!(severity(&*source, &mut memory, &json!(null)), Severity::Unknown);
    assert_eq!(source.recall(&triggered(|_| {})), ["priority/PPRI0002"]);
}

#[test]
fn the_operators_words_come_before_every_rule() {
    let source = source("pagerduty", |config| {
        config.severity.insert("p2".to_owned(), Severity::P5);
        config.status.insert("triggered".to_owned(), IncidentStatus::Unknown);
        config.options.insert("urgency_severity".to_owned(), json!(true));
    });
    let found = source.parse(&triggered(|_| {}), &mut Memory::default()).expect("mappable");
    assert_eq!(incident(&found.observations[0]).severity, Severity::P5);
    assert_eq!(incident(&found.observations[0]).status, IncidentStatus::Unknown);
    assert_eq!(severity(&*source, &mut Memory::default(), &json!(null)), Severity::P2);
}

#[test]
fn a_merged_incident_names_its_target_and_a_reassigned_service_is_mentioned() {
    let source = sample_source("pagerduty", None);
    let webhook = triggered(|data| {
        data["status"] = json!("resolved");
        data["resolve_reason"] =
            json!({"type": "merge_resolve_reason", "incident": {"id": "Q9", "summary": "[#9] Root"}});
    });
    let found = source.parse(&webhook, &mut Memory::default()).expect("mappable");
    let incident = incident(&found.observations[0]);
    assert_eq!(incident.status, IncidentStatus::Resolved);
    assert!(incident.description.contains("- Merged into: [#9] Root"), "{}", incident.description);
    assert_eq!(incident.words.merged_into.as_deref(), Some("Q9"));
    assert_eq!(found.mentioned[0].provider_id, "PCHKOUT1");
    assert_eq!(found.mentioned[0].name, "Checkout API");
    assert_eq!(found.workspaces[0].name, "Payments");
}

#[test]
fn the_second_webhook_version_and_incidents_without_id_are_refused() {
    let source = sample_source("pagerduty", None);
    let old = verified(&[], br#"{"messages": []}"#, time("2026-09-14T09:00:00Z"));
    assert!(matches!(source.inspect(&old), Err(Unmappable::Malformed(why)) if why.contains("V3")));
    let nameless = triggered(|data| drop(data.as_object_mut().expect("object").remove("id")));
    assert!(matches!(source.inspect(&nameless), Err(Unmappable::Incomplete(_))));
}

/// A PagerDuty whose list of incidents answers as `answer` says.
async fn pagerduty(
    answer: impl Fn(&Request) -> Value + Send + Sync + 'static,
) -> (MockServer, Arc<dyn Source>) {
    let server = MockServer::start().await;
    Mock::given(path("/incidents"))
        .and(header("authorization", "Token token=token"))
        .and(header("accept", "application/vnd.pagerduty+json;version=2"))
        .respond_with(move |request: &Request| ResponseTemplate::new(200).set_body_json(answer(request)))
        .mount(&server)
        .await;
    let priorities = ResponseTemplate::new(200).set_body_json(read_json("pagerduty", "rest-priorities.json"));
    Mock::given(path("/priorities")).respond_with(priorities).mount(&server).await;
    let source = sample_source("pagerduty", Some(&server.uri()));
    (server, source)
}

/// The requests for lists of incidents.
async fn listings(server: &MockServer) -> Vec<Request> {
    let mut asked = server.received_requests().await.expect("recorded");
    asked.retain(|request| request.url.path() == "/incidents");
    asked
}

#[tokio::test]
async fn the_first_run_reads_the_window_then_what_is_open_then_what_was_resolved() {
    let (server, source) = pagerduty(|request| match parameter(request, "sort_by").as_deref() {
        Some("created_at:asc") if parameter(request, "since").is_none() => {
            json!({"incidents": [], "more": false})
        }
        Some("created_at:asc") if parameter(request, "offset").as_deref() == Some("0") => {
            let mut page = read_json("pagerduty", "rest-incidents-page1.json");
            page["total"] = json!(3);
            page
        }
        Some("created_at:asc") => read_json("pagerduty", "rest-incidents-page2.json"),
        _ => json!({"incidents": [], "more": false}),
    })
    .await;
    let (pages, cursor) = run(&*source, None, &mut Memory::default(), "2026-09-15T00:00:00Z").await;
    let ids = pages.iter().flat_map(|page| &page.findings.observations).map(Observation::provider_id);
    assert_eq!(ids.collect::<Vec<_>>(), ["Q1A2B3C4D5E6F7", "Q0ZZ9Y8X7W6V5U", "Q0MM4N4B4V4C4X"]);
    assert_eq!(pages[0].total, Some(3));
    assert_eq!(cursor.0, json!({"phase": "idle", "since": "2026-09-15T00:00:00Z"}));

    let asked = server.received_requests().await.expect("recorded");
    let sinces = asked.iter().filter_map(|request| parameter(request, "since")).collect::<Vec<_>>();
    let [window, log] = ["2026-06-17T00:00:00.000Z", "2026-09-08T00:00:00.000Z"];
    assert_eq!(sinces, [window, window, log]);
    let open =
        asked.iter().find(|r| parameter(r, "statuses[]").as_deref() == Some("triggered")).expect("asked");
    assert_eq!(parameter(open, "date_range").as_deref(), Some("all"));
}

#[tokio::test]
async fn a_later_run_stops_at_resolutions_from_before_the_last_one() {
    let (server, source) = pagerduty(|request| {
        if parameter(request, "sort_by").as_deref() != Some("resolved_at:desc") {
            return json!({"incidents": [], "more": false});
        }
        // Each page is an hour older than the one before.
        let hour = 12 - parameter(request, "offset").expect("sent").parse::<u32>().expect("a number");
        let at = format!("2026-09-15T{hour:02}:00:00Z");
        json!({"more": true, "incidents": [
            {"id": format!("Q{hour}"), "status": "resolved", "updated_at": at, "resolved_at": at}
        ]})
    })
    .await;
    let cursor = Cursor(json!({"phase": "idle", "since": "2026-09-15T10:05:00Z"}));
    let (pages, cursor) = run(&*source, Some(cursor), &mut Memory::default(), "2026-09-15T12:30:00Z").await;
    let ids = pages.iter().flat_map(|page| &page.findings.observations).map(Observation::provider_id);
    // 10:00 is still in the overlap; 09:00 ends the listing.
    assert_eq!(ids.collect::<Vec<_>>(), ["Q12", "Q11", "Q10", "Q9"]);
    assert_eq!(cursor.0["since"], "2026-09-15T12:30:00Z");
    assert!(listings(&server).await.iter().all(|r| parameter(r, "since").is_none()));
}

#[tokio::test]
async fn the_log_names_what_changed_after_it_was_long_resolved() {
    let (server, source) = pagerduty(|_| json!({"incidents": [], "more": false})).await;
    let entry = |id: &str, status: &str, resolved: Value| json!({ "type": "annotate_log_entry", "incident": { "id": id, "status": status, "resolved_at": resolved } });
    let pages = [
        json!({ "more": true, "log_entries": [
            entry("QOPEN", "triggered", Value::Null),
            entry("QLATE", "resolved", json!("2026-09-01T00:00:00Z")),
            entry("QLATE", "resolved", json!("2026-09-01T00:00:00Z")),
        ]}),
        json!({ "more": false, "log_entries": [
            entry("QJUST", "resolved", json!("2026-09-15T12:10:00Z")),
            entry("QLATER", "resolved", json!("2026-09-02T00:00:00Z")),
        ]}),
    ];
    for (offset, page) in ["0", "3"].iter().zip(&pages) {
        Mock::given(path("/log_entries"))
            .and(query_param("since", "2026-09-15T11:55:00.000Z"))
            .and(query_param("until", "2026-09-15T12:30:00.000Z"))
            .and(query_param("include[]", "incidents"))
            .and(query_param("is_overview", "true"))
            .and(query_param("offset", *offset))
            .respond_with(ResponseTemplate::new(200).set_body_json(page))
            .expect(1)
            .mount(&server)
            .await;
    }
    let cursor = Cursor(json!({"phase": "idle", "since": "2026-09-15T12:05:00Z"}));
    let (pages, cursor) = run(&*source, Some(cursor), &mut Memory::default(), "2026-09-15T12:30:00Z").await;
    let named = pages.iter().flat_map(|page| &page.findings.refetch).collect::<Vec<_>>();
    assert_eq!(named, ["QLATE", "QLATER"]);
    assert_eq!(cursor.0, json!({"phase": "idle", "since": "2026-09-15T12:30:00Z"}));
}

#[tokio::test]
async fn a_window_with_more_than_offsets_reach_is_narrowed() {
    let (server, source) = pagerduty(|request| {
        let Some(since) = parameter(request, "since") else { return json!({"incidents": [], "more": false}) };
        let offset = parameter(request, "offset").expect("sent").parse::<usize>().expect("a number");
        assert!(offset + 100 <= 10_000, "PagerDuty answers 400 to this");
        let is_first_window = since.starts_with("2026-06-17");
        let incidents = (0..100)
            .map(|i| json!({"id": format!("{since}/{}", offset + i), "created_at": "2026-08-01T00:00:00Z"}));
        json!({"incidents": incidents.collect::<Vec<_>>(), "more": is_first_window})
    })
    .await;
    let (pages, _) = run(&*source, None, &mut Memory::default(), "2026-09-15T00:00:00Z").await;
    let read = pages.iter().map(|page| page.findings.observations.len()).sum::<usize>();
    assert_eq!(read, 10_100);
    let asked = listings(&server).await;
    let narrowed = asked.iter().filter_map(|r| parameter(r, "since")).filter(|s| s.starts_with("2026-08-01"));
    assert_eq!(narrowed.count(), 1);
}

#[tokio::test]
async fn a_long_backfill_is_read_in_windows_of_at_most_six_months() {
    let (server, source) = pagerduty(|_| json!({"incidents": [], "more": false})).await;
    let poller = source.poller().expect("configured");
    let (mut memory, mut cursor) = (Memory::default(), None);
    for _ in 0..5 {
        let mut asked = request(cursor.as_ref(), &mut memory, time("2026-09-15T00:00:00Z"));
        asked.backfill_from = time("2025-09-15T00:00:00Z");
        cursor = Some(poller.poll(asked).await.expect("a page").next);
    }
    let asked = listings(&server).await;
    let windows = asked.iter().filter_map(|r| Some((parameter(r, "since")?, parameter(r, "until")?)));
    let windows = windows.map(|(since, until)| time(&until) - time(&since)).collect::<Vec<_>>();
    assert_eq!(windows.iter().map(chrono::TimeDelta::num_days).collect::<Vec<_>>(), [180, 180, 5]);
}

#[tokio::test]
async fn a_refused_token_says_where_a_good_one_goes() {
    let server = MockServer::start().await;
    Mock::given(path("/priorities")).respond_with(ResponseTemplate::new(401)).mount(&server).await;
    let source = sample_source("pagerduty", Some(&server.uri()));
    let mut memory = Memory::default();
    let asked = request(None, &mut memory, time("2026-09-15T00:00:00Z"));
    let fault = source.poller().expect("configured").poll(asked).await.expect_err("refused");
    assert!(matches!(fault, PollError::Refused { message } if message.contains("`api_token`")));
}

#[tokio::test]
async fn one_incident_is_fetched_with_its_rank_or_found_missing() {
    let (server, source) = pagerduty(|_| json!({})).await;
    let mut one = read_json("pagerduty", "rest-incidents-page1.json")["incidents"][0].clone();
    one["priority"]["summary"] = json!("Burning");
    let answer = ResponseTemplate::new(200).set_body_json(json!({ "incident": one }));
    Mock::given(path("/incidents/Q1")).respond_with(answer).mount(&server).await;
    let poller = source.poller().expect("configured");
    let now = time("2026-09-15T00:00:00Z");
    let found = poller.fetch_incident("Q1", now).await.expect("answered").expect("known");
    assert_eq!(incident(&found.observations[0]).severity, Severity::P1);
    assert_eq!(poller.fetch_incident("Q2", now).await.expect("answered"), None);
}

#[tokio::test]
async fn an_account_without_teams_and_priorities_is_read_all_the_same() {
    let server = MockServer::start().await;
    for missing in ["/priorities", "/teams"] {
        Mock::given(path(missing)).respond_with(ResponseTemplate::new(402)).mount(&server).await;
    }
    let services =
        ResponseTemplate::new(200).set_body_json(json!({"services": [{"id": "P1"}], "more": false}));
    Mock::given(path("/services"))
        .and(query_param("limit", "100"))
        .respond_with(services)
        .mount(&server)
        .await;
    let page = ResponseTemplate::new(200).set_body_json(read_json("pagerduty", "rest-incidents-page2.json"));
    Mock::given(path("/incidents")).respond_with(page).mount(&server).await;
    let source = sample_source("pagerduty", Some(&server.uri()));
    let poller = source.poller().expect("configured");
    let now = time("2026-09-15T00:00:00Z");
    let catalogue = poller.catalogue(now).await.expect("answered");
    assert_eq!((catalogue.components.len(), catalogue.workspaces.len()), (1, 0));
    let page = poller.poll(request(None, &mut Memory::default(), now)).await.expect("a page");
    assert_eq!(page.findings.observations.len(), 1);
}
