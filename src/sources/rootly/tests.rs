//! Rootly: every case and every signature, what stays out of Jira, and how polling walks.

use wiremock::matchers::{header, path, query_param};
use wiremock::{Mock, MockServer};

use crate::domain::{EntityKind, Severity};
use crate::sources::tests::prelude::*;

const KIND: &str = "rootly";

fn review(observation: &Observation) -> &crate::domain::PostIncidentReview {
    match &observation.state {
        State::Present(entity) => match &**entity {
            Entity::Review(review) => review,
            other => panic!("no review: {other:?}"),
        },
        deleted @ State::Deleted { .. } => panic!("deleted: {deleted:?}"),
    }
}

#[test]
fn every_webhook_sample_means_what_its_case_says() {
    let source = sample_source(KIND, None);
    for case in read_json(KIND, "cases.json")["cases"].as_array().expect("cases") {
        let (file, expect) = (case["file"].as_str().expect("file"), &case["expect"]);
        if !file.starts_with("webhook-") {
            continue;
        }
        eprintln!("{KIND}/{file}: {}", expect["action"]);
        let webhook = verified(&[], &read(KIND, file), sample_now());
        source.inspect(&webhook).expect("mappable");
        let found = source.parse(&webhook, &mut Memory::default()).expect("mappable");
        match expect["action"].as_str().expect("action") {
            "upsert" => check_incident(&found.observations[0], expect, file),
            "delete" => {
                assert_eq!(found.observations[0].kind(), EntityKind::Incident);
                assert_eq!(json!(found.observations[0].provider_id()), expect["incident_id"]);
                assert!(matches!(found.observations[0].state, State::Deleted { .. }));
            }
            "upsert_review" => {
                let review = review(&found.observations[0]);
                assert_eq!(json!(review.provider_id), expect["review_id"]);
                assert_eq!(json!(review.incidents), expect["incident_ids"]);
                assert_eq!(json!(review.status.as_str()), expect["status"]);
            }
            "ack_ignore" => assert!(found.ignored.is_some() && found.observations.is_empty(), "{file}"),
            other => panic!("{file}: unknown action {other}"),
        }
    }
}

#[test]
fn every_signature_gets_its_verdict() {
    for vector in vectors::vectors(KIND, "signature-vectors.json") {
        let source = source(KIND, |config| config.webhook_secrets = vectors::secrets(&vector));
        vectors::check(KIND, &vector, &*source);
    }
}

fn webhook(kind: &str, change: impl FnOnce(&mut Value)) -> VerifiedWebhook {
    let mut body = read_json(KIND, "webhook-incident-created.json");
    body["event"]["type"] = json!(kind);
    change(&mut body["data"]);
    verified(&[], body.to_string().as_bytes(), sample_now())
}

#[test]
fn a_severity_counts_by_table_then_class_then_name() {
    let source = source(KIND, |config| config.severity = [("sev9".to_owned(), Severity::P5)].into());
    let table = read_json(KIND, "rest-severities.json");
    let resource = |index: usize| json!({ "data": table["data"][index] });
    for (given, level) in [
        (resource(0), Severity::P1),
        (resource(1), Severity::P4),
        (json!({"name": "SEV9", "severity": "critical"}), Severity::P5),
        (json!("SEV0"), Severity::P1),
        (json!("SEV3"), Severity::P3),
        (json!("Burning"), Severity::Unknown),
        (json!(null), Severity::Unknown),
    ] {
        let webhook = webhook("incident.updated", |data| data["severity"] = given.clone());
        let found = source.parse(&webhook, &mut Memory::default()).expect("mappable");
        assert_eq!(incident(&found.observations[0]).severity, level, "{given}");
    }
}

#[test]
fn a_private_incident_leaves_jira_and_keeps_its_retrospective_out() {
    let source = sample_source(KIND, None);
    let mut memory = Memory::default();
    let private = webhook("incident.updated", |data| data["private"] = json!(true));
    let found = source.parse(&private, &mut memory).expect("mappable");
    assert!(matches!(found.observations[0].state, State::Deleted { .. }));
    let published = verified(&[], &read(KIND, "webhook-post-mortem-published.json"), sample_now());
    assert!(source.recall(&published).iter().any(|key| memory.get(key).is_some()));
    let left = source.parse(&published, &mut memory).expect("mappable");
    assert!(matches!(left.observations[0].state, State::Deleted { kind: EntityKind::Review, .. }));
    let public = webhook("incident.updated", |_| {});
    assert_eq!(source.parse(&public, &mut memory).expect("mappable").observations.len(), 1);
    let shown = source.parse(&published, &mut memory).expect("mappable");
    assert!(matches!(shown.observations[0].state, State::Present(_)));
}

#[test]
fn an_incident_that_turns_into_a_test_leaves_jira() {
    let source = sample_source(KIND, None);
    let test = webhook("incident.updated", |data| data["kind"] = json!("test"));
    let found = source.parse(&test, &mut Memory::default()).expect("mappable");
    assert!(matches!(found.observations[0].state, State::Deleted { kind: EntityKind::Incident, .. }));
}

#[tokio::test]
async fn an_account_without_retrospectives_still_reads_incidents_in_every_run() {
    for status in [403, 404, 500] {
        let (server, source) = rootly().await;
        let refused =
            Mock::given(path("/post_mortems")).respond_with(wiremock::ResponseTemplate::new(status));
        refused.with_priority(1).mount(&server).await;
        let mut cursor = None;
        for now in ["2026-11-24T00:30:00Z", "2026-11-24T00:35:00Z"] {
            let (pages, next) = run(&*source, cursor, &mut Memory::default(), now).await;
            assert_eq!(pages[0].findings.observations.len(), 1, "{status} {now}");
            cursor = Some(next);
        }
    }
}

