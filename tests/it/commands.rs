//! The commands as an operator types them: what they print, and how they end.

use std::path::Path;

use serde_json::Value;

use crate::harness::place::{Place, Said, command};
use crate::harness::program::eventually;

async fn json(arguments: &[&str], place: &Place) -> Value {
    let said = command(&[arguments, &["--json"]].concat(), Some(&place.file)).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    serde_json::from_str(&said.out).expect("it prints JSON")
}

fn config_file(folder: &Path, text: &str) -> std::path::PathBuf {
    let file = folder.join("wrong.toml");
    std::fs::write(&file, text).expect("the folder is writable");
    file
}

#[tokio::test]
async fn a_wrong_configuration_ends_with_2_and_names_every_key() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = config_file(folder.path(), "[server]\nlisen = \"x\"\n[sync]\nreconcile = \"daily\"\n");
    for arguments in [["config", "check"], ["serve", "--role=web"]] {
        let Said { code, err, .. } = command(&arguments, Some(&file)).await;
        assert_eq!(code, Some(2), "{err}");
        for part in
            ["did you mean \"listen\"", "six fields", "server.base_url: is missing", "vault.key: is missing"]
        {
            assert!(err.contains(part), "{part} in {err}");
        }
    }
    assert_eq!(command(&["serv"], None).await.code, Some(2));
}

#[tokio::test]
async fn an_unknown_type_of_source_lists_the_known_ones() {
    let place = Place::new();
    let text = std::fs::read_to_string(&place.file).expect("it reads").replace("pagerduty\"", "pagerdutty\"");
    let said = command(&["config", "check"], Some(&config_file(place.folder.path(), &text))).await;
    assert_ne!(said.code, Some(0));
    assert!(said.err.contains("pagerduty") && said.err.contains("alertmanager"), "{said:?}");
}

#[tokio::test]
async fn what_is_printed_hides_secrets_and_a_sealed_one_opens() {
    let place = Place::new();
    let shown = command(&["config", "show"], Some(&place.file)).await;
    assert!(
        shown.out.contains("sources.0.id") && !shown.out.contains("pagerduty-signs-with-this"),
        "{shown:?}"
    );
    let rows = json(&["config", "show"], &place).await;
    let poll = rows.as_array().expect("a list").iter().find(|row| row["key"] == "sources.0.poll_slowdown");
    assert_eq!(poll.map(|row| &row["origin"]), Some(&"default".into()), "{rows}");
    let descriptor = json(&["descriptor"], &place).await;
    assert_eq!(descriptor["baseUrl"], place.base_url.as_str());
    let manifest = command(&["forge-manifest"], Some(&place.file)).await;
    assert!(manifest.out.contains("jira:jiraOperationsInfoProvider"), "{manifest:?}");
    assert_eq!(command(&["key", "generate"], None).await.out.trim().len(), 44);
}

