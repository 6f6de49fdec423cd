//! A real Alertmanager posts to the bridge: nothing in between is simulated.

use std::path::Path;

use chrono::{TimeDelta, Utc};
use incident_bridge::app::{App, Roles};
use incident_bridge::clock::Clock;
use incident_bridge::config::{Environment, load};
use incident_bridge::domain::format_timestamp;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::harness::program::{Program, eventually, require};
use crate::harness::{bridge_file, pick_port, start_site};

const SOURCE: &str =
    "[[sources]]\nid = \"am\"\ntype = \"alertmanager\"\nwebhook_token = \"alertmanager-token\"\n";

fn start_alertmanager(folder: &Path, webhook: &str) -> (Program, String) {
    let binary = require("BRIDGE_TEST_ALERTMANAGER");
    let config = folder.join("alertmanager.yml");
    let yaml = format!(
        "route:\n  receiver: bridge\n  group_by: [alertname]\n  group_wait: 100ms\n  group_interval: 1s\n  repeat_interval: 1h\n\
         receivers:\n  - name: bridge\n    webhook_configs:\n      - url: {webhook}\n        send_resolved: true\n\
         \x20       http_config:\n          authorization:\n            type: Bearer\n            credentials: alertmanager-token\n"
    );
    std::fs::write(&config, yaml).expect("the folder is writable");
    let address = format!("127.0.0.1:{}", pick_port());
    let arguments = [
        format!("--config.file={}", config.display()),
        format!("--storage.path={}", folder.join("data").display()),
        format!("--web.listen-address={address}"),
        "--cluster.listen-address=".to_owned(),
    ];
    (Program::start(binary, &arguments, &folder.join("alertmanager.log")), format!("http://{address}/api/v2"))
}

/// Sends Alertmanager an alert, as Prometheus does.
async fn post_alert(api: &str, ends_in: TimeDelta) -> Option<()> {
    // A real program uses the real time.
    let now = Clock::system().now().with_timezone(&Utc);
    let alert = json!([{
        "labels": { "alertname": "HighLatency", "service": "checkout", "severity": "critical" },
        "annotations": { "summary": "Checkout is slow" },
        "startsAt": format_timestamp(now - TimeDelta::minutes(1)),
        "endsAt": format_timestamp(now + ends_in),
        "generatorURL": "http://prometheus.example.com/graph",
    }]);
    let posted = reqwest::Client::new().post(format!("{api}/alerts")).json(&alert).send().await;
    posted.ok().filter(|answer| answer.status().is_success()).map(|_| ())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_that_fires_opens_an_incident_and_its_end_resolves_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let site = start_site(&Clock::system(), 0);
    let port = pick_port();
    let file = folder.path().join("bridge.toml");
    std::fs::write(&file, bridge_file(port, folder.path(), &[&site], SOURCE))
        .expect("the folder is writable");
    let config = load(&[file], &Environment::default()).expect("the configuration is valid").config;
    let app = App::start(&config, Clock::system(), Roles::ALL).await.expect("the bridge starts");
    let stop = CancellationToken::new();
    let running = tokio::spawn(app.run(stop.clone()));
    site.install(&format!("http://127.0.0.1:{port}")).await.expect("it installs");

    let webhook = format!("http://127.0.0.1:{port}/webhooks/am");
    let (_alertmanager, api) = start_alertmanager(folder.path(), &webhook);
    eventually("Alertmanager takes an alert", async || post_alert(&api, TimeDelta::hours(1)).await).await;
    let with_status = async |status: &str| {
        let what = format!("an incident is {status}");
        eventually(&what, async || site.incidents().into_iter().find(|it| it["status"] == status)).await
    };
    let open: Value = with_status("open").await;
    assert_eq!(open["summary"], "Checkout is slow");
    assert_eq!(open["affectedComponents"], json!(["am:checkout"]));
    eventually("the alert ends", async || post_alert(&api, TimeDelta::seconds(-5)).await).await;
    let resolved = with_status("resolved").await;
    assert_eq!(resolved["id"], open["id"]);
    assert_eq!(site.incidents().len(), 1);
    assert!(site.schema_violations().is_empty());
    stop.cancel();
    running.await.expect("no panic").expect("it stops politely");
}
