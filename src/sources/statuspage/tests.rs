//! What only Statuspage does: secret addresses, maintenance, postmortems and their drafts, and several pages.

use wiremock::{MockServer, ResponseTemplate};

use crate::domain::{EntityKind, PostIncidentReview, Severity};
use crate::sources::tests::prelude::*;
use crate::sources::{Cursor, Findings, PollError, Rejection};

const NAME: &str = "statuspage";
const INCIDENT: &str = "z3lct0r596n4";
const PAGE: &str = "jb7j80lkgqvb";

fn parse(source: &dyn Source, body: &Value) -> Findings {
    let webhook = verified(&[], body.to_string().as_bytes(), sample_now());
    source.inspect(&webhook).expect("mappable");
    source.parse(&webhook, &mut Memory::default()).expect("mappable")
}

fn reviews(found: &Findings) -> Vec<(&PostIncidentReview, i64)> {
    let review = |observation: &'_ Observation| observation.kind() == EntityKind::Review;
    let found = found.observations.iter().filter(|observation| review(observation));
    let found = found.filter_map(|observation| match &observation.state {
        State::Present(entity) => match &**entity {
            Entity::Review(review) => Some((review, observation.sequence)),
            _ => None,
        },
        State::Deleted { .. } => None,
    });
    found.collect()
}

/// One page with these unresolved and newest incidents, and a draft for the incident of the samples.
async fn statuspage(
    unresolved: impl Fn() -> Value + Send + Sync + 'static,
    newest: Value,
) -> (wiremock::MockServer, Arc<dyn Source>) {
    let incidents = format!("/pages/{PAGE}/incidents");
    let server = tool(move |request| {
        let place = request.url.path();
        match place.strip_prefix(incidents.as_str()) {
            Some("/unresolved") => Some(unresolved()),
            Some("") => Some(newest.clone()),
            Some(rest) if rest == format!("/{INCIDENT}/postmortem") => {
                Some(read_json(NAME, "rest-postmortem-draft.json"))
            }
            Some(rest) if rest == format!("/{INCIDENT}") => Some(sample(0)),
            None if place == "/pages" => Some(read_json(NAME, "rest-pages-list.json")),
            None if place.ends_with("/components") => Some(read_json(NAME, "rest-components-list.json")),
            Some(_) | None => None,
        }
    })
    .await;
    let source = sample_source(NAME, Some(&server.uri()));
    (server, source)
}

fn sample(index: usize) -> Value {
    read_json(NAME, "rest-incidents-list.json")[index].clone()
}

fn resolved() -> Value {
    let mut incident = sample(0);
    incident["status"] = json!("resolved");
    incident["resolved_at"] = json!("2026-09-14T09:00:00.000Z");
    incident
}

