//! `serve`: the service.

use std::process::ExitCode;

use clap::ValueEnum;

use crate::app::{App, Roles};
use crate::clock::Clock;
use crate::config::Config;
use crate::lifecycle::stop_on_signal;
use crate::telemetry::init_logging;

use super::usage::Usage;

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

pub async fn main(config: &Config, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    init_logging(&config.log).map_err(|fault| Usage(fault.to_string()))?;
    let roles =
        Roles { web: arguments.role.contains(&Role::Web), sync: arguments.role.contains(&Role::Sync) };
    let stop = stop_on_signal()?;
    let app = App::start(config, Clock::system(), roles).await?;
    if let Some(address) = app.public_address() {
        tracing::info!(%address, base_url = %config.server.base_url, "listening");
    }
    tracing::info!(address = %app.operator_address(), sources = config.sources.len(), "operator listener: /healthz /readyz /metrics");
    app.run(stop).await?;
    Ok(ExitCode::SUCCESS)
}
