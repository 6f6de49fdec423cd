//! What only Opsgenie does: alerts as incidents, Unix times of any unit, post-mortems by id, and how polling
//! notices what is no longer open.

use wiremock::Request;

use crate::domain::EntityKind;
use crate::sources::tests::prelude::*;
use crate::sources::tests::vectors::{check, vectors};
use crate::sources::{Cursor, Findings, Unmappable};

const NAME: &str = "opsgenie";
const INCIDENT: &str = "652f14b3-019a-4d4c-8b83-e4da527a416c";

fn alerts() -> Arc<dyn Source> {
    source(NAME, |config| config.options = options(json!({"alerts_as_incidents": true})))
}

fn parse(source: &dyn Source, body: &Value) -> Findings {
    let webhook = verified(&[], body.to_string().as_bytes(), sample_now());
    source.inspect(&webhook).expect("mappable");
    source.parse(&webhook, &mut Memory::default()).expect("mappable")
}

fn parameter(request: &Request, name: &str) -> String {
    let mut pairs = request.url.query_pairs();
    pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
}

/// Opsgenie with one open incident as `open` shows it, and one resolved.
async fn opsgenie(
    open: impl Fn() -> Option<Value> + Send + Sync + 'static,
) -> (wiremock::MockServer, Arc<dyn Source>) {
    let sample = read_json(NAME, "rest-incidents-list-page1.json");
    let server = tool(move |request| {
        let list = |entries: Vec<Value>| Some(json!({"data": entries, "paging": {}}));
        match (request.url.path(), parameter(request, "query").as_str()) {
            ("/v1/incidents", "status: open") => list(open().into_iter().collect()),
            ("/v1/incidents", "status: resolved") => list(vec![sample["data"][1].clone()]),
            ("/v1/incidents", _) => list(Vec::new()),
            ("/v1/services", _) => Some(read_json(NAME, "rest-services-list.json")),
            ("/v2/teams", _) => Some(read_json(NAME, "rest-teams-list.json")),
            ("/v2/postmortem/pm-1", _) => Some(read_json(NAME, "rest-postmortem-get.json")),
            (place, _) if place == format!("/v1/incidents/{INCIDENT}") => {
                Some(read_json(NAME, "rest-incident-get.json"))
            }
            _ => None,
        }
    })
    .await;
    let source = sample_source(NAME, Some(&server.uri()));
    (server, source)
}

fn sample_incident() -> Value {
    let mut incident = read_json(NAME, "rest-incidents-list-page1.json")["data"][0].clone();
    incident["extraProperties"] = json!({"postmortem": "https://acme.app.opsgenie.com/postmortem/pm-1/"});
    incident
}

