//! Grafana: every case and every signature of its three senders, and how polling walks.

use wiremock::matchers::{body_partial_json, header, method, path, query_param};
use wiremock::{Mock, MockServer};

use crate::sources::Rejection;
use crate::sources::tests::prelude::*;

const KIND: &str = "grafana";
const PREVIEWS: &str = "/api/plugins/grafana-irm-app/resources/api/v1/IncidentsService.QueryIncidentPreviews";
const GET: &str = "/api/plugins/grafana-irm-app/resources/api/v1/IncidentsService.GetIncident";
const GROUPS: &str = "/api/v1/alert_groups/";

fn cases() -> Vec<Value> {
    read_json(KIND, "cases.json")["cases"].as_array().expect("cases").clone()
}

#[test]
fn every_webhook_sample_means_what_its_case_says() {
    let source = sample_source(KIND, None);
    for case in cases() {
        let (file, expect) = (case["file"].as_str().expect("file"), &case["expect"]);
        if file.contains("-webhook-") {
            eprintln!("{KIND}/{file}: {}", expect["action"]);
            let webhook = verified(&[], &read(KIND, file), sample_now());
            source.inspect(&webhook).expect("mappable");
            let found = source.parse(&webhook, &mut Memory::default()).expect("mappable");
            check_incident(&found.observations[0], expect, file);
            assert_eq!(found.mentioned[0].name, expect["component_ids"][0], "{file}");
        }
    }
}

fn check_signatures(file: &str) {
    for vector in read_json(KIND, file)["vectors"].as_array().expect("vectors") {
        let source = source(KIND, |config| {
            config.webhook_secrets = vec![vector["secret"].as_str().expect("text").into()];
            let options = vector["config"].as_object().cloned().unwrap_or_default();
            config.options = options;
        });
        let expected = vector["signature_valid"] == true && vector["within_300s"] != false;
        let mut vector = vector.clone();
        vector["expected"] = json!(if expected { "valid" } else { "invalid" });
        vector["now"] = vector["received_at_unix"].clone();
        vectors::check(file, &vector, &*source);
    }
}

#[test]
fn every_signature_gets_its_verdict() {
    check_signatures("signature-vectors-irm.json");
    check_signatures("signature-vectors-alerting.json");
}

#[test]
fn alert_groups_come_with_a_shared_secret_and_each_receipt_counts() {
    let source = source(KIND, |config| config.webhook_token = Some("t0k3n".into()));
    let body = read(KIND, "oncall-webhook-resolve.json");
    let now = sample_now();
    let receive = |secret: &str, at| source.verify(inbound(&[("authorization", secret)], &body, at));
    let [first, second] =
        [now, now + chrono::TimeDelta::seconds(1)].map(|at| receive("Bearer t0k3n", at).expect("verified"));
    assert_eq!(first.verified_by, "webhook_token");
    assert_ne!(first.delivery_id, second.delivery_id);
    assert!(matches!(receive("Bearer other", now), Err(Rejection::Unauthorized(_))));
    let irm =
        inbound(&[("authorization", "Bearer t0k3n")], &read(KIND, "irm-webhook-incident-created.json"), now);
    let id = source.verify(irm).expect("verified").delivery_id;
    assert_eq!(id.as_deref(), Some("webhook-out-66e5479879a7ee628da2a701"));
}

