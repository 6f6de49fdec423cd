//! What only FireHydrant does: unsigned times, reviews by milestone, archived incidents, and its paging.

use crate::domain::EntityKind;
use crate::sources::Findings;
use crate::sources::tests::prelude::*;
use crate::sources::tests::vectors::{check, secrets, vectors, webhook};

const NAME: &str = "firehydrant";
const INCIDENT: &str = "7b0b6a0e-5a33-4a57-9d0e-4f6f2c9b1a01";

fn parse(source: &dyn Source, body: &Value) -> Findings {
    let webhook = verified(&[], body.to_string().as_bytes(), sample_now());
    source.inspect(&webhook).expect("mappable");
    source.parse(&webhook, &mut Memory::default()).expect("mappable")
}

fn review(found: &Findings) -> &crate::domain::PostIncidentReview {
    let reviews = found.observations.iter().find_map(|observation| match &observation.state {
        State::Present(entity) => match &**entity {
            Entity::Review(review) => Some(review),
            _ => None,
        },
        State::Deleted { .. } => None,
    });
    reviews.expect("a review")
}

/// FireHydrant with the samples; `milestone` is that of the first incident.
async fn firehydrant(milestone: &'static str) -> (wiremock::MockServer, Arc<dyn Source>) {
    let server = tool(move |request| {
        let parameter =
            |name: &str| request.url.query_pairs().find(|(n, _)| n == name).map(|(_, v)| v.into_owned());
        let empty = json!({"data": [], "pagination": {"next": null}});
        Some(match (request.url.path(), parameter("page").as_deref()) {
            ("/incidents", _) if parameter("archived").is_some() => {
                let mut page = read_json(NAME, "rest-incidents-page2.json");
                page["data"][0]["id"] = json!("archived");
                page["data"][0]["discarded_at"] = json!("2026-11-20T11:00:00.000Z");
                page
            }
            ("/incidents", Some("1")) => {
                let mut page = read_json(NAME, "rest-incidents-page1.json");
                page["data"][0]["current_milestone"] = json!(milestone);
                page
            }
            ("/incidents", _) => read_json(NAME, "rest-incidents-page2.json"),
            ("/post_mortems/reports", _) => read_json(NAME, "rest-post-mortem-reports.json"),
            ("/services", _) => read_json(NAME, "rest-services-page1.json"),
            ("/teams", _) => empty,
            (place, _) if place == format!("/incidents/{INCIDENT}") => {
                read_json(NAME, "rest-incidents-page1.json")["data"][0].clone()
            }
            _ => return None,
        })
    })
    .await;
    let source = sample_source(NAME, Some(&server.uri()));
    (server, source)
}

#[tokio::test]
async fn every_sample_means_what_its_case_says() {
    for (file, expect) in cases(NAME) {
        let sample = read_json(NAME, &file);
        match expect["action"].as_str().expect("action") {
            "upsert" => {
                let mut expect = expect.clone();
                let found = parse(&*sample_source(NAME, Some("https://api.example.com")), &sample);
                if expect["component_ids"] == json!(["<refetch or configured fallback>"]) {
                    assert_eq!(
                        found.refetch,
                        [incident(&found.observations[0]).provider_id.clone()],
                        "{file}"
                    );
                    expect["component_ids"] = json!([]);
                    assert!(parse(&*sample_source(NAME, None), &sample).refetch.is_empty());
                }
                check_incident(&found.observations[0], &expect, &file);
            }
            "ack_ignore" => {
                let found = parse(&*sample_source(NAME, None), &sample);
                assert!(found.ignored.is_some() && found.observations.is_empty(), "{file}");
            }
            "poll_page" => {
                let page = page_of(NAME, &sample).await;
                assert_eq!(json!(page.findings.observations.len()), expect["count"], "{file}");
                let goes_on = page.next.0["listing"] == 0;
                assert_eq!(goes_on, !expect["next_page"].is_null(), "{file}");
                if goes_on {
                    assert_eq!(page.next.0["page"], expect["next_page"].to_string(), "{file}");
                }
            }
            "containers" => {
                let (_server, source) = firehydrant("mitigated").await;
                let found =
                    source.poller().expect("configured").catalogue(sample_now()).await.expect("answered");
                let ids = found.components.iter().map(|c| c.provider_id.clone()).collect::<Vec<_>>();
                assert_eq!(json!(ids), expect["component_ids"], "{file}");
                assert_eq!(found.components[0].tier, Some(crate::domain::Tier::One));
            }
            "reviews" => {
                let (_server, source) = firehydrant("mitigated").await;
                let (pages, _) = run(&*source, None, &mut Memory::default(), "2026-11-22T00:00:00Z").await;
                let review = review(&pages[3].findings);
                assert_eq!(json!([review.status.as_str()]), expect["statuses"], "{file}");
                assert_eq!(review.incidents, [INCIDENT]);
            }
            "backoff" => {
                let fields = [("RateLimit-Limit", "50"), ("Retry-After", "7")];
                check_faults(
                    NAME,
                    limited(429, &fields, &sample["body"]),
                    expect["seconds"].as_u64(),
                    sample_now(),
                )
                .await;
            }
            other => panic!("{file}: unknown action {other}"),
        }
    }
}

#[test]
fn every_signature_gets_its_verdict() {
    for vector in vectors(NAME, "signature-vectors.json") {
        let source = source(NAME, |config| config.webhook_secrets = secrets(&vector));
        check(NAME, &vector, &*source);
        if vector["name"] == "valid-receiver-holds-two-secrets" {
            assert_eq!(source.verify(webhook(&vector)).expect("valid").verified_by, "webhook_secrets[1]");
        }
    }
}