#[tokio::test]
async fn the_schema_and_the_defaults_are_there_before_any_configuration() {
    let schema = command(&["config", "schema"], None).await;
    let schema: Value = serde_json::from_str(&schema.out).expect("it prints JSON");
    let types = &schema["properties"]["sources"]["items"]["properties"]["type"]["enum"];
    let types = types.as_array().expect("the types are listed");
    assert!(types.contains(&"pagerduty".into()) && !types.contains(&"klaxon".into()), "{types:?}");
    let defaults = command(&["config", "default"], None).await;
    assert_eq!(defaults.out, include_str!("../../config/default.toml"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_story_of_an_incident_can_be_asked_for_while_the_service_runs() {
    let place = Place::new();
    let before = command(&["explain", "Q1"], Some(&place.file)).await;
    assert_eq!(before.code, Some(1));
    assert!(before.err.contains("incident-bridge migrate"), "{before:?}");
    let _bridge = place.serve().await;
    let none = command(&["installations"], Some(&place.file)).await;
    assert!(none.out.contains("atlassian-connect.json"), "{none:?}");
    place.site.install(&place.base_url).await.expect("it installs");
    assert_eq!(place.post("Q1").await, 202);
    place.site.refuse("pd:Q2", "the summary displeases");
    assert_eq!(place.post("Q2").await, 202);
    eventually("Jira holds one and refuses the other", async || {
        let refused = json(&["deliveries", "list", "--failed"], &place).await;
        (place.site.incident("pd:Q1").is_some() && refused.as_array().is_some_and(|rows| rows.len() == 1))
            .then_some(())
    })
    .await;
    let told = command(&["explain", "Q1"], Some(&place.file)).await;
    for part in ["incident pd:Q1: Incident Q1", "reported: open, P2", "accepted by Jira"] {
        assert!(told.out.contains(part), "{part} in {told:?}");
    }
    let verbose = command(&["explain", "Q1", "--verbose"], Some(&place.file)).await;
    for part in ["stored as version", "verified by webhook_secrets[0]"] {
        assert!(verbose.out.contains(part) && !told.out.contains(part), "{part} in {verbose:?}");
    }
    let refused = command(&["explain", "pd:Q2"], Some(&place.file)).await;
    assert!(
        refused.out.contains("the summary displeases") && refused.out.contains("deliveries retry pd:Q2"),
        "{refused:?}"
    );
    place.site.allow("pd:Q2");
    let retried = command(&["deliveries", "retry", "pd:Q2"], Some(&place.file)).await;
    assert!(retried.out.starts_with("1 "), "{retried:?}");
    eventually("the refused one arrives", async || place.site.incident("pd:Q2")).await;
    let sites = json(&["installations"], &place).await;
    let (sites, sources) = (&sites["installations"], &sites["sources"]);
    assert!(sources[0]["source"] == "pd" && sources[0]["last_webhook_at"].is_string(), "{sources}");
    assert_eq!((&sites[0]["state"], &sites[0]["refused"]), (&Value::from("enabled"), &Value::from(0)));
    let examined = command(&["doctor"], Some(&place.file)).await;
    assert_eq!(examined.code, Some(0), "{examined:?}");
    assert!(examined.out.contains("Jira accepts our tokens"), "{examined:?}");
    let watched = command(&["sync", "--pause", "pd"], Some(&place.file)).await;
    assert_eq!(watched.code, Some(2), "a source that only gets webhooks cannot be paused: {watched:?}");
    assert!(json(&["sync", "--dry-run"], &place).await.as_array().is_some_and(Vec::is_empty));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_mapped_is_listed_shown_and_replayed() {
    let place = Place::new();
    let _bridge = place.serve().await;
    let body = "{\"event\": {\"event_type\": \"incident.triggered\"}";
    let request = reqwest::Client::new().post(format!("{}/webhooks/pd", place.base_url));
    let request = request.header("X-PagerDuty-Signature", crate::harness::pagerduty::sign(body)).body(body);
    assert_eq!(request.send().await.expect("it answers").status(), 400);
    let kept = json(&["quarantine", "list"], &place).await;
    let id = kept[0]["id"].as_str().expect("an id");
    assert!(kept[0]["reason"].as_str().expect("a reason").contains("ends too early"), "{kept}");
    let shown = command(&["quarantine", "show", id], Some(&place.file)).await;
    assert_eq!(shown.out.trim(), body);
    assert!(command(&["quarantine", "replay", id], Some(&place.file)).await.out.starts_with("1 "));
    let again = || async { json(&["quarantine", "list"], &place).await.as_array().map_or(0, Vec::len) };
    eventually("it is still not JSON", async || (again().await == 1).then_some(())).await;
    assert!(command(&["quarantine", "discard", id], Some(&place.file)).await.out.starts_with("1 "));
    assert_eq!(again().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_command_passes_control_characters_on_to_the_terminal() {
    let place = Place::new();
    let _bridge = place.serve().await;
    place.site.install(&place.base_url).await.expect("it installs");
    place.site.refuse("pd:Q2", "\u{1b}[2Jdispleases\u{9b}31m\r\nFIX   forged: line");
    assert_eq!(place.post("Q2").await, 202);
    let body = "{\"event\": \"Q9 \u{1b}]0;title\u{7} \u{9b}2J\"";
    let request = reqwest::Client::new().post(format!("{}/webhooks/pd", place.base_url));
    let request = request.header("X-PagerDuty-Signature", crate::harness::pagerduty::sign(body)).body(body);
    assert_eq!(request.send().await.expect("it answers").status(), 400);
    eventually("Jira refuses it", async || {
        let refused = json(&["deliveries", "list", "--failed"], &place).await;
        refused.as_array().is_some_and(|rows| rows.len() == 1).then_some(())
    })
    .await;
    let kept = json(&["quarantine", "list"], &place).await;
    let id = kept[0]["id"].as_str().expect("an id");
    let odd = "Q\u{1b}[31m7";
    let commands: [&[&str]; 19] = [
        &["explain", "pd:Q2"],
        &["explain", "Q9"],
        &["explain", odd],
        &["explain", "pd:Q2", "--verbose"],
        &["incidents", "--site", odd],
        &["deliveries", "retry", odd],
        &["quarantine", "list"],
        &["quarantine", "show", id],
        &["quarantine", "show", odd],
        &["deliveries", "list"],
        &["installations", "--all"],
        &["doctor"],
        &["sources"],
        &["sources", "show", odd],
        &["sources", "test", odd],
        &["sync", "--dry-run", "--source", odd],
        &["sync", "--since", odd],
        &["erase", "--incident", odd, "--dry-run"],
        &["config", "show"],
    ];
    for arguments in commands {
        for json in [&[][..], &["--json"]] {
            let said = command(&[arguments, json].concat(), Some(&place.file)).await;
            let sent: Vec<char> =
                (said.out + &said.err).chars().filter(|c| c.is_control() && *c != '\n').collect();
            assert!(sent.is_empty(), "{arguments:?} {json:?}: {sent:?}");
        }
    }
    let told = command(&["explain", "pd:Q2"], Some(&place.file)).await.out;
    assert!(told.contains("displeases") && !told.contains("\nFIX"), "{told}");
    let shown = command(&["quarantine", "show", id], Some(&place.file)).await.out;
    assert!(shown.contains("Q9 \\u{1b}]0;title\\u{7} \\u{9b}2J"), "{shown}");
    let raw = command(&["quarantine", "show", id, "--raw"], Some(&place.file)).await;
    assert_eq!(raw.out, body, "byte for byte, for another program");
}
