//! Builds everything the demo consists of, and takes it down again.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use secrecy::{ExposeSecret, SecretString};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::ports::Ports;
use crate::app::{App, Roles};
use crate::clock::Clock;
use crate::config::{self, Config, Environment};
use crate::simulator::tools::{Subscription, Tools};
use crate::simulator::{RunningSimulator, Simulator, SimulatorOptions};
use crate::sync::generate_vault_key;
use crate::telemetry::init_logging;

const DEMO_TOML: &str = include_str!("../../../config/demo.toml");

/// The running parts.
pub(super) struct Stage {
    pub clock: Clock,
    pub jira: RunningSimulator,
    pub tools: Tools,
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
        let secret = generate_vault_key();
        let subscription = Subscription {
            url: Url::parse(&format!("{bridge_url}/webhooks/pager"))?,
            secret: secret.clone(),
        };
        let tools =
            Tools::start(clock, ports.tools, subscription).context("the simulated tools do not start")?;
        let config = configure(folder.path(), &ports, &bridge_url, &jira, &tools, &secret)?;
        init_logging(&config.log)?;
        let app = App::start(&config, clock.clone(), Roles::ALL).await?;
        let operator_url = format!("http://{}", app.operator_address());
        let stop = CancellationToken::new();
        let bridge = tokio::spawn(app.run(stop.clone()));
        jira.install(&bridge_url).await.context("the bridge cannot be installed in the simulated Jira")?;
        let clock = clock.clone();
        Ok(Self { clock, jira, tools, bridge_url, operator_url, bridge, stop, _folder: folder })
    }

    /// The addresses to open.
    pub fn describe(&self) -> String {
        let rows = [
            ("Jira's Incidents page", format!("{}/", self.jira.url())),
            ("The bridge", format!("{}/", self.bridge_url)),
            ("Its health and metrics", format!("{}/readyz  /metrics", self.operator_url)),
            ("The pager (posts webhooks)", self.tools.pager_url()),
            ("The alerts (are polled)", self.tools.alerts_url()),
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

/// The demo's own file, and on top of it what is only known now. Of the user's environment only the
/// settings of the log count.
fn configure(
    folder: &Path,
    ports: &Ports,
    bridge_url: &str,
    jira: &RunningSimulator,
    tools: &Tools,
    secret: &SecretString,
) -> anyhow::Result<Config> {
    let file = folder.join("demo.toml");
    std::fs::write(&file, DEMO_TOML).with_context(|| format!("cannot write {}", file.display()))?;
    let site = jira.addr().to_string();
    let values = [
        ("SERVER__LISTEN", ports.bridge.to_string()),
        ("SERVER__BASE_URL", bridge_url.to_owned()),
        ("OPERATOR__LISTEN", ports.operator.to_string()),
        ("STORE__URL", format!("sqlite://{}", folder.join("demo.db").display())),
        ("VAULT__KEY", generate_vault_key().expose_secret().to_owned()),
        ("CONNECT__SITES", site.clone()),
        ("CONNECT__INSECURE_SITES", site),
        ("CONNECT__INSTALL_KEY_URLS", jira.install_keys_url()),
        ("SOURCES__PAGER__WEBHOOK_SECRETS", secret.expose_secret().to_owned()),
        ("SOURCES__PAGER__WORKSPACE_URL", tools.pager_url()),
        ("SOURCES__ALERTS__API_URL", tools.alerts_url()),
    ];
    let values = values.map(|(key, value)| (format!("BRIDGE__{key}"), value));
    let mut environment: BTreeMap<String, String> = Environment::of_process().0;
    environment.retain(|name, _| name.starts_with("BRIDGE__LOG__"));
    environment.extend(values);
    Ok(config::load(&[file], &Environment(environment))?.config)
}