#[tokio::test]
async fn every_sample_means_what_its_case_says() {
    for (file, expect) in cases(NAME) {
        let body = read_json(NAME, &file);
        let (_server, source) = statuspage(|| json!([]), json!([resolved()])).await;
        let poller = source.poller().expect("configured");
        match expect["action"].as_str().expect("action") {
            "upsert" => {
                let found = parse(&*source, &body);
                check_incident(&found.observations[0], &expect, &file);
                let reviews = reviews(&found).iter().map(|(r, _)| r.status.as_str()).collect::<Vec<_>>();
                let expected = expect["review_status"].as_str().into_iter().collect::<Vec<_>>();
                assert_eq!(reviews, expected, "{file}");
            }
            "refresh_components" => assert!(parse(&*source, &body).refresh_catalogue, "{file}"),
            "skip_maintenance" => {
                let found = parse(&*source, &body);
                assert!(found.ignored.is_some() && found.observations.is_empty(), "{file}");
            }
            "poll_page" => {
                let (_server, source) = statuspage(|| json!([]), body.clone()).await;
                let mut memory = Memory::default();
                let (pages, _) = run(&*source, None, &mut memory, "2026-09-15T12:00:00Z").await;
                for (i, expected) in expect["incidents"].as_array().expect("incidents").iter().enumerate() {
                    check_incident(&pages[1].findings.observations[i], expected, &file);
                }
            }
            "containers" => {
                let found = poller.catalogue(sample_now()).await.expect("answered").components;
                assert_eq!(json!(found.iter().map(|c| &c.provider_id).collect::<Vec<_>>()), expect["ids"]);
            }
            "workspaces" => {
                let found = poller.catalogue(sample_now()).await.expect("answered").workspaces;
                assert_eq!(json!(found.iter().map(|w| &w.provider_id).collect::<Vec<_>>()), expect["ids"]);
                assert_eq!(found[0].url, "https://status.example.com");
            }
            "review" => {
                let (pages, _) = run(&*source, None, &mut Memory::default(), "2026-09-15T12:00:00Z").await;
                let found = reviews(&pages[1].findings);
                assert_eq!(json!(found[0].0.status.as_str()), expect["review_status"]);
                assert_eq!(json!(found[0].1), expect["seq"]);
                assert_eq!(found[0].0.provider_id, format!("{INCIDENT}-postmortem"));
                assert_eq!(
                    (found[0].0.description.as_str(), &found[0].0.incidents[0]),
                    ("## Draft", &INCIDENT.into())
                );
            }
            "backoff" => {
                check_faults(NAME, limited(420, &[], &body), None, sample_now()).await;
                let blind =
                    fault(NAME, ResponseTemplate::new(200).set_body_json(json!([])), sample_now()).await;
                assert!(matches!(blind, PollError::Refused { .. }), "{blind:?}");
                let limit = fault(NAME, ResponseTemplate::new(429), sample_now()).await;
                assert!(matches!(limit, PollError::Retry { .. }), "{limit:?}");
            }
            other => panic!("{file}: unknown action {other}"),
        }
    }
}

#[test]
fn only_the_secret_address_or_credential_opens() {
    let source = sample_source(NAME, None);
    let verify = |headers: &[(&str, &str)], token: Option<&str>| {
        let mut webhook = inbound(headers, b"{}", sample_now());
        webhook.path_token = token.map(str::to_owned);
        source.verify(webhook)
    };
    assert_eq!(verify(&[], Some("t0k3n")).expect("verified").verified_by, "webhook_token");
    assert!(verify(&[("authorization", "Bearer t0k3n")], None).is_ok());
    for token in [None, Some(""), Some("t0k3"), Some("T0K3N")] {
        assert!(matches!(verify(&[], token), Err(Rejection::Unauthorized(_))), "{token:?}");
    }
}

#[test]
fn the_override_of_impact_and_the_operators_words_come_first() {
    let mut body = read_json(NAME, "webhook-incident-created.json");
    body["incident"]["impact_override"] = json!("critical");
    let severity = |source: &dyn Source| incident(&parse(source, &body).observations[0]).severity;
    assert_eq!(severity(&*sample_source(NAME, None)), Severity::P1);
    let source = source(NAME, |config| {
        config.severity.insert("critical".into(), Severity::P3);
    });
    assert_eq!(severity(&*source), Severity::P3);
}

#[test]
fn foreign_pages_and_declined_postmortems_are_left_out() {
    let pages = |id: &str| source(NAME, |config| config.options = options(json!({ "page_ids": [id] })));
    let mut body = read_json(NAME, "webhook-incident-postmortem.json");
    assert!(parse(&*pages("other"), &body).ignored.is_some());
    assert_eq!(parse(&*pages(PAGE), &body).observations.len(), 2);
    body["incident"]["postmortem_ignored"] = json!(true);
    assert_eq!(parse(&*pages(PAGE), &body).observations.len(), 1);
}

#[test]
fn a_webhook_may_count_only_as_a_hint() {
    let confirming = |token: Option<&str>| {
        try_source(NAME, |config| {
            config.api_token = token.map(Into::into);
            config.options = options(json!({"confirm_webhooks": true}));
        })
    };
    assert!(confirming(None).err().expect("refused").to_string().contains("api_token"));
    let found =
        parse(&*confirming(Some("k")).expect("built"), &read_json(NAME, "webhook-incident-created.json"));
    assert_eq!((found.refetch, found.observations.len()), (vec![INCIDENT.to_owned()], 0));
}

