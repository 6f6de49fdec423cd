//! incident.io: every case and every signature, private incidents, and how polling walks.

use wiremock::MockServer;
use wiremock::matchers::{header, path, query_param};

use crate::domain::EntityKind;
use crate::sources::PollError;
use crate::sources::tests::prelude::*;

const KIND: &str = "incident_io";

fn cases() -> Vec<Value> {
    read_json(KIND, "cases.json")["cases"].as_array().expect("cases").clone()
}

/// An incident.io that answers with the samples.
async fn incident_io() -> (MockServer, Arc<dyn Source>) {
    let server = MockServer::start().await;
    for (place, file) in [
        ("/v1/severities", "rest-severities.json"),
        ("/v1/postmortem_documents", "rest-postmortem-documents.json"),
        ("/v3/catalog_entries", "rest-catalog-entries.json"),
    ] {
        mount(&server, place, answer(read_json(KIND, file))).await;
    }
    let mut first = read_json(KIND, "rest-incidents-page1.json");
    first["pagination_meta"]["after"] = json!("01JD0000000000000000000480");
    let second = read_json(KIND, "rest-incidents-page2.json");
    wiremock::Mock::given(path("/v2/incidents"))
        .and(query_param("after", "01JD0000000000000000000480"))
        .respond_with(answer(second))
        .with_priority(1)
        .mount(&server)
        .await;
    wiremock::Mock::given(path("/v2/incidents"))
        .and(header("authorization", "Bearer token"))
        .respond_with(answer(first))
        .mount(&server)
        .await;
    let types = json!({"catalog_types": [{"id": "T0", "name": "Team"}, {"id": "T1", "name": "service"}]});
    mount(&server, "/v3/catalog_types", answer(types)).await;
    mount(&server, "/v3/teams", answer(json!({"teams": [{"id": "TEAM1", "name": "Payments"}]}))).await;
    let source = sample_source(KIND, Some(&server.uri()));
    (server, source)
}

#[tokio::test]
async fn every_webhook_sample_means_what_its_case_says() {
    let (_server, source) = incident_io().await;
    // The severities' ranks are known from a poll.
    let mut ranked = Memory::default();
    let poller = source.poller().expect("configured");
    poller.poll(request(None, &mut ranked, sample_now())).await.expect("a page");
    for case in cases() {
        let (file, expect) = (case["file"].as_str().expect("file"), &case["expect"]);
        if file.starts_with("webhook-") {
            eprintln!("{KIND}/{file}: {}", expect["action"]);
            let webhook = verified(&[], &read(KIND, file), sample_now());
            source.inspect(&webhook).expect("mappable");
            let found = source.parse(&webhook, &mut ranked.clone()).expect("mappable");
            if expect["action"] == "upsert" {
                check_incident(&found.observations[0], expect, file);
                assert!(source.recall(&webhook).iter().any(|key| key.starts_with("severity/")), "{file}");
            } else {
                assert!(found.ignored.is_some() && found.observations.is_empty(), "{file}");
            }
        }
    }
}

#[tokio::test]
async fn a_first_run_reads_incidents_then_post_mortems_and_the_next_reads_back_one_day() {
    let (server, source) = incident_io().await;
    let (pages, cursor) = run(&*source, None, &mut Memory::default(), "2026-11-24T00:30:00Z").await;
    let seen = |index: usize| {
        let page: &crate::sources::Page = &pages[index];
        page.findings.observations.iter().map(Observation::provider_id).collect::<Vec<_>>()
    };
    assert_eq!(seen(0), ["01JD0000000000000000000481", "01JD0000000000000000000480"]);
    assert_eq!(seen(1), ["01JD0000000000000000000479"]);
    let statuses = pages[2].findings.observations.iter().map(|observation| match &observation.state {
        State::Present(entity) => match &**entity {
            Entity::Review(review) => json!(review.status.as_str()),
            other => panic!("no review: {other:?}"),
        },
        deleted @ State::Deleted { .. } => panic!("deleted: {deleted:?}"),
    });
    let expected = cases();
    let expected = expected.iter().find(|case| case["expect"]["action"] == "reviews").expect("a case");
    assert_eq!(json!(statuses.collect::<Vec<_>>()), expected["expect"]["statuses"]);
    let (later, _) = run(&*source, Some(cursor), &mut Memory::default(), "2026-11-25T12:00:00Z").await;
    assert_eq!(later.len(), 3);

    let asked = server.received_requests().await.expect("recorded");
    let listed = |place: &str| asked.iter().filter(|r| r.url.path() == place).collect::<Vec<_>>();
    let since = listed("/v2/incidents").into_iter().map(|r| parameter(r, "updated_at[gte]").expect("sent"));
    assert_eq!(since.collect::<Vec<_>>(), ["2026-08-25", "2026-08-25", "2026-11-23", "2026-11-23"]);
    for request in listed("/v2/incidents") {
        assert_eq!(parameter(request, "page_size").as_deref(), Some("250"));
        assert_eq!(parameter(request, "sort_by").as_deref(), Some("created_at_oldest_first"));
    }
    assert_eq!(listed("/v1/severities").len(), 2);
}

