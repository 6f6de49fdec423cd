//! Dispatch: every case, restricted incidents, and the filter and pages of a poll.

use crate::sources::tests::prelude::*;

const KIND: &str = "dispatch";

fn push(body: &Value, memory: &mut Memory) -> crate::sources::Findings {
    let body = serde_json::to_vec(body).expect("JSON");
    let source = sample_source(KIND, None);
    source.parse(&verified(&[], &body, sample_now()), memory).expect("mappable")
}

#[tokio::test]
async fn every_case_of_the_samples_holds() {
    for (file, expect) in cases(KIND) {
        let sample = read_json(KIND, &file);
        match expect["action"].as_str().expect("action") {
            "poll_page" => {
                let server = tool(move |_| Some(sample.clone())).await;
                let source = sample_source(KIND, Some(&server.uri()));
                let (pages, _) = run(&*source, None, &mut Memory::default(), "2026-11-24T00:00:00Z").await;
                let told = pages[0].findings.incidents().collect::<Vec<_>>();
                assert_eq!(json!(told.len()), expect["count"], "{file}");
                let statuses = told.iter().map(|incident| incident.status.as_str()).collect::<Vec<_>>();
                assert_eq!(json!(statuses), expect["statuses"], "{file}");
                let severities = told.iter().map(|incident| incident.severity.as_str()).collect::<Vec<_>>();
                assert_eq!(json!(severities), expect["severities"], "{file}");
                assert_eq!(json!(told[0].components), expect["components"][0], "{file}");
            }
            "upsert" => {
                let found = push(&sample, &mut Memory::default());
                let State::Present(entity) = &found.observations[1].state else { panic!("gone") };
                let Entity::Review(review) = &**entity else { panic!("no review") };
                assert_eq!(
                    (review.status.as_str(), review.incidents.as_slice()),
                    ("completed", &["40".to_owned()][..])
                );
                assert_eq!(review.url, "https://docs.example.com/d/abc");
            }
            other => panic!("{file}: unknown action {other}"),
        }
    }
}

#[test]
fn a_restricted_incident_leaves_jira_with_its_review_and_comes_back_when_it_is_open() {
    let mut sample = read_json(KIND, "rest-incident-with-review.json");
    let mut memory = Memory::default();
    sample["visibility"] = json!("Restricted");
    let gone = push(&sample, &mut memory).observations;
    assert_eq!(gone.iter().map(Observation::provider_id).collect::<Vec<_>>(), ["40", "review:7"]);
    assert!(gone.iter().all(|observation| matches!(observation.state, State::Deleted { .. })));
    assert!(push(&sample, &mut memory).ignored.is_some(), "once is enough");
    sample["visibility"] = json!("Open");
    assert_eq!(push(&sample, &mut memory).observations.len(), 2);
}

#[tokio::test]
async fn a_run_asks_for_what_changed_since_the_last_one_page_by_page() {
    let server = tool(|request| {
        let page =
            request.url.query_pairs().find(|(name, _)| name == "page").map(|(_, page)| page.into_owned());
        match request.url.path() {
            "/projects" => {
                Some(json!({ "items": [{ "id": 1, "name": "default", "display_name": "Default" }] }))
            }
            "/incidents" => {
                let incident = json!({ "id": page.expect("sent"), "title": "x", "status": "Active" });
                Some(json!({ "total": 101, "items": [incident] }))
            }
            "/incidents/40" => Some(read_json(KIND, "rest-incident-with-review.json")),
            _ => None,
        }
    })
    .await;
    let source = sample_source(KIND, Some(&server.uri()));
    let mut memory = Memory::default();
    let (pages, cursor) = run(&*source, None, &mut memory, "2026-11-24T00:00:00Z").await;
    let ids =
        pages.iter().flat_map(|page| page.findings.incidents()).map(|incident| incident.provider_id.as_str());
    assert_eq!((ids.collect::<Vec<_>>(), pages[0].total), (vec!["1", "2"], Some(101)));
    run(&*source, Some(cursor), &mut memory, "2026-11-24T00:05:00Z").await;
    let filter = |since: &str| {
        format!(
            "filter=[{{\"field\":\"updated_at\",\"model\":\"Incident\",\"op\":\">=\",\"value\":\"{since}\"}}]"
        )
    };
    let order = "itemsPerPage=100&sortBy[]=updated_at&descending[]=true";
    let expected =
        [("2026-08-25T23:50:00.000", 1), ("2026-08-25T23:50:00.000", 2), ("2026-11-23T23:50:00.000", 1)]
            .map(|(since, page)| format!("/incidents?page={page}&{order}&{}", filter(since)));
    assert_eq!(asked(&server, "Bearer token").await[..3], expected);
    assert_eq!(catalogue_ids(&*source).await.1, ["1"]);
    let poller = source.poller().expect("configured");
    let found = poller.fetch_incident("40", sample_now()).await.expect("answered").expect("known");
    assert_eq!(incident(&found.observations[0]).status.as_str(), "resolved");
    let gone = poller.fetch_incident("7", sample_now()).await.expect("answered").expect("told");
    assert!(matches!(gone.observations[0].state, State::Deleted { .. }));
}

#[tokio::test]
async fn trouble_says_what_to_do() {
    check_faults(KIND, limited(429, &[("retry-after", "30")], &Value::Null), Some(30), sample_now()).await;
}

#[test]
fn a_token_without_an_address_is_refused() {
    let refused = try_source(KIND, |config| config.api_token = Some("token".into()));
    assert!(refused.err().expect("refused").to_string().contains("api_url"));
}
