//! Puts a new configuration into force without a restart.
//!
//! Everything new is built before anything old is replaced, so a configuration with a mistake changes nothing.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::build::{build_registry, open_vault};
use super::configuration::{list_exposed_secrets, list_warnings};
use crate::config::{ConfigError, Live, Loaded};
use crate::connect::sites::SiteAllowList;
use crate::sync::Engine;
use crate::web::{Reload, ReloadFault, Reloaded};

/// Reads the configuration again.
type Read = Box<dyn Fn() -> Result<Loaded, ConfigError> + Send + Sync>;

pub(super) struct Reloader {
    /// The configuration in force. Reloads take turns.
    running: Mutex<Loaded>,
    read: Read,
    engine: Arc<Engine>,
    allow_list: Arc<Live<SiteAllowList>>,
}

impl Reloader {
    pub fn new(
        running: Loaded,
        read: Read,
        engine: Arc<Engine>,
        allow_list: Arc<Live<SiteAllowList>>,
    ) -> Self {
        Self { running: Mutex::new(running), read, engine, allow_list }
    }

    async fn replace(&self) -> Result<Reloaded, ReloadFault> {
        let mut running = self.running.lock().await;
        let new = (self.read)()?;
        let (adopted, changes) = running.adopt(&new);
        let config = &adopted.config;
        let mistake = |what: String| ConfigError { problems: vec![what] };
        let registry = build_registry(config)?;
        let vault = open_vault(config).map_err(|fault| mistake(fault.to_string()))?;
        let sites = SiteAllowList::parse(&config.connect.sites, &config.connect.insecure_sites);
        let sites = sites.map_err(|fault| mistake(format!("connect.sites: {fault}")))?;
        let mut warnings = list_warnings(config, &registry);
        warnings.extend(list_exposed_secrets(&adopted));

        self.allow_list.replace(sites);
        let applied = self.engine.reconfigure(config, registry, &vault).await;
        *running = adopted;
        applied.map_err(|fault| ReloadFault::Incomplete(fault.to_string()))?;
        Ok(Reloaded { changes, warnings })
    }
}

#[async_trait]
impl Reload for Reloader {
    async fn reload(&self) -> Result<Reloaded, ReloadFault> {
        let result = self.replace().await;
        match &result {
            Ok(Reloaded { changes, warnings }) => {
                tracing::info!(changed = list(&changes.changed), "the configuration was reloaded");
                if !changes.needs_restart.is_empty() {
                    let keys = list(&changes.needs_restart);
                    tracing::warn!(keys, "these changes need a restart");
                }
                for warning in warnings {
                    tracing::warn!(%warning, "the configuration is valid, but this does not work or is careless");
                }
            }
            Err(ReloadFault::Invalid(ConfigError { problems })) => {
                let problems = problems.join("; ");
                tracing::error!(
                    problems,
                    "the configuration was not reloaded, and the one before stays in force: fix it and reload"
                );
            }
            Err(ReloadFault::Incomplete(fault)) => {
                tracing::error!(
                    fault,
                    "the new configuration is in force, but the database failed: reload again"
                );
            }
        }
        result
    }
}

fn list<'a>(keys: impl IntoIterator<Item = &'a String>) -> String {
    keys.into_iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}