#[test]
fn an_alerting_group_is_one_incident_until_it_resolves_and_drills_stay_out() {
    let plain = sample_source(KIND, None);
    let mut memory = Memory::default();
    let mut ids = Vec::new();
    for file in ["alerting-webhook-firing.json", "alerting-webhook-resolved.json"] {
        let webhook = verified(&[], &read(KIND, file), sample_now());
        assert!(!plain.recall(&webhook).is_empty());
        let found = plain.parse(&webhook, &mut memory).expect("mappable");
        ids.push(found.observations[0].provider_id().to_owned());
    }
    assert_eq!(ids[0], ids[1]);

    let mut drill = read_json(KIND, "irm-webhook-incident-created.json");
    drill["incident"]["isDrill"] = json!(true);
    let drill = verified(&[], drill.to_string().as_bytes(), sample_now());
    assert!(plain.parse(&drill, &mut memory).expect("mappable").ignored.is_some());
    let shows = source(KIND, |config| config.options = options(json!({"drills": true})));
    assert_eq!(shows.parse(&drill, &mut memory).expect("mappable").observations.len(), 1);
    let templated = verified(&[], b"{\"text\": \"x\"}", sample_now());
    let told = plain.inspect(&templated).expect_err("no known shape").to_string();
    assert!(told.contains("forward all"), "{told}");
}

/// A Grafana with one incident and one alert group, which `state` lists.
async fn grafana(state: &str) -> (MockServer, Arc<dyn Source>) {
    let server = MockServer::start().await;
    let mut previews = read_json(KIND, "irm-api-query-incident-previews.json");
    Mock::given(path(PREVIEWS))
        .and(method("POST"))
        .and(header("authorization", "Bearer token"))
        .and(body_partial_json(json!({"query": {"orderField": "modifiedTime", "orderDirection": "DESC"}})))
        .respond_with(answer(previews.clone()))
        .with_priority(2)
        .mount(&server)
        .await;
    previews["incidentPreviews"][0]["incidentID"] = json!("7");
    previews["incidentPreviews"][0]["modifiedTime"] = json!("2020-01-01T00:00:00Z");
    Mock::given(path(PREVIEWS))
        .and(body_partial_json(json!({"cursor": {"nextValue": "eyJvIjo1MH0"}})))
        .respond_with(answer(previews))
        .with_priority(1)
        .mount(&server)
        .await;
    mount_groups(&server, state).await;
    let source = sample_source(KIND, Some(&server.uri()));
    (server, source)
}

async fn mount_groups(server: &MockServer, state: &str) {
    let mut groups = read_json(KIND, "oncall-api-alert-groups.json");
    groups["next"] = json!(null);
    groups["results"][0]["state"] = json!(state);
    groups["results"][0]["labels"] = json!({});
    Mock::given(path(GROUPS))
        .and(query_param("state", state))
        .and(header("authorization", "token"))
        .and(header("x-grafana-url", server.uri().as_str()))
        .respond_with(answer(groups))
        .with_priority(1)
        .mount(server)
        .await;
    mount(server, GROUPS, answer(json!({"next": null, "results": []}))).await;
}

#[tokio::test]
async fn a_run_reads_incidents_back_to_the_last_one_then_open_and_resolved_alert_groups() {
    let (server, source) = grafana("acknowledged").await;
    let mut memory = Memory::default();
    // Only the webhook shows the alert's labels; polling must not lose what they say.
    let mut webhook = read_json(KIND, "oncall-webhook-acknowledge.json");
    webhook["alert_group"]["labels"] = json!({});
    let webhook = verified(&[], webhook.to_string().as_bytes(), sample_now());
    source.parse(&webhook, &mut memory).expect("mappable");

    let (pages, cursor) = run(&*source, None, &mut memory, "2026-09-14T09:00:00Z").await;
    let ids = pages.iter().map(|page| page.findings.observations.iter().map(Observation::provider_id));
    let ids = ids.map(Iterator::collect).collect::<Vec<Vec<_>>>();
    assert_eq!(ids, [vec!["219"], vec![], vec![], vec!["I6HNZGUFG4K11"], vec![], vec![]]);
    let expected = cases();
    let expected = expected.iter().find(|case| case["file"] == "irm-api-query-incident-previews.json");
    check_incident(
        &pages[0].findings.observations[0],
        &expected.expect("a case")["expect"]["incidents"][0],
        "previews",
    );
    let group = incident(&pages[3].findings.observations[0]);
    assert_eq!(group.components, ["checkout-api"]);
    assert_eq!(group.severity, crate::domain::Severity::P1);
    assert!(pages[5].findings.refetch.is_empty());

    // The group is no longer in any list: its end was missed.
    server.reset().await;
    mount(&server, PREVIEWS, answer(json!({"incidentPreviews": null, "cursor": {"hasMore": false}}))).await;
    mount(&server, GROUPS, answer(json!({"next": null, "results": []}))).await;
    let (pages, _) = run(&*source, Some(cursor), &mut memory, "2026-09-20T09:00:00Z").await;
    let gone = &pages.last().expect("pages").findings.observations[0];
    assert!(matches!(&gone.state, State::Deleted { provider_id, .. } if provider_id == "I6HNZGUFG4K11"));
    let asked = server.received_requests().await.expect("recorded");
    let windows = asked.iter().filter_map(|request| parameter(request, "started_at")).collect::<Vec<_>>();
    assert_eq!(windows, ["2026-09-13T09:00:00_2026-09-20T09:00:00"]);
}