#[test]
fn a_webhook_names_services_teams_and_only_wanted_functionalities() {
    let mut body = read_json(NAME, "webhook-incident-created.json");
    let impacts = body["data"]["incident"]["impacts"].as_array_mut().expect("impacts");
    impacts.push(json!({"type": "functionality", "impact": {"id": "f1", "name": "Login"}}));
    let found = parse(&*sample_source(NAME, None), &body);
    assert_eq!(incident(&found.observations[0]).components.len(), 1);
    assert_eq!(found.mentioned[0].name, "firehouse");
    assert_eq!(
        (found.workspaces[0].provider_id.as_str(), found.workspaces[0].name.as_str()),
        ("t-pay", "Payments")
    );
    assert_eq!(incident(&found.observations[0]).created_at, time("2026-11-20T09:59:40Z"));

    let source = source(NAME, |config| config.options = options(json!({"functionalities": true})));
    assert_eq!(incident(&parse(&*source, &body).observations[0]).components[1], "f1");
}

#[test]
fn the_operators_words_come_first_and_drills_have_no_severity() {
    use crate::domain::{IncidentStatus, Severity};
    let severity = |slug: Value, change: fn(&mut SourceConfig)| {
        let mut body = read_json(NAME, "webhook-incident-mitigated.json");
        body["data"]["incident"]["severity"] = slug;
        let found = parse(&*source(NAME, change), &body);
        let incident = incident(&found.observations[0]);
        (incident.severity, incident.status)
    };
    let plain = |slug: Value| severity(slug, |_| {}).0;
    assert_eq!(plain(json!({"slug": "SEV0"})), Severity::P1);
    assert_eq!(plain(json!("SEV4")), Severity::P4);
    assert_eq!(plain(json!({"slug": "GAMEDAY"})), Severity::Unknown);
    assert_eq!(plain(json!(null)), Severity::P1, "the priority counts when there is no severity");
    let told = severity(json!({"slug": "GAMEDAY"}), |config| {
        config.severity.insert("gameday".into(), Severity::P5);
        config.status.insert("mitigated".into(), IncidentStatus::Resolved);
    });
    assert_eq!(told, (Severity::P5, IncidentStatus::Resolved));
}

#[tokio::test]
async fn a_full_and_a_later_run_read_changes_archived_incidents_and_reviews() {
    let (server, source) = firehydrant("retrospective_completed").await;
    let mut memory = Memory::default();
    let (pages, cursor) = run(&*source, None, &mut memory, "2026-11-22T00:00:00Z").await;
    assert_eq!(pages[0].total, Some(2));
    assert_eq!(pages[0].findings.observations[0].event_time, time("2026-11-22T00:00:00Z"));
    assert_eq!(incident(&pages[0].findings.observations[0]).updated_at, time("2026-11-20T10:40:00Z"));
    let archived = &pages[2].findings.observations[0];
    assert_eq!((archived.kind(), archived.provider_id()), (EntityKind::Incident, "archived"));
    assert!(matches!(archived.state, State::Deleted { .. }));
    assert_eq!(review(&pages[3].findings).status.as_str(), "completed");
    assert_eq!(cursor.0["since"], "2026-11-22T00:00:00Z");

    let full = asked(&server, "Bearer token").await;
    assert_eq!(
        full,
        [
            "/incidents?updated_after=2026-08-23T23:50:00.000Z&per_page=200&page=1",
            "/incidents?updated_after=2026-08-23T23:50:00.000Z&per_page=200&page=2",
            "/incidents?updated_after=2026-08-23T23:50:00.000Z&per_page=200&page=1&archived=true",
            "/post_mortems/reports?updated_since=2026-08-24T00:00:00.000Z&per_page=200&page=1",
        ]
    );
    run(&*source, Some(cursor), &mut memory, "2026-11-22T00:05:00Z").await;
    let later = asked(&server, "Bearer token").await;
    assert_eq!(later[4], "/incidents?updated_after=2026-11-21T23:50:00.000Z&per_page=200&page=1");
}

#[tokio::test]
async fn an_organisation_without_retrospectives_still_reads_incidents_in_every_run() {
    let server = tool(|request| {
        let page = json!({"data": [{"id": "I1", "current_milestone": "started"}], "pagination": {}});
        (request.url.path() == "/incidents").then_some(page)
    })
    .await;
    let source = sample_source(NAME, Some(&server.uri()));
    let mut cursor = None;
    for now in ["2026-11-22T00:00:00Z", "2026-11-22T00:05:00Z"] {
        let (pages, next) = run(&*source, cursor, &mut Memory::default(), now).await;
        assert_eq!(pages[0].findings.observations[0].provider_id(), "I1", "{now}");
        cursor = Some(next);
    }
}

#[tokio::test]
async fn one_incident_is_fetched_or_found_missing() {
    let (_server, source) = firehydrant("mitigated").await;
    let poller = source.poller().expect("configured");
    let found = poller.fetch_incident(INCIDENT, sample_now()).await.expect("answered").expect("known");
    assert_eq!(incident(&found.observations[0]).components, ["355411a9-bbb0-4b58-ad2c-0257d8995f9d"]);
    assert_eq!(poller.fetch_incident("other", sample_now()).await.expect("answered"), None);
}
