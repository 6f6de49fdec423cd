//! `simulate-jira`: the Jira simulator by itself.

use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context;

use super::output;
use crate::clock::Clock;
use crate::config::{Log, LogFormat};
use crate::lifecycle::stop_on_signal;
use crate::simulator::{Simulator, SimulatorOptions};
use crate::telemetry::init_logging;

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  incident-bridge simulate-jira --listen 127.0.0.1:8081\n  \
    curl -X POST http://127.0.0.1:8081/simulator/install -H 'content-type: application/json' \\\n    \
    -d '{\"baseUrl\":\"http://127.0.0.1:8080\"}'")]
pub struct Arguments {
    /// Where the simulated site listens
    #[arg(long, default_value = "127.0.0.1:8081")]
    listen: SocketAddr,
}

pub async fn main(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    init_logging(&Log { level: "warn".to_owned(), format: LogFormat::Text })?;
    let stop = stop_on_signal()?;
    let listen = arguments.listen;
    let simulator = Simulator::start(Clock::system(), listen, SimulatorOptions::default())
        .with_context(|| format!("cannot listen on {listen}; choose another address with --listen"))?;
    output::line(format!("Incidents page       {}/", simulator.url()));
    output::line(format!("board of work items  {}/board", simulator.url()));
    output::line(format!("install keys         {}", simulator.install_keys_url()));
    output::line(format!(
        "install a bridge     POST {}/simulator/install {{\"baseUrl\": …}}",
        simulator.url()
    ));
    output::line(format!(
        "let an account in    POST {}/simulator/accounts {{\"email\": …, \"token\": …}}",
        simulator.url()
    ));
    stop.cancelled().await;
    simulator.stop().await?;
    Ok(ExitCode::SUCCESS)
}
