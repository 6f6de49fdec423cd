//! What the operator and strangers may see.

use serde_json::json;

use crate::harness::pagerduty::triggered;
use crate::harness::{Bridge, Setup};

#[tokio::test]
async fn readiness_shows_each_part() {
    let bridge = Bridge::installed().await;
    assert_eq!(bridge.get_as_operator("/healthz").await.status, 200);
    let ready = bridge.get_as_operator("/readyz").await;
    assert_eq!(ready.status, 200, "{ready:?}");
    for part in ["database", "migrations", "tasks"] {
        assert_eq!(ready.body[part]["ok"], true, "{part}");
    }
    bridge.finish().await;
}

#[tokio::test]
async fn readiness_says_why_a_bridge_is_not_ready() {
    let bridge = Bridge::installed().await;
    bridge.engine.store().close().await;
    let ready = bridge.get_as_operator("/readyz").await;
    assert_eq!((ready.status, &ready.body["ready"]), (503, &json!(false)));
    assert_eq!(ready.body["database"]["ok"], false);
    assert!(ready.body["database"]["why"].is_string(), "{}", ready.body);
    assert_eq!(bridge.get_as_operator("/healthz").await.status, 200);
}

#[tokio::test]
async fn the_operators_listener_answers_under_its_own_names_only() {
    let bridge = Setup::default().config("[operator]\nhosts = [\"Bridge.internal\"]").start().await;
    for target in ["/healthz", "/readyz", "/metrics"] {
        for (host, status) in [
            ("127.0.0.1:9090", 200),
            ("10.1.2.3", 200),
            ("localhost", 200),
            ("bridge.internal:9090", 200),
            ("rebound.evil.example", 421),
            ("bridge.internal.evil.example:9090", 421),
        ] {
            let answer = bridge.get_as_operator_under(host, target).await;
            assert_eq!(answer.status, status, "{host}{target}");
            assert!(status == 200 || answer.problem() == "host-not-known", "{host}{target}");
        }
    }
    bridge.finish().await;
}

#[tokio::test]
async fn metrics_count_what_came_and_what_went() {
    let bridge = Bridge::installed().await;
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle().await;
    bridge.task("gauges").run().await.expect("the store works");
    let metrics = bridge.get_as_operator("/metrics").await;
    assert_eq!(metrics.status, 200);
    assert!(metrics.text.ends_with("# EOF\n"), "{}", metrics.text);
    let has = |parts: &[&str]| metrics.text.lines().any(|line| parts.iter().all(|part| line.contains(part)));
    assert!(has(&["webhooks", "source=\"pd\"", "result=\"new\"", " 1"]), "{}", metrics.text);
    assert!(has(&["result=\"accepted\"", &bridge.jira().addr().to_string()]), "{}", metrics.text);
    assert!(!metrics.text.contains("Q1"), "ids of incidents are no labels");
    bridge.finish().await;
}

#[tokio::test]
async fn words_without_a_meaning_are_counted_and_are_no_labels() {
    let bridge = Bridge::installed().await;
    let event = triggered("Q1").body(&bridge.clock).replace("\"P2\"", "\"Blocker\"");
    let signature = crate::harness::pagerduty::sign(&event);
    let answer = bridge.post_webhook("pd", event, &[("X-PagerDuty-Signature", &signature)]).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    bridge.pagerduty(&triggered("Q2")).await;
    bridge.settle().await;
    let metrics = bridge.get_as_operator("/metrics").await.text;
    let mut counted = metrics.lines().filter(|line| line.starts_with("incident_bridge_unknown_words_total"));
    assert_eq!(
        counted.next(),
        Some("incident_bridge_unknown_words_total{source=\"pd\",kind=\"severity\"} 1")
    );
    assert_eq!(counted.next(), None, "{metrics}");
    assert!(!metrics.contains("Blocker"), "{metrics}");
    assert_eq!(bridge.jira().incident("pd:Q1").expect("it arrived")["severity"]["level"], "unknown");
    bridge.finish().await;
}

#[tokio::test]
async fn the_public_listener_shows_nothing_of_tenants_or_operations() {
    let bridge = Bridge::installed().await;
    for target in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(bridge.get(target).await.status, 404, "{target}");
    }
    let home = bridge.get("/").await;
    assert_eq!(home.status, 200);
    assert!(home.text.contains(env!("CARGO_PKG_VERSION")), "{}", home.text);
    assert!(!home.text.contains(&bridge.jira().addr().to_string()), "{}", home.text);
    assert_eq!(bridge.get("/static/logo.svg").await.headers["content-type"], "image/svg+xml");
    for target in ["/static/nothing.svg", "/static/..%2f..%2fCargo.toml"] {
        assert_eq!(bridge.get(target).await.status, 404, "{target}");
    }
    let descriptor = bridge.get("/atlassian-connect.json").await;
    assert_eq!(descriptor.body["baseUrl"], bridge.base_url);
    bridge.finish().await;
}
