//! Every command with `--json`: one JSON value on standard output, and no instant as a number.

use serde_json::Value;

use crate::harness::pagerduty::sign;
use crate::harness::place::{Place, Said, command};
use crate::harness::program::eventually;

/// Milliseconds since the Unix epoch from 2001 on.
const LIKE_AN_INSTANT: std::ops::Range<i64> = 1_000_000_000_000..10_000_000_000_000;
/// Numbers by which Jira orders the states of an entity; many happen to be instants, others are counters.
const VERSIONS: [&str; 5] = ["version", "wanted", "acknowledged", "confirmed", "updateSequenceNumber"];

/// Numbers of the value that may be instants, with their keys.
fn find_instants(key: &str, value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Number(number) if !VERSIONS.contains(&key) => {
            let is_instant = number.as_i64().is_some_and(|number| LIKE_AN_INSTANT.contains(&number));
            found.extend(is_instant.then(|| format!("{key}: {number}")));
        }
        Value::Array(items) => items.iter().for_each(|item| find_instants(key, item, found)),
        Value::Object(fields) => fields.iter().for_each(|(key, value)| find_instants(key, value, found)),
        _ => {}
    }
}

/// A bridge that has everything to tell: an incident at Jira, one that was refused, a webhook in quarantine.
async fn prepare(place: &Place) -> String {
    let _bridge = place.serve().await;
    place.site.install(&place.base_url).await.expect("it installs");
    place.site.refuse("pd:Q2", "the summary displeases");
    assert_eq!((place.post("Q1").await, place.post("Q2").await), (202, 202));
    let body = "{\"event\": {\"event_type\": \"incident.triggered\"}";
    let request = reqwest::Client::new().post(format!("{}/webhooks/pd", place.base_url));
    let request = request.header("X-PagerDuty-Signature", sign(body)).body(body);
    assert_eq!(request.send().await.expect("it answers").status(), 400);
    eventually("Jira holds one and refuses the other", async || {
        let listed = command(&["deliveries", "list", "--failed", "--json"], Some(&place.file)).await;
        (place.site.incident("pd:Q1").is_some() && listed.out.contains("displeases")).then_some(())
    })
    .await;
    let kept = command(&["quarantine", "list", "--json"], Some(&place.file)).await;
    let kept: Value = serde_json::from_str(&kept.out).expect("it is JSON");
    kept[0]["id"].as_str().expect("an id").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_prints_one_json_value_with_instants_as_text() {
    let place = Place::new();
    let id = &*prepare(&place).await;
    let commands: [&[&str]; 27] = [
        &["descriptor"],
        &["forge-manifest"],
        &["config", "check"],
        &["config", "show"],
        &["config", "schema"],
        &["sources"],
        &["sources", "show", "pagerduty"],
        &["sources", "test", "pd"],
        &["doctor"],
        &["migrate"],
        &["installations", "--all"],
        &["incidents"],
        &["incidents", "--open"],
        &["explain", "Q1"],
        &["explain", "pd:Q2"],
        &["explain", "nothing"],
        &["deliveries", "list"],
        &["deliveries", "retry", "pd:Q2", "pd:NOPE"],
        &["deliveries", "discard", "pd:Q2"],
        &["quarantine", "list"],
        &["quarantine", "show", id],
        &["quarantine", "replay", id],
        &["quarantine", "discard", "nope"],
        &["sync", "--dry-run"],
        &["key", "generate"],
        &["key", "rotate"],
        &["prune", "--dry-run"],
    ];
    let more: [&[&str]; 4] = [
        &["sync"],
        &["erase", "--incident", "Q1", "--dry-run"],
        &["erase", "--incident", "Q1", "--yes"],
        &["prune", "--now"],
    ];
    for arguments in commands.into_iter().chain(more) {
        let Said { out, err, .. } = command(&[arguments, &["--json"]].concat(), Some(&place.file)).await;
        let value = serde_json::from_str::<Value>(&out)
            .unwrap_or_else(|fault| panic!("{arguments:?}: {fault}: {out} {err}"));
        let mut found = Vec::new();
        find_instants("", &value, &mut found);
        assert!(found.is_empty(), "{arguments:?}: {found:?}");
    }
}
