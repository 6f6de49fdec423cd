//! From nothing to a working source, without reading a page: what `sources` prints, tests and advises.

use std::path::Path;

use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::harness::pagerduty::{incident, sign, triggered};
use crate::harness::place::{Place, Said, command};
use crate::harness::program::eventually;
use crate::harness::start_time;
use crate::poll::{page, start_pagerduty};

/// The place's configuration with one change.
fn rewrite(place: &Place, from: &str, to: &str) {
    let text = std::fs::read_to_string(&place.file).expect("it reads");
    assert!(text.contains(from), "{text}");
    std::fs::write(&place.file, text.replace(from, to)).expect("the folder is writable");
}

fn give_api(place: &Place, server: &MockServer) {
    let kind = "type = \"pagerduty\"\n";
    rewrite(place, kind, &format!("{kind}api_token = \"rest-token\"\napi_url = \"{}\"\n", server.uri()));
}

async fn run(arguments: &[&str], file: &Path) -> Said {
    command(arguments, Some(file)).await
}

#[tokio::test]
async fn every_type_is_listed_with_what_it_brings() {
    for arguments in [&["sources"][..], &["sources", "list"]] {
        let said = command(arguments, None).await;
        let line = said.out.lines().find(|line| line.starts_with("incident_io ")).expect("a line for it");
        assert!(line.contains("incident.io") && line.ends_with("webhooks, polling, reviews"), "{line}");
    }
    let said = command(&["sources", "--json"], None).await;
    let all: Value = serde_json::from_str(&said.out).expect("it prints JSON");
    let generic = all.as_array().expect("a list").iter().find(|it| it["name"] == "generic");
    let generic = generic.expect("it is listed");
    assert_eq!(
        (&generic["gives"], &generic["page"]),
        (&json!(["webhooks"]), &json!("docs/sources/generic.md"))
    );
    assert!(!said.out.contains("klaxon"), "the example is for tests only");
}

#[tokio::test]
async fn what_is_shown_of_a_type_can_be_added_to_a_configuration() {
    let place = Place::new();
    let shown = run(&["sources", "show", "pagerduty"], &place.file).await;
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert!(shown.out.contains(&format!("{}/webhooks/pd", place.base_url)), "{shown:?}");
    assert!(shown.out.contains("# required for webhooks") && shown.out.contains("# urgency_severity = true"));
    let folder = place.folder.path().display();
    std::fs::write(place.folder.path().join("pagerduty.secrets"), "secret").expect("writable");
    std::fs::write(place.folder.path().join("pagerduty.token"), "token").expect("writable");
    let block =
        shown.out.replace("\"pagerduty.", &format!("\"{folder}/pagerduty.")).replace("\"pd\"", "\"second\"");
    let text = std::fs::read_to_string(&place.file).expect("it reads");
    std::fs::write(&place.file, format!("{text}\n{block}")).expect("the folder is writable");
    let checked = run(&["config", "check"], &place.file).await;
    assert!(checked.out.contains("second (pagerduty)"), "{checked:?}");
    let shown = run(&["sources", "show", "pagerduty", "--json"], &place.file).await;
    let shown: Value = serde_json::from_str(&shown.out).expect("it prints JSON");
    let addresses = ["pd", "second"].map(|id| format!("{}/webhooks/{id}", place.base_url));
    assert_eq!(shown["webhook_addresses"], json!(addresses));
}

#[tokio::test]
async fn a_type_is_shown_without_any_configuration_and_a_wrong_name_gets_the_right_one() {
    let shown = command(&["sources", "show", "alertmanager"], None).await;
    assert!(shown.out.contains("https://bridge.example.com/webhooks/am"), "{shown:?}");
    assert!(shown.out.contains("docs/sources/alertmanager.md"), "{shown:?}");
    let wrong = command(&["sources", "show", "pagerdutty"], None).await;
    assert_eq!(wrong.code, Some(1));
    assert!(wrong.err.contains("did you mean `pagerduty`?"), "{wrong:?}");
}