#[tokio::test]
async fn a_full_and_a_later_run_notice_what_is_unresolved_no_more() {
    let open = Arc::new(std::sync::Mutex::new(json!([sample(0)])));
    let shown = Arc::clone(&open);
    let mut old = sample(1);
    old["id"] = json!("old");
    old["created_at"] = json!("2026-01-01T00:00:00.000Z");
    let newest = json!([sample(1), old]);
    let (server, source) = statuspage(move || shown.lock().expect("held").clone(), newest).await;
    let mut memory = Memory::default();
    let (pages, cursor) = run(&*source, None, &mut memory, "2026-10-15T00:00:00Z").await;
    let ids = pages.iter().flat_map(|page| &page.findings.observations).map(Observation::provider_id);
    assert_eq!(ids.collect::<Vec<_>>(), [INCIDENT, "y2kbt9q485m3"]);
    assert_eq!(cursor, Cursor(json!({"phase": "idle", "since": "2026-10-15T00:00:00Z"})));
    assert!(pages.iter().all(|page| page.findings.refetch.is_empty()));
    let expected = [
        "/pages?per_page=100&page=1".to_owned(),
        format!("/pages/{PAGE}/incidents/unresolved?per_page=100&page=1"),
        format!("/pages/{PAGE}/incidents?limit=100&page=1"),
    ];
    assert_eq!(asked(&server, "OAuth token").await, expected);

    *open.lock().expect("held") = json!([]);
    let (pages, _) = run(&*source, Some(cursor), &mut memory, "2026-10-15T00:05:00Z").await;
    assert_eq!(pages.last().expect("a page").findings.refetch, [INCIDENT]);
    assert_eq!(asked(&server, "OAuth token").await[3..], expected);
}

#[tokio::test]
async fn after_a_month_without_a_run_everything_since_then_is_read() {
    // Each page of a hundred is a month older than the one before.
    let server = tool(|request| {
        let number = parameter(request, "page").and_then(|page| page.parse::<u32>().ok()).unwrap_or(1);
        let entry = |n: u32| {
            let at = format!("2026-{:02}-10T00:00:00Z", 11 - number);
            json!({"id": format!("{number}-{n}"), "status": "resolved", "created_at": at, "updated_at": at})
        };
        match request.url.path() {
            "/pages" => Some(json!([{"id": PAGE}])),
            place if place.ends_with("/unresolved") => Some(json!([])),
            _ => Some((0..100).map(entry).collect()),
        }
    })
    .await;
    let source = sample_source(NAME, Some(&server.uri()));
    let idle = Cursor(json!({"phase": "idle", "since": "2026-09-20T00:00:00Z"}));
    let (pages, _) = run(&*source, Some(idle), &mut Memory::default(), "2026-10-15T00:00:00Z").await;
    assert_eq!(pages.iter().map(|page| page.findings.observations.len()).sum::<usize>(), 200);
}

#[tokio::test]
async fn a_draft_that_may_not_be_read_holds_up_no_incident() {
    let server = MockServer::start().await;
    mount(&server, "/pages", answer(json!([{"id": PAGE}]))).await;
    mount(&server, &format!("/pages/{PAGE}/incidents/unresolved"), answer(json!([]))).await;
    mount(&server, &format!("/pages/{PAGE}/incidents"), answer(json!([resolved()]))).await;
    mount(&server, &format!("/pages/{PAGE}/incidents/{INCIDENT}/postmortem"), ResponseTemplate::new(403))
        .await;
    let source = sample_source(NAME, Some(&server.uri()));
    let (pages, _) = run(&*source, None, &mut Memory::default(), "2026-09-15T00:00:00Z").await;
    assert_eq!(pages[1].findings.observations.len(), 1);
}

