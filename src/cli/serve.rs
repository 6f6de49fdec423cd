//! `serve`: the service.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::ValueEnum;

use super::usage::Usage;
use crate::app::{App, Roles, list_exposed_secrets, read_configuration};
use crate::clock::Clock;
use crate::config::Environment;
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
    let app = App::start(&config, Clock::system(), roles).await?;
    for warning in list_exposed_secrets(&loaded) {
        tracing::warn!(%warning, "the configuration is valid, but this does not work or is careless");
    }
    tokio::spawn(reload_at(hang_ups, app.enable_reload(loaded, read)));
    if let Some(address) = app.public_address() {
        tracing::info!(%address, base_url = %config.server.base_url, "listening");
    }
    tracing::info!(address = %app.operator_address(), sources = config.sources.len(), "operator listener: /healthz /readyz /metrics");
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
