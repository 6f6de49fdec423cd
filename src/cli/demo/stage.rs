//! Builds everything the demo consists of, and takes it down again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use askama::Template;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::board::{compare_board, incident_of};
use super::compare::compare;
use super::ports::Ports;
use crate::app::{App, Roles};
use crate::clock::Clock;
use crate::config::{self, Config, Environment};
use crate::simulator::platform::Account;
use crate::simulator::tools::{Subscription, Tools};
use crate::simulator::{RunningSimulator, Simulator, SimulatorOptions};
use crate::sync::generate_vault_key;
use crate::telemetry::init_logging;

/// Whose token writes work items.
const BOARD_EMAIL: &str = "bridge@example.com";

/// The configuration file. Values are JSON texts, which TOML reads alike.
#[derive(Template)]
#[template(path = "demo.toml", escape = "none")]
struct DemoToml {
    listen: Value,
    base_url: Value,
    operator: Value,
    store: Value,
    vault_key: Value,
    site: Value,
    install_keys: Value,
    pager_secret: Value,
    pager_url: Value,
    alerts_url: Value,
    status_token: Value,
    status_url: Value,
    board_email: Value,
    board_token: Value,
}

/// What the two tools prove themselves with that post webhooks, and the bridge towards the board.
struct Credentials {
    pager: SecretString,
    status: SecretString,
    board: SecretString,
}

/// The running parts.
pub(super) struct Stage {
    pub clock: Clock,
    pub jira: RunningSimulator,
    pub tools: Tools,
    /// The configuration file, for the program's other commands.
    pub file: PathBuf,
    /// Summaries that people have written on the board, by the pager's incident.
    renamed: Mutex<BTreeMap<String, String>>,
    bridge_url: String,
    operator_url: String,
    bridge: JoinHandle<anyhow::Result<()>>,
    stop: CancellationToken,
    _folder: TempDir,
}

impl Stage {
    /// Starts Jira, the tools and the bridge, and installs the bridge in Jira.
    ///
    /// # Errors
    /// When a port is taken, or a part does not start.
    pub async fn build(port: u16, clock: &Clock) -> anyhow::Result<Self> {
        let ports = Ports::choose(port)?;
        let bridge_url = format!("http://{}", ports.bridge);
        let folder = tempfile::Builder::new().prefix("incident-bridge-demo-").tempdir()?;
        let jira = Simulator::start(clock.clone(), ports.jira, SimulatorOptions::default())
            .context("the simulated Jira does not start")?;
        let credentials = Credentials::new(clock);
        jira.board().admit(Account::of_user(BOARD_EMAIL, credentials.board.expose_secret()));
        let [pager, status] = credentials.subscriptions(&bridge_url)?;
        let tools =
            Tools::start(clock, ports.tools, pager, status).context("the simulated tools do not start")?;
        let file = folder.path().join("demo.toml");
        let text = describe(folder.path(), &ports, &jira, &tools, &credentials)?;
        std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
        let config = read(&file)?;
        init_logging(&config.log)?;
        let app = App::start(&config, clock.clone(), Roles::ALL).await?;
        let operator_url = format!("http://{}", app.operator_address());
        let stop = CancellationToken::new();
        let bridge = tokio::spawn(app.run(stop.clone()));
        jira.install(&bridge_url).await.context("the bridge cannot be installed in the simulated Jira")?;
        let clock = clock.clone();
        let renamed = Mutex::default();
        Ok(Self {
            clock,
            jira,
            tools,
            file,
            renamed,
            bridge_url,
            operator_url,
            bridge,
            stop,
            _folder: folder,
        })
    }

    /// Every difference between the tools and what Jira shows, on the Incidents page and on the board.
    pub fn differences(&self) -> Vec<String> {
        let renamed = self.renamed.lock().unwrap_or_else(PoisonError::into_inner);
        let mut differences = compare(&self.jira, &self.tools);
        differences.extend(compare_board(
            &self.jira.board().issues(),
            &self.jira,
            &self.tools.pager,
            &renamed,
        ));
        differences
    }