#[tokio::test]
async fn every_sample_means_what_its_case_says() {
    for (file, expect) in cases(NAME) {
        let sample = read_json(NAME, &file);
        let (_server, plain) = opsgenie(|| Some(sample_incident())).await;
        let poller = plain.poller().expect("configured");
        match expect["action"].as_str().expect("action") {
            "alert_event" => {
                let mut expect = expect.clone();
                expect["status"] = expect["alert_status"].clone();
                check_incident(&parse(&*alerts(), &sample).observations[0], &expect, &file);
                assert!(parse(&*source(NAME, |_| {}), &sample).ignored.is_some(), "{file}");
            }
            "alert_event_no_state_change" => assert!(parse(&*alerts(), &sample).ignored.is_some(), "{file}"),
            "delete_or_ignore" => {
                let found = parse(&*alerts(), &sample);
                assert!(matches!(found.observations[0].state, State::Deleted { .. }), "{file}");
            }
            "poll_page" => {
                let page = page_of(NAME, &sample).await;
                for (i, expected) in expect["incidents"].as_array().expect("incidents").iter().enumerate() {
                    check_incident(&page.findings.observations[i], expected, &file);
                }
                assert_eq!((&page.next.0["listing"], &page.next.0["page"]), (&json!(0), &json!("2")));
            }
            "upsert" => {
                let found =
                    poller.fetch_incident(INCIDENT, sample_now()).await.expect("answered").expect("known");
                check_incident(&found.observations[0], &expect, &file);
            }
            "containers" => {
                let found = poller.catalogue(sample_now()).await.expect("answered").components;
                assert_eq!(json!(found.iter().map(|c| &c.provider_id).collect::<Vec<_>>()), expect["ids"]);
            }
            "workspaces" => {
                let found = poller.catalogue(sample_now()).await.expect("answered").workspaces;
                assert_eq!(json!(found.iter().map(|w| &w.provider_id).collect::<Vec<_>>()), expect["ids"]);
            }
            "review" => {
                let page = first_page(&*plain).await;
                let State::Present(entity) = &page.findings.observations[1].state else { panic!("{file}") };
                let Entity::Review(review) = &**entity else { panic!("{file}") };
                assert_eq!(json!(review.status.as_str()), expect["review_status"]);
                assert_eq!(json!(review.incidents), expect["reviews"]);
                assert_eq!(review.description, "A bad deploy raised error rates.");
            }
            "backoff" => {
                let fields = [("X-RateLimit-State", "THROTTLED"), ("X-RateLimit-Period-In-Sec", "60")];
                check_faults(
                    NAME,
                    limited(429, &fields, &sample),
                    expect["retry_after_s"].as_u64(),
                    sample_now(),
                )
                .await;
            }
            other => panic!("{file}: unknown action {other}"),
        }
    }
}

#[test]
fn every_secret_gets_its_verdict() {
    for vector in vectors(NAME, "auth-vectors.json") {
        let header = vector["configured"]["header"].as_str().expect("header");
        let value = vector["configured"]["value"].as_str().expect("value");
        let source = source(NAME, |config| {
            config.webhook_token = Some(value.strip_prefix("Bearer ").unwrap_or(value).into());
            if header != "Authorization" {
                config.options = options(json!({ "webhook_header": header }));
            }
        });
        check(NAME, &vector, &*source);
    }
}

#[test]
fn an_alert_reads_every_unit_of_time_and_every_spelling_of_a_priority() {
    for (number, instant) in [
        (json!(1_789_374_067_780_000_000_i64), "2026-09-14T08:21:07.780Z"),
        (json!("1789374067780000"), "2026-09-14T08:21:07.780Z"),
        (json!(1_789_374_067_780_i64), "2026-09-14T08:21:07.780Z"),
        (json!(1_789_374_067), "2026-09-14T08:21:07Z"),
    ] {
        let mut body = read_json(NAME, "webhook-alert-create.json");
        body["alert"]["updatedAt"] = number;
        assert_eq!(parse(&*alerts(), &body).observations[0].event_time, time(instant));
    }
    for (priority, level) in
        [(json!(3), "P3"), (json!("2"), "P2"), (json!(null), "unknown"), (json!("P9"), "unknown")]
    {
        let mut body = read_json(NAME, "webhook-alert-create.json");
        body["alert"]["priority"] = priority;
        assert_eq!(incident(&parse(&*alerts(), &body).observations[0]).severity.as_str(), level);
    }
}