#[tokio::test]
async fn severities_rank_downward_and_the_catalogue_leaves_archived_entries_out() {
    let (server, source) = incident_io().await;
    let mut memory = Memory::default();
    let poller = source.poller().expect("configured");
    poller.poll(request(None, &mut memory, sample_now())).await.expect("a page");
    let ranks = memory.with_prefix("severity/").map(|(_, rank)| rank).collect::<Vec<_>>();
    assert_eq!(ranks, ["2", "1", "0"], "Minor, Major, Critical");
    assert_eq!(
        catalogue_ids(&*source).await,
        (vec!["01HKCAT0000000000000000101".into()], vec!["TEAM1".into()])
    );
    let asked = server.received_requests().await.expect("recorded");
    let entries = asked.iter().find(|r| r.url.path() == "/v3/catalog_entries").expect("asked");
    assert_eq!(parameter(entries, "catalog_type_id").as_deref(), Some("T1"));
}

#[tokio::test]
async fn a_chosen_catalog_type_that_is_missing_is_told() {
    let (server, _) = incident_io().await;
    let source = source(KIND, |config| {
        config.api_url = Some(server.uri().parse().expect("an address"));
        config.api_token = Some("token".into());
        config.options = options(json!({"catalog_type": "Product"}));
    });
    let fault = source.poller().expect("configured").catalogue(sample_now()).await.expect_err("refused");
    assert!(matches!(fault, PollError::Refused { message } if message.contains("`catalog_type`")));
}

#[tokio::test]
async fn trouble_says_what_to_do() {
    let sample = read_json(KIND, "rest-429.json");
    let until = sample["headers"]["Retry-After"].as_str().expect("text").to_owned();
    check_faults(
        KIND,
        limited(429, &[("retry-after", &until)], &Value::Null),
        Some(30),
        time("2026-11-20T10:10:48Z"),
    )
    .await;
}

fn private_webhook(kind: &str) -> VerifiedWebhook {
    let mut body = json!({ "event_type": kind });
    body[kind] = json!({"id": "01JD1"});
    verified(&[], body.to_string().as_bytes(), sample_now())
}

#[tokio::test]
async fn a_private_incident_is_fetched_only_when_it_may_be_shown() {
    let (server, _) = incident_io().await;
    let mut one = read_json(KIND, "rest-incidents-page1.json")["incidents"][0].clone();
    one["id"] = json!("01JD1");
    one["visibility"] = json!("private");
    mount(&server, "/v2/incidents/01JD1", answer(json!({ "incident": one }))).await;
    let shows = source(KIND, |config| {
        config.api_url = Some(server.uri().parse().expect("an address"));
        config.api_token = Some("token".into());
        config.options = options(json!({"private": true}));
    });
    let created = private_webhook("private_incident.incident_created_v2");
    assert_eq!(shows.parse(&created, &mut Memory::default()).expect("mappable").refetch, ["01JD1"]);
    let poller = shows.poller().expect("configured");
    let fetched = poller.fetch_incident("01JD1", sample_now()).await.expect("answered").expect("known");
    assert_eq!(incident(&fetched.observations[0]).severity, crate::domain::Severity::P2);
    assert_eq!(poller.fetch_incident("gone", sample_now()).await.expect("answered"), None);

    // One that turned private is taken out of Jira once, and its post-mortem stays out.
    let hides = sample_source(KIND, None);
    let mut memory = Memory::default();
    let updated = private_webhook("private_incident.incident_updated_v2");
    let found = hides.parse(&updated, &mut memory).expect("mappable");
    assert!(
        matches!(&found.observations[0].state, State::Deleted { provider_id, .. } if provider_id == "01JD1")
    );
    assert!(hides.parse(&updated, &mut memory).expect("mappable").observations.is_empty());
}