    /// Somebody on the team writes another summary. Whether the incident has a work item.
    pub fn rename(&self, incident: &str, summary: &str) -> bool {
        let found = self.jira.board().issues().into_iter().find(|issue| incident_of(issue) == Some(incident));
        if let Some(issue) = &found {
            let mut renamed = self.renamed.lock().unwrap_or_else(PoisonError::into_inner);
            renamed.insert(incident.to_owned(), summary.to_owned());
            self.jira.board().edit(&issue.key, "summary", summary.into());
        }
        found.is_some()
    }

    /// The addresses to open.
    pub fn describe(&self) -> String {
        let rows = [
            ("Jira's Incidents page", format!("{}/", self.jira.url())),
            ("A board without the app", format!("{}/board", self.jira.url())),
            ("The bridge", format!("{}/", self.bridge_url)),
            ("Its health and metrics", format!("{}/readyz  /metrics", self.operator_url)),
            ("The pager (posts webhooks)", self.tools.pager_url()),
            ("The alerts (are polled)", self.tools.alerts_url()),
            ("The status page (webhooks)", self.tools.status_url()),
            ("The bridge's configuration", self.file.display().to_string()),
        ];
        let rows = rows.map(|(name, address)| format!("  {name:<28}{address}"));
        format!("Incident Bridge, demo\n\n{}\n", rows.join("\n"))
    }

    /// Stops the bridge politely, then Jira and the tools.
    ///
    /// # Errors
    /// When a part had failed.
    pub async fn strike(self) -> anyhow::Result<()> {
        self.stop.cancel();
        self.bridge.await??;
        self.jira.stop().await?;
        Ok(())
    }
}

impl Credentials {
    fn new(clock: &Clock) -> Self {
        // The token is a part of an address, so it has letters, digits and dashes only.
        let status = format!("{}{}", clock.new_id(), clock.new_id());
        Self { pager: generate_vault_key(), status: status.into(), board: generate_vault_key() }
    }

    fn subscriptions(&self, bridge_url: &str) -> Result<[Subscription; 2], url::ParseError> {
        let status = self.status.expose_secret();
        Ok([
            Subscription {
                url: Url::parse(&format!("{bridge_url}/webhooks/pager"))?,
                secret: Some(self.pager.clone()),
            },
            Subscription {
                url: Url::parse(&format!("{bridge_url}/webhooks/status/{status}"))?,
                secret: None,
            },
        ])
    }
}

/// The text of the configuration file.
fn describe(
    folder: &Path,
    ports: &Ports,
    jira: &RunningSimulator,
    tools: &Tools,
    credentials: &Credentials,
) -> Result<String, askama::Error> {
    let text = |value: &dyn ToString| Value::from(value.to_string());
    DemoToml {
        listen: text(&ports.bridge),
        base_url: text(&format!("http://{}", ports.bridge)),
        operator: text(&ports.operator),
        store: text(&format!("sqlite://{}", folder.join("demo.db").display())),
        vault_key: generate_vault_key().expose_secret().into(),
        site: text(&jira.addr()),
        install_keys: text(&jira.install_keys_url()),
        pager_secret: credentials.pager.expose_secret().into(),
        pager_url: text(&tools.pager_url()),
        alerts_url: text(&tools.alerts_url()),
        status_token: credentials.status.expose_secret().into(),
        status_url: text(&tools.status_url()),
        board_email: BOARD_EMAIL.into(),
        board_token: credentials.board.expose_secret().into(),
    }
    .render()
}

/// Of the user's environment only the settings of the log count.
fn read(file: &Path) -> anyhow::Result<Config> {
    let mut environment: BTreeMap<String, String> = Environment::of_process().0;
    environment.retain(|name, _| name.starts_with("BRIDGE__LOG__"));
    Ok(config::load(&[file.to_owned()], &Environment(environment))?.config)
}
