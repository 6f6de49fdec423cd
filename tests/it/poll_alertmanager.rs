//! An Alertmanager that is only polled: what fires is open, and what has disappeared is resolved.

use incident_bridge::simulator::EntityKind as Kind;
use serde_json::json;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::harness::Setup;

#[tokio::test]
async fn an_alertmanager_that_is_only_polled_opens_and_resolves_incidents() {
    let server = MockServer::start().await;
    let group = json!([{
        "labels": { "alertname": "HighLatency" },
        "receiver": { "name": "bridge" },
        "alerts": [{
            "labels": { "alertname": "HighLatency", "service": "checkout", "severity": "critical" },
            "annotations": { "summary": "Checkout is slow" },
            "startsAt": "2026-09-14T07:58:00.000Z",
            "endsAt": "2026-09-14T08:10:00.000Z",
            "updatedAt": "2026-09-14T08:00:00.000Z",
            "fingerprint": "a1b2c3d4e5f60718",
            "generatorURL": "http://prometheus.example.com/graph",
            "receivers": [{ "name": "bridge" }],
            "status": { "state": "active", "silencedBy": [], "inhibitedBy": [], "mutedBy": [] },
        }],
    }]);
    let fires = Mock::given(method("GET")).and(path("/api/v2/alerts/groups"));
    fires.respond_with(ResponseTemplate::new(200).set_body_json(group)).up_to_n_times(2).mount(&server).await;
    let quiet = Mock::given(method("GET")).and(path("/api/v2/alerts/groups"));
    quiet.respond_with(ResponseTemplate::new(200).set_body_json(json!([]))).mount(&server).await;
    let status = json!({ "uptime": "2026-09-01T00:00:00.000Z", "cluster": { "status": "ready", "peers": [] },
        "versionInfo": { "version": "0.28.0" }, "config": { "original": "route: {}" } });
    Mock::given(path("/api/v2/status"))
        .respond_with(ResponseTemplate::new(200).set_body_json(status))
        .mount(&server)
        .await;
    let sources =
        format!("[[sources]]\nid = \"am\"\ntype = \"alertmanager\"\napi_url = \"{}\"\n", server.uri());
    let bridge = Setup::default().sources(&sources).start().await;
    bridge.install().await;
    let source = bridge.engine.registry().find("am").expect("it is configured").clone();
    let ask = async || {
        bridge.engine.inbound().poll(&source, |_, _| {}).await.expect("the store works");
        bridge.settle().await;
        bridge.advance(300);
        bridge.jira().incidents()
    };
    for _ in 0..2 {
        let incidents = ask().await;
        assert_eq!(incidents.len(), 1);
        assert_eq!(
            (&incidents[0]["status"], &incidents[0]["summary"]),
            (&json!("open"), &json!("Checkout is slow"))
        );
    }
    // Alerts that have disappeared are presumed resolved; the source decides how soon.
    for _ in 0..6 {
        ask().await;
    }
    let incidents = bridge.jira().incidents();
    assert_eq!(incidents.len(), 1);
    assert_eq!(incidents[0]["status"], "resolved");
    let id = incidents[0]["id"].as_str().expect("an id");
    assert_eq!(bridge.jira().submitted_versions(Kind::Incident, id).len(), 2);
    bridge.finish().await;
}

/// The poll knows no open episode while it asks; a webhook opens one before it has the answer.
#[tokio::test]
async fn a_poll_that_a_webhook_has_overtaken_is_read_once_more() {
    let server = MockServer::start().await;
    let (asked, mut asks) = tokio::sync::mpsc::unbounded_channel();
    let (go_on, waits) = std::sync::mpsc::channel();
    let waits = std::sync::Mutex::new(waits);
    let group = firing_group();
    let answer = move |_: &wiremock::Request| {
        asked.send(()).expect("the test is listening");
        waits.lock().expect("no page panicked").recv().expect("the test answers each page");
        ResponseTemplate::new(200).set_body_json(group.clone())
    };
    Mock::given(path("/api/v2/alerts/groups")).respond_with(answer).mount(&server).await;
    let bridge = Setup::default().sources(&told_and_polled(&server)).start().await;
    bridge.install().await;
    let source = bridge.engine.registry().find("am").expect("it is configured").clone();
    let telling = async {
        asks.recv().await.expect("the poll asks");
        let firing = crate::webhooks::alert("firing", "2026-09-14T07:58:00Z").to_string();
        assert_eq!(bridge.post_webhook("am", firing, &[crate::webhooks::AM]).await.status, 202);
        bridge.settle().await;
        go_on.send(()).expect("the page waits");
        asks.recv().await.expect("the poll asks again");
        go_on.send(()).expect("the page waits");
        std::future::pending::<()>().await;
    };
    let outcome = tokio::select! {
        outcome = bridge.engine.inbound().poll(&source, |_, _| {}) => outcome.expect("the store works"),
        () = telling => unreachable!("it never ends"),
    };
    assert!(outcome.done, "{outcome:?}");
    bridge.settle().await;
    assert_eq!(bridge.jira().incidents().len(), 1, "poll and webhook speak of one incident");
    bridge.finish().await;
}

/// What fires, as the API lists it.
fn firing_group() -> serde_json::Value {
    let mut alert = crate::webhooks::alert("firing", "2026-09-14T07:58:00Z")["alerts"][0].clone();
    alert["receivers"] = json!([{ "name": "bridge" }]);
    alert["status"] = json!({ "state": "active", "silencedBy": [], "inhibitedBy": [], "mutedBy": [] });
    alert["updatedAt"] = json!("2026-09-14T08:00:00Z");
    alert["endsAt"] = json!("2026-09-14T08:10:00Z");
    json!([{ "labels": { "alertname": "HighLatency" }, "receiver": { "name": "bridge" }, "alerts": [alert] }])
}

/// An Alertmanager that sends webhooks and is polled.
fn told_and_polled(server: &MockServer) -> String {
    format!(
        "[[sources]]\nid = \"am\"\ntype = \"alertmanager\"\nwebhook_token = \"alertmanager-token\"\napi_url = \"{}\"\n",
        server.uri()
    )
}

#[tokio::test]
async fn a_test_of_the_source_prints_the_ids_that_jira_holds() {
    let server = MockServer::start().await;
    Mock::given(path("/api/v2/alerts/groups"))
        .respond_with(ResponseTemplate::new(200).set_body_json(firing_group()))
        .mount(&server)
        .await;
    let bridge = Setup::default().sources(&told_and_polled(&server)).start().await;
    bridge.install().await;
    let firing = crate::webhooks::alert("firing", "2026-09-14T07:58:00Z").to_string();
    let answer = bridge.post_webhook("am", firing, &[crate::webhooks::AM]).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    bridge.settle_after(5).await;
    let held = bridge.jira().incidents()[0]["id"].clone();
    let files = bridge.config_files();
    let arguments = ["sources", "test", "am", "--json", "--config", &files[0], "--config", &files[1]];
    let said = crate::harness::place::command(&arguments, None).await;
    let tested: serde_json::Value = serde_json::from_str(&said.out).expect("it is JSON");
    assert_eq!(tested["entities"][0]["jira_id"], held, "{tested}");
    bridge.finish().await;
}
