//! Zenduty: every case, a configured signature, severities, and a run over pages of a filter.

use wiremock::matchers::{body_partial_json, header, method, path, query_param};
use wiremock::{Mock, MockServer};

use crate::domain::Severity;
use crate::sources::kit::open_incidents::priority_key;
use crate::sources::tests::prelude::*;

const KIND: &str = "zenduty";
const TEAM: &str = "91fd3cc0-ebd6-43b8-aab3-67a05762ba0c";
const NOW: &str = "2026-11-24T00:00:00Z";

fn parse(source: &dyn Source, body: &Value) -> crate::sources::Findings {
    let webhook = verified(&[], body.to_string().as_bytes(), sample_now());
    source.inspect(&webhook).expect("mappable");
    source.parse(&webhook, &mut Memory::default()).expect("mappable")
}

/// The pages of the filter for what is open; nothing else was created lately.
async fn zenduty(open: &[Value]) -> (MockServer, Arc<dyn Source>) {
    let server = MockServer::start().await;
    let filter = |status: i64, page: usize, body: Value| {
        Mock::given(method("POST"))
            .and(path("/api/incidents/filter/"))
            .and(header("authorization", "Token token"))
            .and(query_param("page", page.to_string()))
            .and(query_param("page_size", "50"))
            .and(body_partial_json(json!({"status": status, "all_teams": 1})))
            .respond_with(answer(body))
            .mount(&server)
    };
    for (i, page) in open.iter().enumerate() {
        filter(-1, i + 1, page.clone()).await;
    }
    filter(0, 1, json!({"results": [], "next": null})).await;
    let teams = json!([{"unique_id": TEAM, "name": "Backend"}]);
    mount(&server, "/api/account/teams/", answer(teams)).await;
    let services = read_json(KIND, "rest-team-services.json");
    mount(&server, &format!("/api/account/teams/{TEAM}/services/"), answer(services)).await;
    let reviews = read_json(KIND, "rest-team-postmortems.json");
    mount(&server, &format!("/api/account/teams/{TEAM}/postmortem/"), answer(reviews)).await;
    let mut resolved = read_json(KIND, "rest-incidents-filter-page1.json")["results"][0].clone();
    resolved["status"] = json!(3);
    mount(&server, "/api/incidents/255/", answer(resolved)).await;
    let source = sample_source(KIND, Some(&server.uri()));
    (server, source)
}

fn last(file: &str) -> Value {
    let mut page = read_json(KIND, file);
    page["next"] = Value::Null;
    page
}

#[tokio::test]
async fn every_sample_means_what_its_case_says() {
    for (file, expect) in cases(KIND) {
        let (_server, source) = zenduty(&[json!({"results": []})]).await;
        match expect["action"].as_str().expect("action") {
            "upsert" => {
                let found = parse(&*source, &read_json(KIND, &file));
                check_incident(&found.observations[0], &expect, &file);
                assert_eq!(found.observations[0].sequence, sample_now().timestamp_millis(), "{file}");
                if let Some(url) = expect["url"].as_str() {
                    assert!(url.starts_with(&incident(&found.observations[0]).url), "{file}");
                }
            }
            "poll_page" => {
                let (_server, source) = zenduty(&[last(&file)]).await;
                let (pages, _) = run(&*source, None, &mut Memory::default(), NOW).await;
                assert_eq!(json!(pages[0].findings.observations.len()), expect["count"], "{file}");
                check_incident(&pages[0].findings.observations[0], &expect["first"], &file);
            }
            "containers" => {
                let (components, workspaces) = catalogue_ids(&*source).await;
                assert_eq!(json!(components), expect["component_ids"]);
                assert_eq!(workspaces, [TEAM]);
            }
            "reviews" => {
                let (pages, _) = run(&*source, None, &mut Memory::default(), NOW).await;
                let State::Present(entity) = &pages[2].findings.observations[0].state else { panic!("gone") };
                let Entity::Review(review) = &**entity else { panic!("no review") };
                assert_eq!(json!([review.status.as_str()]), expect["statuses"]);
                assert_eq!(review.incidents, ["U2gGkyJnLQLkX2zQnvkpLW"]);
            }
            other => panic!("{file}: unknown action {other}"),
        }
    }
}

