//! Sources in the running program, beyond incidents: deletions, reviews, and the removal of a source.

use aws_lc_rs::hmac;
use incident_bridge::clock::Clock;
use incident_bridge::domain::format_timestamp;
use incident_bridge::simulator::{EntityKind, Fault};
use serde_json::Value;

use crate::harness::pagerduty;
use crate::harness::pagerduty_account::Account;
use crate::harness::place::{Place, SOURCE, command};
use crate::harness::program::eventually;

const INCIDENTS: &str = "/rest/operations/1.0/bulk";
const ROOTLY: &str =
    "[[sources]]\nid = \"rt\"\ntype = \"rootly\"\nwebhook_secrets = [\"rootly-signs-with-this\"]\n";
const INCIDENT: &str = "b7eed587-50e6-44fe-b010-7a2bb05d737a";
const REVIEW: &str = "2c7497e5-5d15-4fa4-aeac-cac063aafe19";

/// A sample of Rootly's webhooks.
fn sample(name: &str) -> Value {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/providers/rootly");
    let text = std::fs::read_to_string(folder.join(format!("webhook-{name}.json"))).expect("it is there");
    serde_json::from_str(&text).expect("it is JSON")
}

/// Posts a webhook as Rootly does: `v1` signs the time and the body.
async fn post(place: &Place, body: &Value) {
    let (body, time) = (body.to_string(), Clock::system().now().timestamp());
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"rootly-signs-with-this");
    let signature = hex::encode(hmac::sign(&key, format!("{time}{body}").as_bytes()));
    let request = reqwest::Client::new().post(format!("{}/webhooks/rt", place.base_url));
    let request = request.header("X-Rootly-Signature", format!("t={time},v1={signature}")).body(body);
    assert_eq!(request.send().await.expect("the bridge answers").status(), 202);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_incident_that_a_webhook_only_names_is_fetched_at_once() {
    let (account, server) = Account::start().await;
    account.open(1, Clock::system().now());
    let once_a_year = format!(
        "[[sources]]\nid = \"pd\"\ntype = \"pagerduty\"\nwebhook_secrets = [\"pagerduty-signs-with-this\"]\n\
         api_token = \"rest-token\"\napi_url = \"{}\"\npoll = \"0 0 0 1 1 *\"\n",
        server.uri()
    );
    let place = Place::with(&[], &once_a_year);
    let _bridge = place.serve().await;
    place.site.install(&place.base_url).await.expect("it installs");
    let equal = async || account.compare("pd", &place.site).is_empty().then_some(());
    eventually("what the start reads", equal).await;
    account.retitle(0, "It is the database");
    let body = serde_json::json!({ "event": {
        "id": "01NOTE", "event_type": "incident.annotated", "resource_type": "incident",
        "occurred_at": format_timestamp(Clock::system().now()),
        "data": { "id": "PNOTE", "type": "incident_note", "incident": { "id": "Q00000", "type": "incident_reference" } },
    }})
    .to_string();
    let request = reqwest::Client::new().post(format!("{}/webhooks/pd", place.base_url));
    let request = request.header("X-PagerDuty-Signature", pagerduty::sign(&body)).body(body);
    assert_eq!(request.send().await.expect("the bridge answers").status(), 202);
    eventually("the new title", equal).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_review_follows_its_incident_in_a_request_of_its_own_and_outlives_it() {
    let place = Place::with(&[], ROOTLY);
    let _bridge = place.serve().await;
    place.site.install(&place.base_url).await.expect("it installs");
    // Both wait for Jira, so that they could be sent together if that were allowed.
    place.site.fail_next(Fault::status(503).on("POST", "/rest/"));
    post(&place, &sample("incident-created")).await;
    post(&place, &sample("post-mortem-published")).await;
    let (incident, review) = (format!("rt:{INCIDENT}"), format!("rt:{REVIEW}"));
    let shown = async || place.site.entity(EntityKind::Review, &review);
    let held = eventually("the review is in Jira", shown).await;
    assert_eq!((&held["status"], &held["reviews"]), (&"completed".into(), &serde_json::json!([incident])));
    assert_eq!(place.site.incident(&incident).expect("it came before its review")["status"], "open");
    // A request is on record a moment after its effect.
    let writes = async || {
        let requests = place.site.requests().into_iter();
        let writes: Vec<_> = requests.filter(|it| it.path == INCIDENTS && it.status == 202).collect();
        (writes.len() > 1).then_some(writes)
    };
    let writes = eventually("both requests are on record", writes).await;
    assert_eq!(writes.iter().map(|it| it.entities).collect::<Vec<_>>(), [1, 1]);

    let mut deleted = sample("incident-deleted");
    deleted["data"]["id"] = INCIDENT.into();
    post(&place, &deleted).await;
    let gone = async || place.site.incident(&incident).is_none().then_some(());
    eventually("the incident has gone", gone).await;
    assert!(place.site.entity(EntityKind::Review, &review).is_some());
    eventually("the bridge knows that it has gone", async || {
        let told = command(&["explain", "--json", INCIDENT], Some(&place.file)).await;
        let told: Value = serde_json::from_str(&told.out).expect("it is JSON");
        let story = &told["stories"][0];
        (story["deleted"] == true && story["deliveries"][0]["state"] == "confirmed").then_some(())
    })
    .await;
    // An older statement about it arrives late, and does not restore it.
    post(&place, &sample("incident-updated-two-services")).await;
    let mut another = sample("incident-created");
    another["data"]["id"] = "another".into();
    another["event"]["id"] = "another".into();
    post(&place, &another).await;
    eventually("what was told later is there", async || place.site.incident("rt:another")).await;
    assert!(place.site.incident(&incident).is_none());
    assert!(place.site.schema_violations().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_left_the_configuration_is_pruned_from_jira_and_may_come_back() {
    let place = Place::with(&[], &format!("{SOURCE}{ROOTLY}"));
    let with_both = std::fs::read_to_string(&place.file).expect("it is readable");
    let mut bridge = place.serve().await;
    place.site.install(&place.base_url).await.expect("it installs");
    assert_eq!(place.post("Q1").await, 202);
    post(&place, &sample("incident-created")).await;
    eventually("both are there", async || (place.site.incidents().len() == 2).then_some(())).await;
    let linked = async || place.site.linked_workspaces().contains("pd:account").then_some(());
    eventually("its workspace is linked", linked).await;

    bridge.kill();
    std::fs::write(&place.file, with_both.replace(SOURCE, "")).expect("the folder is writable");
    bridge = place.serve().await;
    let prune = async |how: &[&str]| {
        let said = command(&[&["prune"], how].concat(), Some(&place.file)).await;
        assert_eq!(said.code, Some(0), "{said:?}");
        said.out
    };
    let planned = prune(&["--dry-run"]).await;
    assert!(planned.contains("everything of pd") && planned.contains("would be removed after"), "{planned}");
    assert!(prune(&[]).await.contains("nothing to remove now"), "the grace period has only begun");
    assert!(place.site.incident("pd:Q1").is_some());
    let short = format!("{}[sync]\nremoval_grace = \"1s\"\n", with_both.replace(SOURCE, ""));
    std::fs::write(&place.file, short).expect("the folder is writable");
    let pruned = async || prune(&[]).await.contains("everything of pd").then_some(());
    eventually("the grace period is over", pruned).await;
    let of_pd = || {
        let entities = [place.site.incidents(), place.site.components()].concat();
        entities.iter().filter(|it| it["id"].as_str().is_some_and(|id| id.starts_with("pd:"))).count()
    };
    assert_eq!(of_pd(), 0);
    assert!(!place.site.linked_workspaces().contains("pd:account"));
    assert_eq!(place.site.incidents().len(), 1, "the other source stays");
    assert!(prune(&["--dry-run"]).await.contains("nothing to remove now"));

    bridge.kill();
    std::fs::write(&place.file, with_both).expect("the folder is writable");
    let _bridge = place.serve().await;
    eventually("it is back", async || place.site.incident("pd:Q1")).await;
    let versions = place.site.submitted_versions(EntityKind::Incident, "pd:Q1");
    assert!(versions.is_sorted(), "{versions:?}");
    assert!(place.site.schema_violations().is_empty());
}
