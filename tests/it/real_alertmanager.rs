//! A real Alertmanager posts to the bridge: nothing in between is simulated.

use std::path::Path;

use chrono::{TimeDelta, Utc};
use incident_bridge::app::{App, Roles};
use incident_bridge::clock::Clock;
use incident_bridge::config::{Environment, load};
use incident_bridge::domain::format_timestamp;
use incident_bridge::simulator::RunningSimulator;
use incident_bridge::simulator::platform::{Account, Issue};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;
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

/// The bridge beside a real Alertmanager and a simulated site.
struct Place {
    site: RunningSimulator,
    api: String,
    stop: CancellationToken,
    running: JoinHandle<anyhow::Result<()>>,
    _alertmanager: Program,
    _folder: TempDir,
}

impl Place {
    /// `tables` of the configuration come after the source; `{site}` is the host of the site.
    async fn start(tables: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let site = start_site(&Clock::system(), 0);
        site.board().admit(Account::of_user("bridge@example.com", "a-token"));
        let port = pick_port();
        let file = folder.path().join("bridge.toml");
        let tables = format!("{SOURCE}{}", tables.replace("{site}", &site.addr().to_string()));
        std::fs::write(&file, bridge_file(port, folder.path(), &[&site], &tables))
            .expect("the folder is writable");
        let config = load(&[file], &Environment::default()).expect("the configuration is valid").config;
        let app = App::start(&config, Clock::system(), Roles::ALL).await.expect("the bridge starts");
        let stop = CancellationToken::new();
        let running = tokio::spawn(app.run(stop.clone()));
        let webhook = format!("http://127.0.0.1:{port}/webhooks/am");
        let (alertmanager, api) = start_alertmanager(folder.path(), &webhook);
        if tables.len() == SOURCE.len() {
            site.install(&format!("http://127.0.0.1:{port}")).await.expect("it installs");
        }
        Self { site, api, stop, running, _alertmanager: alertmanager, _folder: folder }
    }

    async fn fire(&self) {
        eventually("an alert", async || post_alert(&self.api, TimeDelta::hours(1)).await).await;
    }

    async fn end(&self) {
        eventually("its end", async || post_alert(&self.api, TimeDelta::seconds(-5)).await).await;
    }

    async fn finish(self) {
        assert!(self.site.schema_violations().is_empty());
        self.stop.cancel();
        self.running.await.expect("no panic").expect("it stops politely");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_that_fires_opens_an_incident_and_its_end_resolves_it() {
    let place = Place::start("").await;
    let with_status = async |status: &str| {
        let what = format!("an incident is {status}");
        eventually(&what, async || place.site.incidents().into_iter().find(|it| it["status"] == status)).await
    };
    place.fire().await;
    let open: Value = with_status("open").await;
    assert_eq!(open["summary"], "Checkout is slow");
    assert_eq!(open["affectedComponents"], json!(["am:checkout"]));
    place.end().await;
    let resolved = with_status("resolved").await;
    assert_eq!(resolved["id"], open["id"]);
    assert_eq!(place.site.incidents().len(), 1);
    place.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_is_a_work_item_that_somebody_takes_and_its_end_closes() {
    let table = "[[jira_issues]]\nid = \"ops\"\nsite = \"{site}\"\nproject = \"OPS\"\nissue_type = \"Incident\"\n\
                 email = \"bridge@example.com\"\napi_token = \"a-token\"\n";
    let place = Place::start(table).await;
    let board = place.site.board();
    let with_category = async |category: &str| {
        let of_it = |issue: &Issue| board.category(&issue.key) == Some(category);
        let what = format!("a work item is {category}");
        eventually(&what, async || board.issues().into_iter().find(of_it)).await
    };
    place.fire().await;
    let opened = with_category("new").await;
    assert_eq!(opened.text("summary"), "Checkout is slow");
    board.transition(&opened.key, "In Progress");
    place.end().await;
    let closed = with_category("done").await;
    assert_eq!((closed.key, board.issues().len()), (opened.key, 1));
    place.finish().await;
}