#[test]
fn a_configured_signature_opens_and_nothing_else() {
    let vector = &vectors::vectors("generic", "hmac-vectors.json")[0];
    assert!(vector["config"]["header"].is_string(), "a signature");
    for (secret, opens) in [(vectors::secrets(vector), true), (vec!["nope".into()], false)] {
        let source = source(KIND, |config| {
            config.webhook_secrets = secret;
            config.options = options(json!({ "signature": vector["config"] }));
        });
        let verdict = source.verify(vectors::webhook(vector));
        assert_eq!(verdict.is_ok(), opens == (vector["expected"] == "valid"), "{verdict:?}");
        let plain = inbound(&[("authorization", "Bearer ")], b"{}", sample_now());
        assert!(source.verify(plain).is_err());
    }
}

#[test]
fn a_severity_counts_by_priority_then_urgency_and_the_operators_words_come_first() {
    let source = source(KIND, |config| config.severity = [("low".to_owned(), Severity::P5)].into());
    for (priority, urgency, level) in [
        (json!({"name": "SEV1"}), json!(0), Severity::P1),
        (json!({"name": "Someday"}), json!(1), Severity::P2),
        (json!(null), json!(0), Severity::P5),
        (json!(null), json!(null), Severity::Unknown),
    ] {
        let mut body = read_json(KIND, "webhook-triggered.json");
        body["payload"]["incident"]["team_priority_object"] = priority.clone();
        body["payload"]["incident"]["urgency"] = urgency;
        assert_eq!(incident(&parse(&*source, &body).observations[0]).severity, level, "{priority}");
    }
}

#[tokio::test]
async fn a_first_run_reads_every_page_and_a_later_one_fetches_what_is_open_no_more() {
    let pages =
        [read_json(KIND, "rest-incidents-filter-page1.json"), last("rest-incidents-filter-page2.json")];
    let (server, source) = zenduty(&pages).await;
    let mut memory = Memory::default();
    let (pages, cursor) = run(&*source, None, &mut memory, NOW).await;
    let seen = pages.iter().map(|page| page.findings.observations.len()).collect::<Vec<_>>();
    assert_eq!(seen, [2, 1, 0, 1]);
    let asked = server.received_requests().await.expect("recorded");
    let recent = serde_json::from_slice::<Value>(&asked[2].body).expect("JSON");
    let dates = json!({"status": 0, "all_teams": 1, "from_date": "2026-08-19", "to_date": "2026-11-25"});
    assert_eq!(recent, dates);

    let (_server, source) = zenduty(&[json!({"results": []})]).await;
    let (pages, _) = run(&*source, Some(cursor), &mut memory, "2026-11-24T00:05:00Z").await;
    let told = &pages[2].findings.observations;
    assert!(matches!(told[0].state, State::Deleted { .. }), "254 is no longer known");
    assert_eq!(incident(&told[1]).status.as_str(), "resolved");
}

#[tokio::test]
async fn a_reopened_incident_is_news_though_its_dates_go_back() {
    let mut open = last("rest-incidents-filter-page1.json");
    for incident in open["results"].as_array_mut().expect("results") {
        incident["resolved_date"] = Value::Null;
    }
    let (_server, source) = zenduty(&[open]).await;
    let mut times = Vec::new();
    for now in [NOW, "2026-11-24T00:05:00Z"] {
        let (pages, _) = run(&*source, None, &mut Memory::default(), now).await;
        let told = &pages[0].findings.observations[0];
        times.push(told.event_time);
        assert!(told.sequence < time(NOW).timestamp_millis(), "its own date is the basis of its version");
    }
    assert_eq!(times, [time(NOW), time("2026-11-24T00:05:00Z")]);
}