#[tokio::test]
async fn one_incident_is_fetched_with_its_draft_or_told_as_deleted() {
    let (_server, source) = statuspage(|| json!([]), json!([])).await;
    let poller = source.poller().expect("configured");
    let found = poller.fetch_incident(INCIDENT, sample_now()).await.expect("answered").expect("known");
    assert_eq!(incident(&found.observations[0]).components, ["zvdm6f7gf76j"]);
    let gone = poller.fetch_incident("gone", sample_now()).await.expect("answered").expect("told");
    assert!(matches!(gone.observations[0].state, State::Deleted { .. }));
}

/// What becomes of the reviews when these are told one after another: the review's status, or `None` for a deletion.
fn tell_reviews(source: &dyn Source, memory: &mut Memory, told: &[Value]) -> Vec<Option<String>> {
    let mut all = Vec::new();
    for incident in told {
        let body = json!({ "page": { "id": PAGE }, "incident": incident }).to_string();
        let webhook = verified(&[], body.as_bytes(), sample_now());
        let key = source.recall(&webhook);
        assert_eq!(key, [format!("published/{INCIDENT}")]);
        let found = source.parse(&webhook, memory).expect("mappable");
        let reviews = found.observations.iter().filter(|it| it.kind() == EntityKind::Review);
        all.extend(reviews.map(|it| match &it.state {
            State::Present(entity) => match &**entity {
                Entity::Review(review) => Some(review.status.as_str().to_owned()),
                other => panic!("{other:?}"),
            },
            State::Deleted { provider_id, .. } => {
                assert_eq!(provider_id, &format!("{INCIDENT}-postmortem"));
                None
            }
        }));
    }
    all
}

fn told(published_at: Value, updated_at: &str) -> Value {
    let mut incident = resolved();
    incident["postmortem_published_at"] = published_at;
    incident["postmortem_body"] = json!("We fixed it.");
    incident["updated_at"] = json!(updated_at);
    incident
}

#[test]
fn a_postmortem_that_is_withdrawn_or_declined_leaves_jira() {
    let source = sample_source(NAME, None);
    let published = told(json!("2026-09-15T10:00:00.000Z"), "2026-09-15T10:00:01.000Z");
    let withdrawn = told(Value::Null, "2026-09-15T11:00:00.000Z");
    let completed = Some("completed".to_owned());
    let all = [published.clone(), withdrawn.clone(), withdrawn.clone(), published.clone()];
    let memory = &mut Memory::default();
    assert_eq!(tell_reviews(&*source, memory, &all), [completed.clone(), None, completed.clone()]);
    let mut declined = published.clone();
    declined["postmortem_ignored"] = json!(true);
    assert_eq!(tell_reviews(&*source, memory, &[declined]), [None]);
    // Neither a late webhook nor one that leaves the field out withdraws anything.
    let late = told(Value::Null, "2026-09-15T09:00:00.000Z");
    let mut silent = withdrawn;
    silent.as_object_mut().expect("an object").remove("postmortem_published_at");
    assert_eq!(tell_reviews(&*source, memory, &[published, late, silent]), [completed]);
}

#[tokio::test]
async fn a_poll_notices_that_a_postmortem_was_withdrawn_and_shows_the_draft_again() {
    let withdrawn = told(Value::Null, "2026-09-15T11:00:00.000Z");
    let (_server, source) = statuspage(|| json!([]), json!([withdrawn])).await;
    let mut memory = Memory::default();
    tell_reviews(
        &*source,
        &mut memory,
        &[told(json!("2026-09-15T10:00:00.000Z"), "2026-09-15T10:00:01.000Z")],
    );
    let (pages, _) = run(&*source, None, &mut memory, "2026-09-15T12:00:00Z").await;
    let of_review = |it: &&Observation| it.kind() == EntityKind::Review;
    let reviews =
        pages.iter().flat_map(|page| &page.findings.observations).filter(of_review).collect::<Vec<_>>();
    assert_eq!(reviews.len(), 2, "{reviews:?}");
    assert!(matches!(reviews[0].state, State::Deleted { .. }));
    assert!(matches!(reviews[1].state, State::Present(_)), "the draft");
    assert!(reviews[1].event_time >= reviews[0].event_time);
}