#[tokio::test]
async fn an_alert_group_that_ended_unseen_keeps_what_its_alerts_labels_said() {
    let (server, source) = grafana("acknowledged").await;
    let mut memory = Memory::default();
    let mut body = read_json(KIND, "oncall-webhook-acknowledge.json");
    body["alert_group"]["labels"] = json!({});
    let webhook = |body: &Value| verified(&[], body.to_string().as_bytes(), sample_now());
    source.parse(&webhook(&body), &mut memory).expect("mappable");
    // Not every event shows the alert.
    body["alert_payload"] = json!("");
    assert!(source.recall(&webhook(&body)).iter().any(|key| memory.get(key).is_some()));
    let told = source.parse(&webhook(&body), &mut memory).expect("mappable");
    assert_eq!(incident(&told.observations[0]).components, ["checkout-api"]);
    let (_, cursor) = run(&*source, None, &mut memory, "2026-09-14T09:00:00Z").await;

    server.reset().await;
    mount(&server, PREVIEWS, answer(json!({"incidentPreviews": null, "cursor": {"hasMore": false}}))).await;
    mount(&server, GROUPS, answer(json!({"next": null, "results": []}))).await;
    let mut group = read_json(KIND, "oncall-api-alert-groups.json")["results"][0].clone();
    group["labels"] = json!({});
    group["state"] = json!("resolved");
    mount(&server, "/api/v1/alert_groups/I6HNZGUFG4K11/", answer(group)).await;
    let (pages, _) = run(&*source, Some(cursor), &mut memory, "2026-09-20T09:00:00Z").await;
    let last = &pages.last().expect("pages").findings;
    assert!(last.refetch.is_empty(), "a fetch by itself would not know the labels");
    let ended = incident(&last.observations[0]);
    assert_eq!((ended.status.as_str(), ended.severity), ("resolved", crate::domain::Severity::P1));
    assert_eq!(ended.components, ["checkout-api"]);
    assert_eq!(memory.with_prefix("open/").count(), 0);
}

#[tokio::test]
async fn alert_groups_that_cannot_be_had_hold_up_no_incident_and_are_caught_up_with() {
    let (server, source) = grafana("new").await;
    let broken = Mock::given(path(GROUPS)).respond_with(wiremock::ResponseTemplate::new(500));
    broken.up_to_n_times(2).with_priority(1).mount(&server).await;
    let (mut memory, mut cursor) = (Memory::default(), None);
    for now in ["2026-09-14T09:00:00Z", "2026-09-20T09:00:00Z"] {
        let (pages, next) = run(&*source, cursor, &mut memory, now).await;
        let incidents = pages[0].findings.observations.len();
        assert_eq!(incidents, usize::from(now < "2026-09-15"), "{now}: its change is old by then");
        cursor = Some(next);
    }
    let (_, cursor) = run(&*source, cursor, &mut memory, "2026-09-20T09:05:00Z").await;
    run(&*source, Some(cursor), &mut memory, "2026-09-20T09:10:00Z").await;
    let asked = server.received_requests().await.expect("recorded");
    let windows = asked.iter().filter_map(|request| parameter(request, "started_at")).collect::<Vec<_>>();
    assert_eq!(
        windows,
        ["2026-06-21T09:05:00_2026-09-20T09:05:00", "2026-09-19T09:05:00_2026-09-20T09:10:00"]
    );
}

