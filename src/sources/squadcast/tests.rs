//! Squadcast: every case, severities by priority and tag, and a run over teams with a bought token.

use wiremock::matchers::{header, path, query_param};
use wiremock::{Mock, MockServer};

use crate::domain::Severity;
use crate::sources::tests::prelude::*;

const KIND: &str = "squadcast";
const TEAM: &str = "6196371cda7b4ab764b13a1f";
const ID: &str = "633e670ae998089239c9f293";
const NOW: &str = "2026-11-24T00:00:00Z";

fn parse(source: &dyn Source, body: &Value) -> crate::sources::Findings {
    let webhook = verified(&[], body.to_string().as_bytes(), sample_now());
    source.inspect(&webhook).expect("mappable");
    source.parse(&webhook, &mut Memory::default()).expect("mappable")
}

fn exported(file: &str) -> Value {
    read_json(KIND, file)["data"]["resource_data"].clone()
}

/// One team with these incidents in its export.
async fn squadcast(export: Value) -> (MockServer, Arc<dyn Source>) {
    let server = MockServer::start().await;
    Mock::given(path("/oauth/access-token"))
        .and(header("x-refresh-token", "token"))
        .respond_with(answer({
            let mut token = read_json(KIND, "rest-access-token.json");
            token["data"]["expires_at"] = json!(4_102_444_800_i64);
            token
        }))
        .mount(&server)
        .await;
    for (place, body) in [
        ("/v3/incidents/export", export),
        ("/v3/incidents/postmortem", read_json(KIND, "rest-postmortems.json")),
        ("/v3/services", read_json(KIND, "rest-services.json")),
    ] {
        let team = Mock::given(path(place)).and(query_param("owner_id", TEAM));
        team.and(header("authorization", "Bearer eyJhbGciOi.example.token"))
            .respond_with(answer(body))
            .mount(&server)
            .await;
    }
    mount(&server, "/v3/teams", answer(read_json(KIND, "rest-teams.json"))).await;
    let resolved = json!({ "data": exported("webhook-official-incident-resolved.json") });
    mount(&server, &format!("/v3/incidents/{ID}"), answer(resolved)).await;
    let source = sample_source(KIND, Some(&server.uri()));
    (server, source)
}

#[tokio::test]
async fn every_sample_means_what_its_case_says() {
    for (file, expect) in cases(KIND) {
        let (server, source) = squadcast(json!([])).await;
        match expect["action"].as_str().expect("action") {
            "upsert" => {
                check_incident(&parse(&*source, &read_json(KIND, &file)).observations[0], &expect, &file);
            }
            "ack_ignore" => {
                let found = parse(&*source, &read_json(KIND, &file));
                assert!(found.ignored.is_some() && found.observations.is_empty(), "{file}");
            }
            "token" => {
                catalogue_ids(&*source).await;
                catalogue_ids(&*source).await;
                let asked = server.received_requests().await.expect("recorded");
                let bought = asked.iter().filter(|r| r.url.path() == "/oauth/access-token").count();
                assert_eq!(bought, 1, "a token is used until its end");
            }
            "workspaces" => assert_eq!(json!(catalogue_ids(&*source).await.1), expect["workspace_ids"]),
            "containers" => assert_eq!(json!(catalogue_ids(&*source).await.0), expect["component_ids"]),
            "reviews" => {
                let (pages, _) = run(&*source, None, &mut Memory::default(), NOW).await;
                let told = pages.iter().flat_map(|page| &page.findings.observations).collect::<Vec<_>>();
                assert_eq!(told.len(), 1, "once, with the last export");
                let State::Present(entity) = &told[0].state else { panic!("gone") };
                let Entity::Review(review) = &**entity else { panic!("no review") };
                assert_eq!(json!([review.status.as_str()]), expect["statuses"]);
                assert_eq!(review.incidents, [ID]);
            }
            other => panic!("{file}: unknown action {other}"),
        }
    }
}

#[test]
fn a_severity_counts_by_priority_then_tag_and_the_operators_words_come_first() {
    let source = source(KIND, |config| config.severity = [("p2".to_owned(), Severity::P4)].into());
    for (priority, tags, level) in [
        (json!("P1"), json!({"severity": {"value": "P3"}}), Severity::P1),
        (json!("UNSET"), json!({"severity": {"value": "P3"}}), Severity::P3),
        (json!("P2"), json!(null), Severity::P4),
        (json!(null), json!({"other": {"value": "P3"}}), Severity::Unknown),
    ] {
        let mut body = read_json(KIND, "webhook-priority-present.json");
        body["data"]["resource_data"]["priority"] = priority.clone();
        body["data"]["resource_data"]["tags"] = tags;
        assert_eq!(incident(&parse(&*source, &body).observations[0]).severity, level, "{priority}");
    }
}