#[tokio::test]
async fn a_tool_that_answers_is_shown_as_jira_would_get_it_and_nothing_is_stored_or_sent() {
    let server = start_pagerduty().await;
    let mut first = incident("Q1", "Checkout is down", "triggered", "PCHECKOUT", start_time());
    first["priority"] = json!({ "id": "X", "summary": "Blocker" });
    let nameless = json!({ "status": "triggered", "title": "Without an id" });
    Mock::given(path("/incidents")).respond_with(page(&[first, nameless], true)).mount(&server).await;
    let place = Place::new();
    give_api(&place, &server);
    let said = run(&["sources", "test", "pd"], &place.file).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    for part in [
        "1 service and 0 teams",
        "\"id\": \"pd:Q1\"",
        "\"summary\": \"Checkout is down\"",
        "below [sources.severity] write: \"Blocker\" = ",
        "an entry cannot be mapped: the incident has no id",
        "one page: 1 entity, 0 deleted; a poll would go on. Nothing was stored or sent",
    ] {
        assert!(said.out.contains(part), "{part} in {said:?}");
    }
    let tested = run(&["sources", "test", "pd", "--json"], &place.file).await;
    let tested: Value = serde_json::from_str(&tested.out).expect("it prints JSON");
    assert_eq!(tested["entities"][0]["payload"]["status"], "open");
    assert!(!place.folder.path().join("bridge.db").exists());
    assert!(place.site.incidents().is_empty());
    let asked = server.received_requests().await.expect("it records");
    assert_eq!(asked.iter().filter(|it| it.url.path() == "/incidents").count(), 2, "one page for each test");
}

#[tokio::test]
async fn a_tool_that_refuses_ends_with_1_and_says_what_to_do() {
    let server = MockServer::start().await;
    Mock::given(method("GET")).respond_with(ResponseTemplate::new(401)).mount(&server).await;
    let place = Place::new();
    give_api(&place, &server);
    let said = run(&["sources", "test", "pd"], &place.file).await;
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("pd cannot be read") && said.err.contains("`api_token`"), "{said:?}");
    assert!(!said.err.contains("rest-token"), "{said:?}");
    let unknown = run(&["sources", "test", "dp"], &place.file).await;
    assert_eq!(unknown.code, Some(1));
    assert!(unknown.err.contains("did you mean \"pd\"?"), "{unknown:?}");
}

#[tokio::test]
async fn a_source_that_only_gets_webhooks_says_how_to_test_one() {
    let place = Place::new();
    let said = run(&["sources", "test", "pd"], &place.file).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    for part in [&format!("{}/webhooks/pd", place.base_url), "openssl dgst", "docs/sources/pagerduty.md"] {
        assert!(said.out.contains(part), "{part} in {said:?}");
    }
}

/// An event with an unmapped priority.
async fn post_blocker(place: &Place, incident: &str) -> u16 {
    let body =
        triggered(incident).body(&incident_bridge::clock::Clock::system()).replace("\"P2\"", "\"Blocker\"");
    assert!(body.contains("Blocker"));
    let request = reqwest::Client::new().post(format!("{}/webhooks/pd", place.base_url));
    let request = request.header("X-PagerDuty-Signature", sign(&body)).body(body);
    request.send().await.expect("the bridge answers").status().as_u16()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_gives_the_line_for_a_word_that_nobody_knows_until_it_is_written() {
    let place = Place::new();
    let _bridge = place.serve().await;
    assert_eq!(post_blocker(&place, "Q1").await, 202);
    let (table, advice) = ("[sources.severity]", "below [sources.severity] write: ");
    let advised = eventually("doctor knows of the word", async || {
        Some(run(&["doctor"], &place.file).await).filter(|said| said.out.contains(advice))
    })
    .await;
    assert_eq!(advised.code, Some(1), "{advised:?}");
    let line = advised.out.split_once(advice).and_then(|(_, rest)| rest.lines().next()).expect("a line");
    let text = std::fs::read_to_string(&place.file).expect("it reads");
    std::fs::write(&place.file, format!("{text}\n{table}\n{line}\n")).expect("the folder is writable");
    let fixed = run(&["doctor"], &place.file).await;
    assert_eq!(fixed.code, Some(0), "{fixed:?}");
}