#[test]
fn an_acknowledgement_shows_what_the_creation_showed_and_names_the_team() {
    let [created, acknowledged] = ["webhook-alert-create.json", "webhook-alert-acknowledge.json"]
        .map(|file| parse(&*alerts(), &read_json(NAME, file)));
    let (before, after) = (incident(&created.observations[0]), incident(&acknowledged.observations[0]));
    assert_eq!((&before.description, &before.components), (&after.description, &after.components));
    assert_eq!(created.mentioned[0].name, "payments");
    let nameless = verified(&[], br#"{"action":"Create","alert":{}}"#, sample_now());
    assert!(matches!(alerts().inspect(&nameless), Err(Unmappable::Incomplete(_))));
}

#[tokio::test]
async fn a_full_and_a_later_run_notice_what_is_open_no_more() {
    let open = Arc::new(std::sync::Mutex::new(Some(sample_incident())));
    let shown = Arc::clone(&open);
    let (server, source) = opsgenie(move || shown.lock().expect("held").clone()).await;
    let mut memory = Memory::default();
    let (pages, cursor) = run(&*source, None, &mut memory, "2026-09-15T00:00:00Z").await;
    assert_eq!(cursor.0["since"], "2026-09-15T00:00:00Z");
    assert!(pages.iter().all(|page| page.findings.refetch.is_empty()));
    assert!(memory.get(&format!("open/{INCIDENT}")).is_some());
    let list = |status: &str| {
        format!("/v1/incidents?query=status: {status}&sort=createdAt&order=desc&limit=100&offset=0")
    };
    let requests = asked(&server, "GenieKey token").await;
    assert_eq!(requests, [list("open"), "/v2/postmortem/pm-1?".to_owned(), list("resolved"), list("closed")]);

    *open.lock().expect("held") = None;
    let (pages, _) = run(&*source, Some(cursor), &mut memory, "2026-09-15T00:05:00Z").await;
    assert_eq!(pages[0].findings.refetch, [INCIDENT]);
    assert_eq!(memory.get(&format!("open/{INCIDENT}")), None);
}

#[tokio::test]
async fn a_post_mortem_that_cannot_be_had_holds_up_no_incident() {
    for status in [400, 403, 404, 422] {
        let server = wiremock::MockServer::start().await;
        mount(&server, "/v1/incidents", answer(json!({"data": [sample_incident()], "paging": {}}))).await;
        mount(&server, "/v2/postmortem/pm-1", wiremock::ResponseTemplate::new(status)).await;
        let source = sample_source(NAME, Some(&server.uri()));
        let (pages, _) = run(&*source, None, &mut Memory::default(), "2026-09-15T00:00:00Z").await;
        assert_eq!(pages[0].findings.observations.len(), 1, "{status}");
    }
}

#[tokio::test]
async fn the_first_run_walks_back_to_the_window_and_a_deleted_incident_is_told() {
    // Each page of resolved incidents is a month older than the one before.
    let server = tool(|request| {
        if parameter(request, "query") != "status: resolved" {
            return (request.url.path() == "/v1/incidents").then(|| json!({"data": []}));
        }
        let month = 9 - parameter(request, "offset").parse::<u32>().expect("a number");
        let at = format!("2026-{month:02}-10T00:00:00Z");
        Some(json!({"paging": {"next": "x"}, "data": [
            {"id": month.to_string(), "status": "resolved", "createdAt": at, "updatedAt": at}
        ]}))
    })
    .await;
    let source = sample_source(NAME, Some(&server.uri()));
    let (pages, _) = run(&*source, None, &mut Memory::default(), "2026-09-15T00:00:00Z").await;
    let ids = pages.iter().flat_map(|page| &page.findings.observations).map(Observation::provider_id);
    assert_eq!(ids.collect::<Vec<_>>(), ["9", "8", "7"]);
    // After a month without a run, everything since then is read, and a page as it is.
    let since = Cursor::of(&json!({"started": null, "since": time("2026-07-20T00:00:00Z"), "listing": 0}));
    let (pages, _) = run(&*source, Some(since), &mut Memory::default(), "2026-09-15T00:00:00Z").await;
    let ids = pages.iter().flat_map(|page| &page.findings.observations).map(Observation::provider_id);
    assert_eq!(ids.collect::<Vec<_>>(), ["9", "8", "7"]);
    let found = source.poller().expect("configured").fetch_incident("gone", sample_now()).await;
    let found = found.expect("answered").expect("told");
    assert!(matches!(&found.observations[0].state, State::Deleted { kind: EntityKind::Incident, .. }));
}
