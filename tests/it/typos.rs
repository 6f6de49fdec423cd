//! A thing that is named and does not exist: the command says so, ends with 1, and does the rest.

use crate::harness::pagerduty::sign;
use crate::harness::place::{Place, command};
use crate::harness::program::eventually;

async fn quarantine(place: &Place, body: &str) {
    let request = reqwest::Client::new().post(format!("{}/webhooks/pd", place.base_url));
    let request = request.header("X-PagerDuty-Signature", sign(body)).body(body.to_owned());
    assert_eq!(request.send().await.expect("it answers").status(), 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_that_names_a_thing_ends_with_1_when_it_does_not_exist() {
    let place = Place::new();
    let _bridge = place.serve().await;
    let commands: [&[&str]; 14] = [
        &["explain", "nope"],
        &["deliveries", "retry", "nope"],
        &["deliveries", "discard", "nope"],
        &["quarantine", "show", "nope"],
        &["quarantine", "replay", "nope"],
        &["quarantine", "discard", "nope"],
        &["incidents", "--source", "nope"],
        &["incidents", "--site", "nope"],
        &["sources", "show", "nope"],
        &["sources", "test", "nope"],
        &["sync", "--source", "nope"],
        &["sync", "--pause", "nope"],
        &["key", "seal", "--source", "nope"],
        &["erase", "--incident", "nope", "--yes"],
    ];
    for arguments in commands {
        let said = command(arguments, Some(&place.file)).await;
        assert_eq!(said.code, Some(1), "{arguments:?}: {said:?}");
        let told = said.out + &said.err;
        assert!(told.contains("nope") || arguments[0] == "erase", "{arguments:?}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_misspelt_id_among_others_stops_none_of_them_and_gets_the_right_one() {
    let place = Place::new();
    let _bridge = place.serve().await;
    place.site.install(&place.base_url).await.expect("it installs");
    place.site.refuse("pd:Q2", "the summary displeases");
    assert_eq!(place.post("Q2").await, 202);
    let run = async |arguments: &[&str]| command(arguments, Some(&place.file)).await;
    eventually("Jira refuses it", async || {
        let listed = run(&["deliveries", "list", "--failed"]).await;
        listed.out.contains("displeases").then_some(())
    })
    .await;
    for (verb, part) in [("discard", "1 given up"), ("retry", "1 will be sent again")] {
        let said = run(&["deliveries", verb, "pd:Q22", "pd:Q2"]).await;
        assert!(said.code == Some(1) && said.out.contains(part), "{said:?}");
        assert!(said.err.contains("pd:Q22"), "{said:?}");
    }
    let typo = run(&["deliveries", "retry", "pd:Q3"]).await;
    assert!(typo.err.contains("did you mean \"pd:Q2\"?"), "{typo:?}");
    quarantine(&place, "{\"event\": 1").await;
    let listed = run(&["quarantine", "list", "--json"]).await;
    let listed: serde_json::Value = serde_json::from_str(&listed.out).expect("it is JSON");
    let id = listed[0]["id"].as_str().expect("an id");
    let said = run(&["quarantine", "discard", "nope", id]).await;
    assert!(said.code == Some(1) && said.out.contains("1 webhook given up"), "{said:?}");
    assert_eq!(run(&["quarantine", "list"]).await.out, "nothing is in quarantine\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_given_up_stays_so_when_everything_is_retried() {
    let place = Place::new();
    let _bridge = place.serve().await;
    place.site.install(&place.base_url).await.expect("it installs");
    place.site.refuse("pd:Q1", "the summary displeases");
    assert_eq!(place.post("Q1").await, 202);
    let run = async |arguments: &[&str]| command(arguments, Some(&place.file)).await;
    eventually("Jira refuses it", async || {
        let listed = run(&["deliveries", "list", "--failed"]).await;
        listed.out.contains("displeases").then_some(())
    })
    .await;
    assert_eq!(run(&["deliveries", "discard", "pd:Q1"]).await.code, Some(0));
    place.site.allow("pd:Q1");
    let all = run(&["deliveries", "retry", "--all"]).await;
    assert!(all.code == Some(0) && all.out.starts_with("0 "), "{all:?}");
    let told = run(&["explain", "Q1"]).await;
    assert!(told.out.contains("not sent until its next change"), "{told:?}");
    assert_eq!(run(&["deliveries", "retry", "pd:Q1"]).await.code, Some(0));
    eventually("it arrives after all", async || place.site.incident("pd:Q1")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_only_gets_webhooks_is_listed_and_has_no_first_sync() {
    let place = Place::new();
    let _bridge = place.serve().await;
    place.site.install(&place.base_url).await.expect("it installs");
    assert_eq!(place.post("Q1").await, 202);
    eventually("it arrives", async || place.site.incident("pd:Q1")).await;
    quarantine(&place, "{\"event\": 1").await;
    let run = async |arguments: &[&str]| command(arguments, Some(&place.file)).await;
    let synced = run(&["sync", "--full"]).await;
    assert!(synced.out.contains("0 pages read, 0 changes"), "{synced:?}");
    let listed = run(&["installations"]).await;
    for part in ["webhooks only", "LAST WEBHOOK", "QUARANTINED", "Z ("] {
        assert!(listed.out.contains(part), "{part} in {listed:?}");
    }
    assert!(!listed.out.contains("1970") && !listed.out.contains("first sync"), "{listed:?}");
    let listed = run(&["installations", "--json"]).await;
    let listed: serde_json::Value = serde_json::from_str(&listed.out).expect("it is JSON");
    let source = &listed["sources"][0];
    assert_eq!(
        (&source["quarantined"], &source["polling"]),
        (&1.into(), &serde_json::Value::Null),
        "{source}"
    );
}