#[tokio::test]
async fn the_post_mortem_of_a_hidden_incident_leaves_with_it() {
    let (server, source) = incident_io().await;
    server.reset().await;
    let mut page = read_json(KIND, "rest-incidents-page1.json");
    page["incidents"][0]["visibility"] = json!("private");
    page["pagination_meta"] = json!({});
    mount(&server, "/v2/incidents", answer(page)).await;
    mount(&server, "/v1/severities", answer(json!({"severities": []}))).await;
    let documents = read_json(KIND, "rest-postmortem-documents.json");
    mount(&server, "/v1/postmortem_documents", answer(documents.clone())).await;
    let documents = documents["postmortem_documents"].as_array().expect("documents");
    let (pages, _) = run(&*source, None, &mut Memory::default(), "2026-11-24T00:30:00Z").await;
    let gone = |observation: &&Observation| matches!(observation.state, State::Deleted { .. });
    let (gone, shown) = pages[1].findings.observations.iter().partition::<Vec<_>, _>(gone);
    assert_eq!(shown.iter().map(|o| o.provider_id()).collect::<Vec<_>>(), ["01GDZEW57FDA1K4S63MGMQ5DT0"]);
    let hidden = documents.iter().find(|it| it["incident_id"] == "01JD0000000000000000000481").expect("one");
    assert_eq!(gone.len(), 1);
    assert_eq!(
        (gone[0].kind(), gone[0].provider_id()),
        (EntityKind::Review, hidden["id"].as_str().expect("id"))
    );
    assert_eq!(
        gone[0].event_time,
        time(hidden["updated_at"].as_str().expect("a time")),
        "or it never returns"
    );
}

#[tokio::test]
async fn post_mortems_that_cannot_be_had_hold_up_no_incident() {
    for broken in [403, 500].map(wiremock::ResponseTemplate::new).into_iter().chain([answer(json!({}))]) {
        let (server, source) = incident_io().await;
        let place = wiremock::Mock::given(path("/v1/postmortem_documents"));
        place.respond_with(broken).with_priority(1).mount(&server).await;
        let mut cursor = None;
        for now in ["2026-11-24T00:30:00Z", "2026-11-24T00:35:00Z"] {
            let (pages, next) = run(&*source, cursor, &mut Memory::default(), now).await;
            assert_eq!(pages[0].findings.observations.len(), 2, "{now}");
            cursor = Some(next);
        }
    }
}

#[tokio::test]
async fn a_key_that_may_not_read_severities_still_reads_incidents() {
    let (server, source) = incident_io().await;
    let refused = wiremock::Mock::given(path("/v1/severities"));
    refused.respond_with(wiremock::ResponseTemplate::new(403)).with_priority(1).mount(&server).await;
    let (pages, _) = run(&*source, None, &mut Memory::default(), "2026-11-24T00:30:00Z").await;
    assert_eq!(pages[0].findings.observations.len(), 2);
}

#[test]
fn every_signature_gets_its_verdict() {
    for vector in vectors::vectors(KIND, "signature-vectors.json") {
        let source = source(KIND, |config| config.webhook_secrets = vectors::secrets(&vector));
        vectors::check(KIND, &vector, &*source);
    }
}

#[test]
fn incidents_in_triage_are_left_out_and_what_turns_into_a_test_or_is_declined_leaves_jira() {
    let source = source(KIND, |config| config.options = options(json!({"skip_triage": true})));
    let place = "/public_incident.incident_created_v2";
    for (pointer, value, leaves) in [
        ("/incident_status/category", "triage", false),
        ("/incident_status/category", "declined", true),
        ("/mode", "test", true),
    ] {
        let mut body = read_json(KIND, "webhook-incident-created.json");
        *body.pointer_mut(&format!("{place}{pointer}")).expect("there") = json!(value);
        let webhook = verified(&[], body.to_string().as_bytes(), sample_now());
        let mut memory = Memory::default();
        let found = source.parse(&webhook, &mut memory).expect("mappable");
        let left = found.observations.iter().any(|o| matches!(o.state, State::Deleted { .. }));
        assert_eq!((left, found.observations.len()), (leaves, usize::from(leaves)), "{value}");
        let again = source.parse(&webhook, &mut memory).expect("mappable");
        assert!(again.ignored.is_some() && again.observations.is_empty(), "{value}");
    }
}
