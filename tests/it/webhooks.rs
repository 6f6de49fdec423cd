//! What tools post: accepted only with a credential, stored before it is answered, used once.

use incident_bridge::domain::SourceId;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::pagerduty::{sign, triggered};
use crate::harness::{Bridge, send};

pub(crate) const AM: (&str, &str) = ("Authorization", "Bearer alertmanager-token");
const GEN: (&str, &str) = ("Authorization", "Bearer generic-token");

pub(crate) fn alert(status: &str, starts: &str) -> Value {
    let ends = if status == "resolved" { "2026-09-14T08:05:00Z" } else { "0001-01-01T00:00:00Z" };
    json!({
        "version": "4",
        "groupKey": "{}:{alertname=\"HighLatency\"}",
        "truncatedAlerts": 0,
        "status": status,
        "receiver": "bridge",
        "groupLabels": { "alertname": "HighLatency" },
        "commonLabels": { "alertname": "HighLatency", "service": "checkout", "severity": "critical" },
        "commonAnnotations": { "summary": "Checkout is slow" },
        "externalURL": "http://alertmanager.example.com",
        "alerts": [{
            "status": status,
            "labels": { "alertname": "HighLatency", "service": "checkout", "severity": "critical" },
            "annotations": { "summary": "Checkout is slow" },
            "startsAt": starts,
            "endsAt": ends,
            "generatorURL": "http://prometheus.example.com/graph",
            "fingerprint": "a1b2c3d4e5f60718",
        }],
    })
}

fn plain(id: &str, state: &str) -> Value {
    json!({
        "id": id, "title": "Disk full", "state": state, "link": "https://tool.example.com/1",
        "opened": "2026-09-14T07:59:00Z", "changed": "2026-09-14T08:00:00Z", "service": "storage",
    })
}

pub(crate) async fn count_inbox(bridge: &Bridge, state: &str) -> i64 {
    let counts = bridge.engine.store().inbox().count().await.expect("the store works");
    counts.iter().filter(|row| row.state.as_str() == state).map(|row| row.count).sum()
}

#[tokio::test]
async fn a_pagerduty_incident_opens_and_is_resolved() {
    let bridge = Bridge::installed().await;
    bridge.pagerduty(&triggered("Q1").titled("Checkout is down")).await;
    bridge.settle().await;
    let incident = bridge.jira().incident("pd:Q1").expect("it arrived");
    assert_eq!(incident["summary"], "Checkout is down");
    assert_eq!(incident["severity"]["level"], "P2");
    assert_eq!(incident["affectedComponents"], json!(["pd:PCHECKOUT"]));
    assert_eq!(
        (&incident["status"], &incident["url"]),
        (&json!("open"), &json!("https://acme.pagerduty.com/incidents/Q1"))
    );
    bridge.advance(60);
    bridge.pagerduty(&triggered("Q1").titled("Checkout is down").resolved()).await;
    bridge.settle().await;
    assert_eq!(bridge.jira().incident("pd:Q1").expect("it is there")["status"], "resolved");
    bridge.finish().await;
}

#[tokio::test]
async fn an_alert_group_opens_and_is_resolved() {
    let bridge = Bridge::installed().await;
    let firing = alert("firing", "2026-09-14T07:58:00Z").to_string();
    assert_eq!(bridge.post_webhook("am", firing, &[AM]).await.status, 202);
    bridge.settle().await;
    let incidents = bridge.jira().incidents();
    assert_eq!(incidents.len(), 1);
    assert_eq!(
        (&incidents[0]["summary"], &incidents[0]["status"]),
        (&json!("Checkout is slow"), &json!("open"))
    );
    assert_eq!(incidents[0]["affectedComponents"], json!(["am:checkout"]));
    bridge.advance(600);
    let resolved = alert("resolved", "2026-09-14T07:58:00Z").to_string();
    assert_eq!(bridge.post_webhook("am", resolved, &[AM]).await.status, 202);
    bridge.settle().await;
    assert_eq!(bridge.jira().incidents().len(), 1);
    assert_eq!(bridge.jira().incidents()[0]["status"], "resolved");
    bridge.finish().await;
}

#[tokio::test]
async fn any_tool_that_posts_json_opens_an_incident() {
    let bridge = Bridge::installed().await;
    assert_eq!(bridge.post_webhook("gen", plain("7", "open").to_string(), &[GEN]).await.status, 202);
    bridge.settle().await;
    let incident = bridge.jira().incident("gen:7").expect("it arrived");
    assert_eq!((&incident["summary"], &incident["status"]), (&json!("Disk full"), &json!("open")));
    bridge.finish().await;
}

