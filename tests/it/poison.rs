//! Odd webhooks, on both databases: each is stored in a form that the database can hold, and none holds up another.

use incident_bridge::simulator::EntityKind as Kind;
use serde_json::{Value, json};

use crate::harness::pagerduty::triggered;
use crate::harness::{Bridge, Setup, on_both_databases};
use crate::webhooks::{AM, alert, count_inbox};

const SOURCES: &str = r#"
[[sources]]
id = "pd"
type = "pagerduty"
webhook_secrets = ["pagerduty-signs-with-this"]

[[sources]]
id = "am"
type = "alertmanager"
webhook_token = "alertmanager-token"

[[sources]]
id = "gen"
type = "generic"
webhook_token = "generic-token"
workspaces = "teams"
[sources.mapping]
id = "/id"
summary = "/title"
status = "/state"
url = "/link"
createdDate = "/opened"
lastUpdated = "/changed"
severity = "/severity"
affectedComponents = "/services/*"
workspaces = "/teams/*"
updateSequenceNumber = "/n"
"#;
const GEN: (&str, &str) = ("Authorization", "Bearer generic-token");

fn told(id: &str, odd: &Value) -> Value {
    let mut body = json!({
        "id": id, "title": "Disk full", "state": "open", "link": "https://tool.example.com/1", "severity": "P2",
        "opened": "2026-09-14T07:59:00Z", "changed": "2026-09-14T08:00:00Z", "services": ["storage"],
    });
    let odd = odd.as_object().expect("an object").clone();
    body.as_object_mut().expect("an object").extend(odd);
    body
}

/// What a body says instead of the usual.
fn odd_bodies() -> Vec<Value> {
    let long = "x".repeat(8_000);
    vec![
        json!({ "id": "7\u{0}" }),
        json!({ "id": "\u{0}" }),
        json!({ "title": "\u{0}" }),
        json!({ "title": "Disk \u{0} full" }),
        json!({ "state": "op\u{0}en" }),
        json!({ "severity": "P\u{0}2" }),
        json!({ "services": ["stor\u{0}age"] }),
        json!({ "teams": ["te\u{0}am"] }),
        json!({ "id": long }),
        json!({ "id": "\u{1f9ef}".repeat(3_000) }),
        json!({ "title": long.repeat(100) }),
        json!({ "services": [long] }),
        json!({ "teams": [long] }),
        json!({ "n": i64::MAX }),
        json!({ "n": i64::MIN }),
        json!({ "n": 1e300 }),
        json!({ "n": u64::MAX }),
        json!({ "changed": i64::MAX }),
        json!({ "opened": "9999-12-31T23:59:59Z", "changed": "0001-01-01T00:00:00Z" }),
    ]
}

async fn start(setup: Setup) -> Bridge {
    let bridge = setup.sources(SOURCES).start().await;
    bridge.install().await;
    bridge.settle().await;
    bridge
}

async fn tell(bridge: &Bridge, id: &str, odd: &Value) {
    let answer = bridge.post_webhook("gen", told(id, odd).to_string(), &[GEN]).await;
    assert_eq!(answer.status, 202, "{odd}: {answer:?}");
}

async fn odd_webhooks_hold_up_nothing(setup: Setup) {
    let bridge = start(setup).await;
    let odd = odd_bodies();
    for (n, odd) in odd.iter().enumerate() {
        tell(&bridge, &format!("before{n}"), &json!({})).await;
        tell(&bridge, &format!("odd{n}"), odd).await;
        tell(&bridge, &format!("after{n}"), &json!({})).await;
    }
    for (n, id) in ["01\u{0}", &"y".repeat(8_000)].into_iter().enumerate() {
        bridge.pagerduty(&triggered(&format!("Q{n}")).with_id(id)).await;
        bridge.pagerduty(&triggered(&format!("Q{n}")).with_id(id)).await;
    }
    bridge.pagerduty(&triggered("Q2").on("S\u{0}")).await;
    bridge.pagerduty(&triggered("Q3").kind("incident.trig\u{0}gered")).await;
    for key in
        ["{}:{alertname=\"\u{0}\"}".to_owned(), format!("{{}}:{{alertname=\"{}\"}}", "z".repeat(8_000))]
    {
        let mut group = alert("firing", "2026-09-14T07:58:00Z");
        group["groupKey"] = key.into();
        assert_eq!(bridge.post_webhook("am", group.to_string(), &[AM]).await.status, 202);
    }
    bridge.settle().await;
    bridge.settle_after(5).await;
    assert_eq!((count_inbox(&bridge, "new").await, count_inbox(&bridge, "quarantined").await), (0, 0));
    // Four of PagerDuty, and two groups of alerts.
    assert_eq!(bridge.jira().count(Kind::Incident), 3 * odd.len() + 4 + 2);
    bridge.finish().await;
}

async fn a_group_of_alerts_with_an_odd_key_keeps_its_episode(setup: Setup) {
    let bridge = start(setup).await;
    for (n, key) in ["\u{0}".to_owned(), "z".repeat(8_000)].into_iter().enumerate() {
        for status in ["firing", "resolved"] {
            let mut group = alert(status, "2026-09-14T07:58:00Z");
            group["groupKey"] = key.clone().into();
            assert_eq!(bridge.post_webhook("am", group.to_string(), &[AM]).await.status, 202);
            bridge.settle_after(60).await;
        }
        let incidents = bridge.jira().incidents();
        assert_eq!(incidents.len(), n + 1);
        assert!(incidents.iter().all(|it| it["status"] == "resolved"), "{incidents:?}");
    }
    bridge.finish().await;
}

async fn the_largest_sequence_twice_goes_out_as_two_versions(setup: Setup) {
    let bridge = start(setup).await;
    for title in ["One", "Two", "Three"] {
        bridge.advance(60);
        let changed = incident_bridge::domain::format_timestamp(bridge.clock.now());
        tell(&bridge, "7", &json!({ "n": i64::MAX, "title": title, "changed": changed })).await;
        bridge.settle().await;
    }
    let versions = bridge.jira().submitted_versions(Kind::Incident, "gen:7");
    assert!(versions.len() == 3 && versions.is_sorted_by(|a, b| a < b), "{versions:?}");
    assert_eq!(bridge.jira().incident("gen:7").expect("it arrived")["summary"], "Three");
    bridge.finish().await;
}

async fn a_webhook_with_thirty_thousand_services_says_what_was_left_out(setup: Setup) {
    let bridge = start(setup).await;
    let services: Vec<String> = (0..30_000).map(|n| format!("s{n}")).collect();
    tell(&bridge, "7", &json!({ "services": services })).await;
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle().await;
    assert!(bridge.jira().incident("pd:Q1").is_some());
    let shown = bridge.jira().incident("gen:7").expect("it arrived");
    let affected = shown["affectedComponents"].as_array().expect("a list").len();
    assert_eq!(affected, 100, "as many as Jira shows");
    assert!(bridge.jira().count(Kind::Component) < 200, "{}", bridge.jira().count(Kind::Component));
    assert!(bridge.log.contains("29900 components or teams are left out: an incident keeps at most 200"));
    let noted = bridge.count("SELECT COUNT(*) FROM inbox WHERE note LIKE '29900 components%'").await;
    assert_eq!(noted, 1);
    bridge.finish().await;
}

on_both_databases! {
    odd_webhooks_hold_up_nothing
    a_group_of_alerts_with_an_odd_key_keeps_its_episode
    the_largest_sequence_twice_goes_out_as_two_versions
    a_webhook_with_thirty_thousand_services_says_what_was_left_out
}