#[tokio::test]
async fn a_run_reads_each_team_and_then_what_was_open_before() {
    let triggered = exported("webhook-official-incident-triggered.json");
    let (server, source) = squadcast(json!({ "incidents": [triggered] })).await;
    let mut memory = Memory::default();
    let (pages, cursor) = run(&*source, None, &mut memory, NOW).await;
    assert_eq!(incident(&pages[0].findings.observations[0]).workspaces, [TEAM]);
    let open = &pages.last().expect("pages").findings.observations;
    assert!(open.is_empty(), "what the export had is not asked for again");
    let asked = server.received_requests().await.expect("recorded");
    let exports = asked.iter().filter(|r| r.url.path() == "/v3/incidents/export").collect::<Vec<_>>();
    assert!(exports.iter().all(|r| parameter(r, "type").as_deref() == Some("json")));
    let times = |name: &str| exports.iter().filter_map(|r| parameter(r, name)).collect::<Vec<_>>();
    let (starts, ends) = (times("start_time"), times("end_time"));
    assert_eq!((starts.len(), starts[0].as_str()), (7, "2026-08-19T00:00:00Z"), "a fortnight each");
    assert_eq!((&starts[1..], ends[6].as_str()), (&ends[..6], "2026-11-24T00:00:00Z"), "and no gap");

    // Later it began too long ago for the export: it is asked for by its id, until it is over.
    let (server, source) = squadcast(json!([])).await;
    let (pages, cursor) = run(&*source, Some(cursor), &mut memory, "2026-12-24T00:00:00Z").await;
    let last = |pages: &[crate::sources::Page]| pages.last().expect("pages").findings.observations.clone();
    assert_eq!(incident(&last(&pages)[0]).status.as_str(), "resolved");
    let (pages, _) = run(&*source, Some(cursor), &mut memory, "2026-12-24T00:05:00Z").await;
    assert!(last(&pages).is_empty());
    let asked = server.received_requests().await.expect("recorded");
    let starts = asked.iter().filter_map(|r| parameter(r, "start_time")).collect::<Vec<_>>();
    let days = ["2026-11-17", "2026-12-01", "2026-12-15", "2026-12-17"];
    assert_eq!(starts, days.map(|day| format!("{day}T00:00:00Z")));
    let gone = source.poller().expect("configured").fetch_incident("gone", sample_now()).await;
    let gone = gone.expect("answered").expect("told");
    assert!(matches!(gone.observations[0].state, State::Deleted { .. }));
}

#[tokio::test]
async fn an_open_incident_that_may_not_be_read_keeps_no_other_from_being_read() {
    let (server, source) = squadcast(json!([])).await;
    mount(&server, "/v3/incidents/0-hidden", wiremock::ResponseTemplate::new(403)).await;
    let mut memory = Memory::default();
    for id in ["0-hidden", ID] {
        memory.set(format!("open/{id}"), "1");
    }
    let (pages, _) = run(&*source, None, &mut memory, NOW).await;
    assert_eq!(incident(&pages.last().expect("pages").findings.observations[0]).provider_id, ID);
    assert!(memory.get("open/0-hidden").is_some(), "it is asked for again");
}

#[tokio::test]
async fn postmortems_that_cannot_be_had_hold_up_no_incident() {
    let (server, source) = squadcast(json!([exported("webhook-official-incident-triggered.json")])).await;
    let reviews = Mock::given(path("/v3/incidents/postmortem"));
    reviews.respond_with(wiremock::ResponseTemplate::new(500)).with_priority(1).mount(&server).await;
    let (pages, _) = run(&*source, None, &mut Memory::default(), NOW).await;
    assert!(pages[..7].iter().all(|page| page.findings.observations.len() == 1));
}

#[tokio::test]
async fn a_polled_priority_counts_after_a_webhook_that_has_none() {
    let webhook = read_json(KIND, "webhook-official-incident-triggered.json");
    let mut polled = webhook["data"]["resource_data"].clone();
    polled["priority"] = json!("P1");
    let (_server, source) = squadcast(json!([polled])).await;
    let told = parse(&*source, &webhook).observations.remove(0);
    let mut memory = Memory::default();
    let (pages, _) = run(&*source, None, &mut memory, NOW).await;
    let polled = &pages[0].findings.observations[0];
    assert_eq!(incident(polled).severity, Severity::P1);
    assert!(polled.event_time > told.event_time, "or it would count as old");
    assert!(polled.sequence < time(NOW).timestamp_millis(), "its own date is the basis of its version");

    // The next webhook does not take it away again.
    let webhook = read(KIND, "webhook-official-incident-acknowledged.json");
    let webhook = verified(&[], &webhook, sample_now());
    assert!(source.recall(&webhook).iter().any(|key| memory.get(key).is_some()));
    let told = source.parse(&webhook, &mut memory).expect("mappable");
    assert_eq!(incident(&told.observations[0]).severity, Severity::P1);
    let mut resolved = exported("webhook-official-incident-resolved.json");
    resolved["priority"] = json!("P1");
    let (_server, source) = squadcast(json!([resolved])).await;
    run(&*source, None, &mut memory, NOW).await;
    assert_eq!(memory.with_prefix("priority/").count(), 0);
}

#[tokio::test]
async fn trouble_says_what_to_do() {
    check_faults(KIND, limited(429, &[("retry-after", "30")], &Value::Null), Some(30), time(NOW)).await;
}