#[tokio::test]
async fn a_tool_may_put_instead_of_post() {
    let bridge = Bridge::installed().await;
    let request = bridge.request(Method::PUT, "/webhooks/gen").header(GEN.0, GEN.1);
    let answer = send(request.json(&plain("7", "open"))).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let refused = send(bridge.request(Method::PUT, "/webhooks/gen/token").json(&plain("8", "open"))).await;
    assert_eq!((refused.status, refused.problem()), (401, "webhook-refused"));
    bridge.settle().await;
    assert!(bridge.jira().incident("gen:7").is_some() && bridge.jira().incident("gen:8").is_none());
    bridge.finish().await;
}

#[tokio::test]
async fn a_webhook_without_the_right_credential_is_refused_and_not_kept() {
    let bridge = Bridge::installed().await;
    let body = triggered("Q1").body(&bridge.clock);
    let other = sign("another body");
    for (source, body, header) in [
        ("pd", body.clone(), ("X-PagerDuty-Signature", other.as_str())),
        ("pd", body, ("X-Other", "v1=00")),
        (
            "am",
            alert("firing", "2026-09-14T07:58:00Z").to_string(),
            ("Authorization", "Bearer generic-token"),
        ),
        ("gen", plain("7", "open").to_string(), ("Authorization", "Bearer alertmanager-token")),
        ("gen", plain("7", "open").to_string(), ("X-Other", "x")),
    ] {
        let answer = bridge.post_webhook(source, body, &[header]).await;
        assert_eq!((answer.status, answer.problem()), (401, "webhook-refused"), "{source}");
    }
    assert_eq!(bridge.engine.store().inbox().count().await.expect("the store works"), []);
    bridge.settle().await;
    assert!(bridge.jira().incidents().is_empty());
    bridge.finish().await;
}

#[tokio::test]
async fn a_delivery_that_comes_twice_counts_once() {
    let bridge = Bridge::installed().await;
    let event = triggered("Q1").with_id("01EVENT");
    bridge.pagerduty(&event).await;
    bridge.settle().await;
    let requests = bridge.jira().request_count();
    bridge.pagerduty(&event).await;
    bridge.pagerduty(&event).await;
    assert_eq!(count_inbox(&bridge, "new").await, 0);
    bridge.settle().await;
    assert_eq!(bridge.jira().request_count(), requests);
    assert_eq!(bridge.events("pd:Q1").await.iter().filter(|event| *event == "stored").count(), 1);
    bridge.finish().await;
}

#[tokio::test]
async fn the_same_plain_body_within_a_second_is_one_delivery_and_a_minute_later_is_another() {
    let bridge = Bridge::installed().await;
    for _ in 0..2 {
        assert_eq!(bridge.post_webhook("gen", plain("7", "open").to_string(), &[GEN]).await.status, 202);
    }
    assert_eq!(count_inbox(&bridge, "new").await, 1);
    bridge.settle_after(60).await;
    assert_eq!(bridge.post_webhook("gen", plain("7", "open").to_string(), &[GEN]).await.status, 202);
    assert_eq!(count_inbox(&bridge, "new").await, 1);
    bridge.settle().await;
    assert_eq!(
        bridge.jira().submitted_versions(incident_bridge::simulator::EntityKind::Incident, "gen:7").len(),
        1
    );
    bridge.finish().await;
}

#[tokio::test]
async fn an_event_type_that_nobody_knows_is_taken_and_has_no_effect() {
    let bridge = Bridge::installed().await;
    let body = json!({ "event": {
        "id": "01X", "event_type": "pagey.ping", "resource_type": "pagey",
        "occurred_at": "2026-09-14T08:00:00Z", "data": { "message": "Hello", "type": "ping" },
    }})
    .to_string();
    let answer = bridge.post_webhook("pd", body.clone(), &[("X-PagerDuty-Signature", &sign(&body))]).await;
    assert_eq!(answer.status, 202);
    bridge.settle().await;
    assert!(bridge.jira().incidents().is_empty());
    assert_eq!(bridge.engine.store().inbox().count().await.expect("the store works"), []);
    bridge.finish().await;
}

#[tokio::test]
async fn what_is_not_json_is_kept_aside_and_answered_400() {
    let bridge = Bridge::installed().await;
    let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
    let bodies: [Vec<u8>; 4] =
        [b"{\"event\":".to_vec(), b"".to_vec(), deep.into_bytes(), b"{\"id\": \"\xff\xfe\"}".to_vec()];
    for (n, body) in bodies.into_iter().enumerate() {
        let answer = bridge.post_webhook("gen", body, &[GEN]).await;
        assert_eq!((answer.status, answer.problem()), (400, "body-not-understood"), "body {n}");
        assert_eq!(count_inbox(&bridge, "quarantined").await, i64::try_from(n).expect("small") + 1);
    }
    bridge.settle().await;
    assert!(bridge.jira().incidents().is_empty());
    bridge.finish().await;
}