#[test]
fn what_is_included_is_shown() {
    let source = source(KIND, |config| {
        config.options =
            options(json!({"include": ["private", "scheduled", "test"], "functionalities": true}));
    });
    for (field, value) in [("private", json!(true)), ("kind", json!("test")), ("status", json!("scheduled"))]
    {
        let webhook = webhook("incident.updated", |data| {
            data[field] = value;
            data["functionalities"] = json!([{"id": "F1", "name": "Search"}]);
        });
        let found = source.parse(&webhook, &mut Memory::default()).expect("mappable");
        let components = &incident(&found.observations[0]).components;
        assert_eq!(components[..], ["0e1f2a3b-0001-4000-8000-000000000001", "F1"], "{field}");
    }
}

async fn rootly() -> (MockServer, Arc<dyn Source>) {
    let server = MockServer::start().await;
    for (page, file) in [("1", "rest-incidents-page1.json"), ("2", "rest-incidents-page2.json")] {
        Mock::given(path("/incidents"))
            .and(query_param("page[number]", page))
            .and(header("authorization", "Bearer token"))
            .and(header("accept", "application/vnd.api+json"))
            .respond_with(answer(read_json(KIND, file)))
            .mount(&server)
            .await;
    }
    let reviews = json!({"data": [{"id": "R1", "attributes": {
        "incident_id": "b7eed587-50e6-44fe-b010-7a2bb05d737a", "status": "draft", "title": "Why",
        "created_at": "2026-11-20T04:00:00Z", "updated_at": "2026-11-20T05:00:00Z"}}]});
    mount(&server, "/post_mortems", answer(reviews)).await;
    mount(&server, "/services", answer(read_json(KIND, "rest-services.json"))).await;
    let teams = json!({"data": [{"id": "G1", "attributes": {"name": "Payments"}}], "meta": {}});
    mount(&server, "/teams", answer(teams)).await;
    let source = sample_source(KIND, Some(&server.uri()));
    (server, source)
}

#[tokio::test]
async fn a_first_run_reads_every_page_and_the_next_only_what_changed() {
    let (server, source) = rootly().await;
    let (pages, cursor) = run(&*source, None, &mut Memory::default(), "2026-11-24T00:30:00Z").await;
    let seen = pages.iter().flat_map(|page| &page.findings.observations).map(Observation::provider_id);
    let ids = ["b7eed587-50e6-44fe-b010-7a2bb05d737a", "b7eed587-50e6-44fe-b010-7a2bb05d7111", "R1"];
    assert_eq!(seen.collect::<Vec<_>>(), ids);
    assert_eq!(pages[0].total, Some(2));
    let polled = incident(&pages[0].findings.observations[0]);
    assert_eq!(polled.components, ["0e1f2a3b-0001-4000-8000-000000000001"]);
    assert_eq!(review(&pages[2].findings.observations[0]).status.as_str(), "in progress");
    // A poll after the webhook says the very same.
    let told = verified(&[], &read(KIND, "webhook-incident-created.json"), sample_now());
    let told = source.parse(&told, &mut Memory::default()).expect("mappable");
    assert_eq!(incident(&told.observations[0]), polled);

    run(&*source, Some(cursor), &mut Memory::default(), "2026-11-24T00:35:00Z").await;
    let asked = server.received_requests().await.expect("recorded");
    let since = asked.iter().filter_map(|request| parameter(request, "filter[updated_at][gte]"));
    let [first, later] = ["2026-08-26T00:20:00.000Z", "2026-11-24T00:20:00.000Z"];
    assert_eq!(since.collect::<Vec<_>>(), [first, first, later, later]);
    assert!(asked.iter().all(|r| parameter(r, "page[size]").as_deref() == Some("100")));
    let created = asked.iter().find_map(|request| parameter(request, "filter[created_at][gte]"));
    assert_eq!(created.as_deref(), Some("2026-08-26T00:30:00.000Z"));
}

#[tokio::test]
async fn the_catalogue_has_services_and_teams_and_one_incident_can_be_fetched() {
    let (server, source) = rootly().await;
    let (components, workspaces) = catalogue_ids(&*source).await;
    let cases = read_json(KIND, "cases.json");
    let case = cases["cases"].as_array().expect("cases").iter().find(|c| c["file"] == "rest-services.json");
    assert_eq!(json!(components), case.expect("a case")["expect"]["component_ids"]);
    assert_eq!(workspaces, ["G1"]);
    let one = json!({ "data": read_json(KIND, "rest-incidents-page1.json")["data"][0] });
    mount(&server, "/incidents/I1", answer(one)).await;
    let poller = source.poller().expect("configured");
    let found = poller.fetch_incident("I1", sample_now()).await.expect("answered").expect("known");
    assert_eq!(incident(&found.observations[0]).severity, Severity::P1);
    assert_eq!(poller.fetch_incident("I2", sample_now()).await.expect("answered"), None);
}

#[tokio::test]
async fn trouble_says_what_to_do() {
    let sample = read_json(KIND, "rest-429.json");
    let reset = sample["headers"]["X-RateLimit-Reset"].as_str().expect("text").to_owned();
    check_faults(
        KIND,
        limited(429, &[("x-ratelimit-reset", &reset)], &Value::Null),
        Some(60),
        time("2025-11-20T10:00:00Z"),
    )
    .await;
}