#[tokio::test]
async fn an_open_incident_that_may_not_be_read_keeps_no_other_from_being_read() {
    let (server, source) = zenduty(&[json!({"results": []})]).await;
    mount(&server, "/api/incidents/1/", wiremock::ResponseTemplate::new(403)).await;
    let mut memory = Memory::default();
    for (id, number) in [("a", "1"), ("b", "255")] {
        memory.set(format!("open/{id}"), "1");
        memory.set(format!("number/{id}"), number);
    }
    let (pages, _) = run(&*source, None, &mut memory, NOW).await;
    assert_eq!(incident(&pages[2].findings.observations[0]).status.as_str(), "resolved");
    assert_eq!(memory.with_prefix("open/").map(|(key, _)| key).collect::<Vec<_>>(), ["open/a"]);
}

#[tokio::test]
async fn a_polled_priority_stays_though_webhooks_have_none() {
    let body = read_json(KIND, "webhook-triggered.json");
    let mut open = last("rest-incidents-filter-page1.json");
    open["results"][0]["unique_id"] = body["payload"]["incident"]["unique_id"].clone();
    open["results"][0]["team_priority_object"] = json!({"name": "SEV1"});
    open["results"][0]["status"] = json!(1);
    let (_server, source) = zenduty(&[open.clone()]).await;
    let mut memory = Memory::default();
    run(&*source, None, &mut memory, NOW).await;
    let webhook = verified(&[], body.to_string().as_bytes(), sample_now());
    assert!(source.recall(&webhook).iter().any(|key| memory.get(key).is_some()));
    let told = source.parse(&webhook, &mut memory).expect("mappable");
    assert_eq!(incident(&told.observations[0]).severity, Severity::P1);

    open["results"][0]["status"] = json!(3);
    let (_server, source) = zenduty(&[open]).await;
    run(&*source, None, &mut memory, NOW).await;
    let key = priority_key(body["payload"]["incident"]["unique_id"].as_str().expect("an id"));
    assert_eq!(memory.get(&key), None);
}

#[tokio::test]
async fn postmortems_that_cannot_be_had_hold_up_no_incident() {
    let (server, source) = zenduty(&[last("rest-incidents-filter-page1.json")]).await;
    let reviews = Mock::given(path(format!("/api/account/teams/{TEAM}/postmortem/")));
    reviews.respond_with(wiremock::ResponseTemplate::new(500)).with_priority(1).mount(&server).await;
    let mut cursor = None;
    for now in [NOW, "2026-11-24T00:05:00Z"] {
        let (pages, next) = run(&*source, cursor, &mut Memory::default(), now).await;
        assert_eq!(pages[0].findings.observations.len(), 2, "{now}");
        cursor = Some(next);
    }
}

#[tokio::test]
async fn many_incidents_that_end_at_once_are_fetched_ten_by_ten() {
    let (server, source) = zenduty(&[json!({"results": []})]).await;
    let mut memory = Memory::default();
    for n in 10..35 {
        memory.set(format!("open/{n}"), "1");
        memory.set(format!("number/{n}"), n.to_string());
    }
    let (pages, _) = run(&*source, None, &mut memory, NOW).await;
    let told = pages[2..].iter().map(|page| page.findings.observations.len()).collect::<Vec<_>>();
    assert_eq!(told, [10, 10, 6], "five, and one postmortem");
    let asked = server.received_requests().await.expect("recorded");
    assert_eq!(asked.iter().filter(|r| r.url.path().ends_with("/postmortem/")).count(), 1);
    assert_eq!(memory.with_prefix("number/").count(), 0);
}

#[tokio::test]
async fn trouble_says_what_to_do() {
    check_faults(KIND, limited(429, &[("retry-after", "60")], &Value::Null), Some(60), time(NOW)).await;
}
