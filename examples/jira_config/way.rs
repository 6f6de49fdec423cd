//! One way from alerts to Jira: a simulated site, a real Alertmanager, and a bridge between them or none.
//!
//! Must not differ between the ways in anything but the receiver.

use std::fs::File;
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, anyhow, ensure};
use chrono::TimeDelta;
use incident_bridge::app::{App, Roles};
use incident_bridge::clock::Clock;
use incident_bridge::config::{Environment, load};
use incident_bridge::simulator::platform::Account;
use incident_bridge::simulator::{RunningSimulator, Simulator, SimulatorOptions};
use serde_json::Value;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::Arguments;

const EMAIL: &str = "bridge@example.com";
const TOKEN: &str = "a-token";

const ROUTE: &str = "route:\n  receiver: jira\n  group_by: [alertname]\n  group_wait: 1s\n  group_interval: {interval}s\n  \
                     repeat_interval: {repeat}s\nreceivers:\n  - name: jira\n";
const WEBHOOK: &str = "    webhook_configs:\n      - url: {url}/webhooks/am\n        http_config:\n          authorization:\n\
                       \x20           credentials: alertmanager-token\n";
const JIRA: &str = "    jira_configs:\n      - api_url: {url}/rest/api/3\n        api_type: cloud\n        project: OPS\n\
                    \x20       issue_type: Incident\n        description: {description}\n        resolve_transition: Done\n\
                    \x20       reopen_transition: To Do\n        reopen_duration: 10m\n\
                    \x20       wont_fix_resolution: Won't Do\n        http_config:\n          basic_auth:\n\
                    \x20           username: {email}\n            password: {token}\n";
/// Alertmanager's own template is for version 2 of Jira's API. This lists the same alerts for version 3.
const DESCRIPTION: &str = r#"'{"type":"doc","version":1,"content":[{{ range $n, $alert := .Alerts }}{{ if $n }},{{ end }}{"type":"paragraph","content":[{"type":"text","text":"{{ .Status }}: {{ .Labels.instance }}: {{ .Annotations.summary }}"}]}{{ end }}]}'"#;
const WITHOUT_UPDATE: &str = "{ template: {template}, enable_update: false }";
const SUMMARY: &str = r#"'{{ template "jira.default.summary" . }}'"#;

const BRIDGE: &str = "[server]\nlisten = \"127.0.0.1:{port}\"\nbase_url = \"http://127.0.0.1:{port}\"\n[operator]\n\
                      listen = \"127.0.0.1:0\"\n[store]\nurl = \"sqlite://{folder}/bridge.db\"\n[vault]\n\
                      key = \"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\"\n[connect]\ninsecure_sites = [\"{site}\"]\n\
                      [[sources]]\nid = \"am\"\ntype = \"alertmanager\"\nwebhook_token = \"alertmanager-token\"\n\
                      [[jira_issues]]\nid = \"ops\"\nsite = \"http://{site}\"\nproject = \"OPS\"\n\
                      issue_type = \"Incident\"\nemail = \"{email}\"\napi_token = \"{token}\"\n";

/// What is between the alerts and Jira.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Bridge,
    Receiver,
    /// With `enable_update: false` for the summary and the description.
    ReceiverWithoutUpdates,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Bridge, Self::Receiver, Self::ReceiverWithoutUpdates];

    pub fn name(self) -> &'static str {
        match self {
            Self::Bridge => "Incident Bridge",
            Self::Receiver => "`jira_configs`",
            Self::ReceiverWithoutUpdates => "`jira_configs`, `enable_update: false`",
        }
    }

    /// The receiver's part of Alertmanager's configuration.
    fn receiver(self, url: &str) -> String {
        let (description, summary) = match self {
            Self::Bridge => return WEBHOOK.replace("{url}", url),
            Self::Receiver => (DESCRIPTION.to_owned(), None),
            Self::ReceiverWithoutUpdates => {
                let fixed = |template| WITHOUT_UPDATE.replace("{template}", template);
                (fixed(DESCRIPTION), Some(fixed(SUMMARY)))
            }
        };
        let values =
            [("{url}", url), ("{email}", EMAIL), ("{token}", TOKEN), ("{description}", &description)];
        let summary = summary.map(|it| format!("        summary: {it}\n")).unwrap_or_default();
        fill(JIRA, &values) + &summary
    }
}

