//! `serve`: the service.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::ValueEnum;

use super::usage::Usage;
use crate::app::{App, Roles, list_exposed_secrets, read_configuration};
use crate::clock::Clock;
use crate::config::{Config, Environment};
use crate::lifecycle::{HangUps, stop_service_on_signal};
use crate::telemetry::init_logging;
use crate::web::Reload;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    incident-bridge serve --config /etc/incident-bridge/bridge.toml\n  \
    incident-bridge serve --config bridge.toml --role web   # with PostgreSQL: listeners here, sync elsewhere")]
pub struct Arguments {
    /// Parts to run
    #[arg(long, value_delimiter = ',', default_value = "web,sync")]
    role: Vec<Role>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Role {
    Web,
    Sync,
}

pub async fn main(
    files: Vec<PathBuf>,
    environment: Environment,
    arguments: &Arguments,
) -> anyhow::Result<ExitCode> {
    // First of all, because an unexpected SIGHUP would end the process.
    let (stop, hang_ups) = stop_service_on_signal()?;
    let read = move || read_configuration(&files, &environment);
    let loaded = read()?;
    let config = loaded.config.clone();
    init_logging(&config.log).map_err(|fault| Usage(fault.to_string()))?;
    let roles =
        Roles { web: arguments.role.contains(&Role::Web), sync: arguments.role.contains(&Role::Sync) };
    log_start(&config, roles);
    for warning in list_exposed_secrets(&loaded) {
        tracing::warn!(%warning, "the configuration is valid, but this does not work or is careless");
    }
    let app = App::start(&config, Clock::system(), roles).await?;
    tokio::spawn(reload_at(hang_ups, app.enable_reload(loaded, read)));
    if let Some(address) = app.public_address() {
        tracing::info!(%address, base_url = %config.server.base_url, "the public listener answers");
    }
    let address = app.operator_address();
    tracing::info!(%address, "the operator's listener answers /healthz, /readyz and /metrics");
    app.run(stop).await?;
    Ok(ExitCode::SUCCESS)
}

async fn reload_at(mut hang_ups: HangUps, reload: Arc<dyn Reload>) {
    loop {
        hang_ups.next().await;
        // What came of it is in the log.
        drop(reload.reload().await);
    }
}

/// What runs here, and where each tool has to post.
fn log_start(config: &Config, roles: Roles) {
    let names = [(roles.web, "web"), (roles.sync, "sync")];
    let names: Vec<_> = names.iter().filter(|(has, _)| *has).map(|(_, name)| *name).collect();
    tracing::info!(version = env!("CARGO_PKG_VERSION"), roles = names.join(","), "incident-bridge starts");
    for source in &config.sources {
        let base = config.server.base_url.as_str().trim_end_matches('/');
        let webhooks = source.takes_webhooks().then(|| format!("{base}/webhooks/{}", source.id));
        let polled = source.api_token.is_some() || source.api_url.is_some();
        tracing::info!(source = %source.id, tool = source.kind, webhooks, polled, "source");
    }
}