#[tokio::test]
async fn what_cannot_be_mapped_is_kept_and_can_be_replayed() {
    let bridge = Bridge::installed().await;
    let mut body = plain("7", "open");
    body.as_object_mut().expect("an object").remove("link");
    let answer = bridge.post_webhook("gen", body.to_string(), &[GEN]).await;
    assert_eq!((answer.status, answer.problem()), (422, "body-incomplete"));
    let source = SourceId::parse("gen").expect("valid");
    let kept = bridge.engine.store().inbox().list_quarantined(&source, 10).await.expect("the store works");
    assert_eq!(kept.len(), 1);
    assert!(kept[0].note.as_ref().is_some_and(|note| note.contains("mapping.url")), "{kept:?}");
    assert_eq!(kept[0].body.open().expect("readable"), body.to_string().into_bytes());
    assert!(!kept[0].headers.contains("generic-token"), "{}", kept[0].headers);

    assert_eq!(bridge.engine.store().inbox().replay(None).await.expect("the store works"), 1);
    bridge.settle().await;
    let again = bridge.engine.store().inbox().list_quarantined(&source, 10).await.expect("the store works");
    assert_eq!(again.len(), 1, "its cause is still there");
    bridge.finish().await;
}

#[tokio::test]
async fn one_bad_webhook_does_not_hold_up_the_others() {
    let bridge = Bridge::installed().await;
    for n in 0..3 {
        bridge.post_webhook("gen", json!({ "id": n }).to_string(), &[GEN]).await;
        bridge.post_webhook("gen", plain(&n.to_string(), "open").to_string(), &[GEN]).await;
    }
    bridge.engine.store().inbox().replay(None).await.expect("the store works");
    bridge.settle().await;
    assert_eq!(bridge.jira().incidents().len(), 3);
    assert_eq!(count_inbox(&bridge, "quarantined").await, 3);
    bridge.finish().await;
}

#[tokio::test]
async fn a_body_that_is_too_large_is_answered_413() {
    let bridge = Bridge::installed().await;
    let answer = bridge.post_webhook("gen", vec![b' '; 1_048_577], &[GEN]).await;
    assert_eq!((answer.status, answer.problem()), (413, "body-too-large"));
    bridge.finish().await;
}

#[tokio::test]
async fn a_wrong_method_is_answered_405_with_the_right_ones() {
    let bridge = Bridge::start().await;
    for (method, target, allow) in [
        (Method::GET, "/webhooks/pd", "POST, PUT, OPTIONS"),
        (Method::DELETE, "/webhooks/pd", "POST, PUT, OPTIONS"),
        (Method::OPTIONS, "/webhooks/pd", "POST, PUT"),
        (Method::GET, "/webhooks/pd/token", "POST, PUT"),
        (Method::GET, "/connect/installed", "POST"),
        (Method::POST, "/jira/containers/search", "GET, HEAD"),
        (Method::GET, "/jira/entities/associated", "POST, PUT"),
        (Method::POST, "/atlassian-connect.json", "GET, HEAD"),
    ] {
        let answer = send(bridge.request(method.clone(), target)).await;
        assert_eq!((answer.status, answer.problem()), (405, "method-not-allowed"), "{method} {target}");
        assert_eq!(answer.headers["allow"], allow, "{method} {target}");
    }
    bridge.finish().await;
}

#[tokio::test]
async fn an_address_that_nobody_knows_is_answered_404() {
    let bridge = Bridge::start().await;
    for target in ["/webhooks/nobody", "/nothing", "/webhooks"] {
        let answer = send(bridge.request(Method::POST, target).body("{}")).await;
        assert_eq!((answer.status, answer.problem()), (404, "not-found"), "{target}");
    }
    bridge.finish().await;
}

#[tokio::test]
async fn another_media_type_is_answered_415_where_only_json_is_taken() {
    let bridge = Bridge::start().await;
    let site = bridge.install().await;
    let target = "/jira/workspaces/fetch";
    let claims = bridge.claims(&site, &Method::POST, target);
    let token =
        incident_bridge::connect::jwt::sign_hs256(&claims, site.shared_secret.as_bytes()).expect("a token");
    let request = bridge.request(Method::POST, target).header("Authorization", format!("JWT {token}"));
    let answer = send(request.header("Content-Type", "text/xml").body("<ids/>")).await;
    assert_eq!((answer.status, answer.problem()), (415, "unsupported-media-type"));
    bridge.finish().await;
}

#[tokio::test]
async fn a_store_that_is_down_makes_the_tool_try_again_later() {
    let bridge = Bridge::installed().await;
    bridge.engine.store().close().await;
    let answer = bridge.post_pagerduty(&triggered("Q1")).await;
    assert_eq!((answer.status, answer.problem()), (503, "not-stored"));
    assert_eq!(answer.headers["retry-after"], "5");
    bridge.log.expect_error("webhooks cannot be stored");
}
