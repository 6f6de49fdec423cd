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

const TABLE: &str = "[[jira_issues]]\nid = \"ops\"\nsite = \"{site}\"\nproject = \"OPS\"\nissue_type = \"Incident\"\n\
                     email = \"bridge@example.com\"\napi_token = \"a-token\"\n";

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

/// An alert of a service: when it began and ends, in seconds from now.
#[derive(Clone, Copy)]
struct Alert {
    service: &'static str,
    starts: i64,
    ends: i64,
}

const FIRES: Alert = Alert { service: "checkout", starts: -60, ends: 3600 };
const ENDED: Alert = Alert { ends: -5, ..FIRES };

/// Sends Alertmanager an alert, as Prometheus does.
async fn post_alert(api: &str, alert: Alert) -> Option<()> {
    // A real program uses the real time.
    let now = Clock::system().now().with_timezone(&Utc);
    let alert = json!([{
        "labels": { "alertname": "HighLatency", "service": alert.service, "severity": "critical" },
        "annotations": { "summary": "Checkout is slow" },
        "startsAt": format_timestamp(now + TimeDelta::seconds(alert.starts)),
        "endsAt": format_timestamp(now + TimeDelta::seconds(alert.ends)),
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

    async fn alert(&self, alert: Alert) {
        eventually("an alert", async || post_alert(&self.api, alert).await).await;
    }

    /// The only work item that is in this category, once there is one.
    async fn with_category(&self, category: &str) -> Issue {
        let board = self.site.board();
        let of_it = |issue: &Issue| board.category(&issue.key) == Some(category);
        let what = format!("a work item is {category}");
        eventually(&what, async || board.issues().into_iter().find(of_it)).await
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
    place.alert(FIRES).await;
    let open: Value = with_status("open").await;
    assert_eq!(open["summary"], "Checkout is slow");
    assert_eq!(open["affectedComponents"], json!(["am:checkout"]));
    place.alert(ENDED).await;
    let resolved = with_status("resolved").await;
    assert_eq!(resolved["id"], open["id"]);
    assert_eq!(place.site.incidents().len(), 1);
    place.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_is_a_work_item_that_somebody_takes_and_its_end_closes() {
    let place = Place::start(TABLE).await;
    let board = place.site.board();
    place.alert(FIRES).await;
    let opened = place.with_category("new").await;
    assert_eq!(opened.text("summary"), "Checkout is slow");
    board.transition(&opened.key, "In Progress");
    place.alert(ENDED).await;
    let closed = place.with_category("done").await;
    assert_eq!((closed.key, board.issues().len()), (opened.key, 1));
    place.finish().await;
}

/// A group is one incident from its first alert until none fires. An alert that began before that end, and that
/// Alertmanager learns of later, shows that the end was none: the incident goes on. One that begins after it is another
/// incident. (The same alert with its old start would say nothing new: Alertmanager joins it with the one that has
/// ended, and the bridge cannot tell that from a late message of another replica.)
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_fires_on_reopens_its_work_item_and_one_that_fires_anew_gets_another() {
    let place = Place::start(TABLE).await;
    let board = place.site.board();
    place.alert(FIRES).await;
    let opened = place.with_category("new").await;
    place.alert(ENDED).await;
    place.with_category("done").await;
    let late = Alert { service: "search", starts: -30, ends: 3600 };
    place.alert(late).await;
    let reopened = place.with_category("new").await;
    assert_eq!((&reopened.key, board.issues().len()), (&opened.key, 1));
    place.alert(Alert { ends: -1, ..late }).await;
    place.with_category("done").await;
    place.alert(Alert { starts: 0, ..FIRES }).await;
    let another = place.with_category("new").await;
    assert_ne!(another.key, opened.key);
    assert_eq!((board.category(&opened.key), board.issues().len()), (Some("done"), 2));
    place.finish().await;
}