#[tokio::test]
async fn an_alert_group_that_may_not_be_read_keeps_no_other_from_being_read() {
    let (server, source) = grafana("new").await;
    mount(&server, "/api/v1/alert_groups/A/", wiremock::ResponseTemplate::new(403)).await;
    let mut group = read_json(KIND, "oncall-api-alert-groups.json")["results"][0].clone();
    group["id"] = json!("B");
    group["state"] = json!("resolved");
    mount(&server, "/api/v1/alert_groups/B/", answer(group)).await;
    let mut memory = Memory::default();
    for id in ["A", "B"] {
        memory.set(format!("open/{id}"), "1");
    }
    let (pages, _) = run(&*source, None, &mut memory, "2026-09-14T09:00:00Z").await;
    assert_eq!(pages.last().expect("pages").findings.observations[0].provider_id(), "B");
    assert!(memory.get("open/A").is_some() && memory.get("open/B").is_none());
}

#[tokio::test]
async fn alert_groups_are_paged_by_number() {
    let (server, source) = grafana("silenced").await;
    let first = read_json(KIND, "oncall-api-alert-groups.json");
    Mock::given(path(GROUPS))
        .and(query_param("state", "new"))
        .and(query_param("page", "1"))
        .respond_with(answer(first))
        .with_priority(1)
        .mount(&server)
        .await;
    run(&*source, None, &mut Memory::default(), "2026-09-14T09:00:00Z").await;
    let asked = server.received_requests().await.expect("recorded");
    let new = asked.iter().filter(|request| parameter(request, "state").as_deref() == Some("new"));
    let pages = new.filter_map(|request| parameter(request, "page")).collect::<Vec<_>>();
    assert_eq!(pages, ["1", "2"]);
}

#[tokio::test]
async fn incidents_and_alert_groups_are_fetched_where_they_are() {
    let (server, source) = grafana("new").await;
    let one = read_json(KIND, "irm-webhook-incident-created.json")["incident"].clone();
    mount(&server, GET, answer(json!({ "incident": one }))).await;
    let group = read_json(KIND, "oncall-api-alert-groups.json")["results"][0].clone();
    mount(&server, "/api/v1/alert_groups/I6HNZGUFG4K11/", answer(group)).await;
    mount(&server, "/api/v1/teams/", answer(json!({"next": null, "results": [{"id": "T1"}]}))).await;
    let poller = source.poller().expect("configured");
    for id in ["219", "I6HNZGUFG4K11"] {
        let found = poller.fetch_incident(id, sample_now()).await.expect("answered").expect("known");
        assert_eq!(found.observations[0].provider_id(), id);
    }
    for id in ["am-0-0", "I0"] {
        assert_eq!(poller.fetch_incident(id, sample_now()).await.expect("answered"), None);
    }
    assert_eq!(catalogue_ids(&*source).await, (vec![], vec!["T1".to_owned()]));
}

#[tokio::test]
async fn trouble_says_what_to_do() {
    check_faults(
        KIND,
        limited(429, &[("retry-after", "7")], &Value::Null),
        Some(7),
        time("2026-09-14T09:00:00Z"),
    )
    .await;
    let refused = try_source(KIND, |config| {
        config.api_token = Some("token".into());
        config.options = options(json!({"oncall_url": "oncall"}));
    });
    assert!(refused.err().expect("refused").to_string().contains("`oncall_url`"));
}