fn fill(text: &str, values: &[(&str, &str)]) -> String {
    values.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
}

struct RunningBridge {
    url: String,
    stop: CancellationToken,
    running: JoinHandle<anyhow::Result<()>>,
}

/// One way, running.
pub struct Way {
    pub kind: Kind,
    pub site: RunningSimulator,
    alertmanager: String,
    bridge: Option<RunningBridge>,
    _process: Child,
}

impl Way {
    /// Starts everything with files in a folder of its own below `folder`.
    pub async fn start(kind: Kind, arguments: &Arguments, folder: &Path) -> anyhow::Result<Self> {
        let folder = folder.join((kind as u8).to_string());
        std::fs::create_dir(&folder)?;
        let site = Simulator::start(Clock::system(), "127.0.0.1:0".parse()?, SimulatorOptions::default())?;
        site.board().admit(Account::of_user(EMAIL, TOKEN));
        site.board().configure(|platform| {
            platform.limits.enabled = true;
            platform.index.lag = TimeDelta::seconds(arguments.lag.into());
        });
        let bridge = match kind {
            Kind::Bridge => Some(start_bridge(&site, &folder).await?),
            _ => None,
        };
        let url = bridge.as_ref().map_or(site.url(), |it| &it.url);
        let (interval, repeat) =
            (arguments.group_interval.to_string(), (2 * arguments.group_interval).to_string());
        let route = fill(ROUTE, &[("{interval}", &interval), ("{repeat}", &repeat)]);
        let templates = arguments.templates.as_ref();
        let templates =
            templates.map(|file| format!("templates: [{:?}]\n", file.display())).unwrap_or_default();
        let file = folder.join("alertmanager.yml");
        std::fs::write(&file, templates + &route + &kind.receiver(url))?;
        let (process, alertmanager) = start_alertmanager(arguments, &file).await?;
        Ok(Self { kind, site, alertmanager, bridge, _process: process })
    }

    /// Gives Alertmanager alerts, as Prometheus does.
    pub async fn post(&self, alerts: &[Value]) -> anyhow::Result<()> {
        let request = reqwest::Client::new().post(format!("{}/api/v2/alerts", self.alertmanager));
        let answer = request.json(alerts).send().await?;
        ensure!(answer.status().is_success(), "{}", answer.text().await?);
        Ok(())
    }

    pub async fn stop(self) -> anyhow::Result<()> {
        let Some(bridge) = self.bridge else { return Ok(()) };
        bridge.stop.cancel();
        bridge.running.await?
    }
}

async fn start_bridge(site: &RunningSimulator, folder: &Path) -> anyhow::Result<RunningBridge> {
    let port = pick_port()?.to_string();
    let (place, address) = (folder.display().to_string(), site.addr().to_string());
    let values = [
        ("{port}", port.as_str()),
        ("{folder}", &place),
        ("{site}", &address),
        ("{email}", EMAIL),
        ("{token}", TOKEN),
    ];
    let file = folder.join("bridge.toml");
    std::fs::write(&file, fill(BRIDGE, &values))?;
    let loaded = load(&[file], &Environment::default()).map_err(|fault| anyhow!("{fault}"))?;
    let app = App::start(&loaded.config, Clock::system(), Roles::ALL).await?;
    let stop = CancellationToken::new();
    let running = tokio::spawn(app.run(stop.clone()));
    Ok(RunningBridge { url: format!("http://127.0.0.1:{port}"), stop, running })
}

async fn start_alertmanager(arguments: &Arguments, file: &Path) -> anyhow::Result<(Child, String)> {
    let folder = file.parent().context("the file is in a folder")?;
    let address = format!("127.0.0.1:{}", pick_port()?);
    let log = folder.join("alertmanager.log");
    let mut command = Command::new(&arguments.alertmanager);
    command
        .arg(format!("--config.file={}", file.display()))
        .arg(format!("--storage.path={}", folder.join("data").display()))
        .arg(format!("--web.listen-address={address}"))
        .arg("--cluster.listen-address=")
        .kill_on_drop(true)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(&log)?);
    let mut process = command.spawn()?;
    let url = format!("http://{address}");
    while reqwest::get(format!("{url}/-/ready")).await.is_err() {
        ensure!(process.try_wait()?.is_none(), "{}", std::fs::read_to_string(&log)?);
        sleep(Duration::from_millis(50)).await;
    }
    Ok((process, url))
}

fn pick_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
