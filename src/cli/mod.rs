//! The commands. One file per command: read the arguments, call a use case, print.
//!
//! Exit codes: 0 done, 1 failed, 2 wrong usage or configuration. Data goes to standard output, everything
//! else to standard error.

mod config;
mod consent;
mod deliveries;
pub mod demo;
mod destinations;
mod doctor;
mod dry_run;
mod erase;
mod explain;
mod import;
mod incidents;
mod installations;
mod key;
mod layout;
mod manifest;
mod migrate;
mod output;
mod progress;
mod prune;
mod quarantine;
mod reload;
mod serve;
mod simulate_jira;
mod sources;
mod store_copy;
mod sync;
mod usage;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::app::read_configuration;
use crate::config::{ConfigError, Environment, Loaded, find_files};
use crate::telemetry::{init_command_logging, init_logging};
use usage::Usage;

/// Shows the incidents of your incident tool on the Incidents page of Jira Software.
#[derive(Debug, Parser)]
#[command(name = "incident-bridge", version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
struct Common {
    /// Configuration file; later ones win. Without any: those of BRIDGE_CONFIG, else
    /// /etc/incident-bridge/bridge.toml
    #[arg(short, long, global = true, value_name = "FILE")]
    config: Vec<PathBuf>,
    /// Print data as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows everything on this machine with a simulated Jira and simulated tools; needs no account
    Demo(demo::Arguments),
    /// Runs the service
    Serve(serve::Arguments),
    /// Makes the running service read its configuration again, as SIGHUP does
    Reload(reload::Arguments),
    /// Prints the app descriptor that Jira reads at installation
    Descriptor,
    /// Prints the manifest of a Forge app that carries the same Connect modules
    ForgeManifest,
    /// Checks or prints the configuration, its defaults or its schema
    #[command(subcommand)]
    Config(config::Subcommand),
    /// Checks the deployment and says what is well and what to fix
    Doctor(doctor::Arguments),
    /// Applies database migrations
    Migrate,
    /// Reads the tools and brings Jira up to date now
    Sync(sync::Arguments),
    /// Lists the sites that have the app installed, and the progress of each
    Installations(installations::Arguments),
    /// Lists incidents: title, status, severity, service, age, and where each stands
    Incidents(incidents::Arguments),
    /// Tells the whole story of one incident, review or component
    Explain(explain::Arguments),
    /// Lists, retries or discards what waits for Jira or was refused by it
    #[command(subcommand)]
    Deliveries(deliveries::Subcommand),
    /// Removes an incident, or a person's name, from the store and from Jira
    Erase(erase::Arguments),
    /// Removes from Jira what its site may no longer see
    Prune(prune::Arguments),
    /// Lists, shows, replays or discards webhooks that could not be mapped
    #[command(subcommand)]
    Quarantine(quarantine::Subcommand),
    /// Lists the types of incident tools, shows how to set one up, and tests one that is set up
    Sources(sources::Arguments),
    /// Lists where incidents go, shows how to set up a type, and tests one that is set up
    Destinations(destinations::Arguments),
    /// Prints our configuration for one of Alertmanager with jira_configs, and says what cannot be carried over
    ImportAlertmanager(import::Arguments),
    /// Makes vault keys and seals secrets
    #[command(subcommand)]
    Key(key::Subcommand),
    /// Moves everything to another database
    #[command(subcommand)]
    Store(store_copy::Subcommand),
    /// Runs the Jira simulator by itself
    SimulateJira(simulate_jira::Arguments),
}

/// Runs a command line. Never panics on bad input: every failure is a sentence on standard error.
pub async fn run(cli: Cli) -> ExitCode {
    match dispatch(cli).await {
        Ok(code) => code,
        Err(fault) => {
            output::error(&fault);
            let is_usage =
                fault.downcast_ref::<ConfigError>().is_some() || fault.downcast_ref::<Usage>().is_some();
            ExitCode::from(if is_usage { 2 } else { 1 })
        }
    }
}

async fn dispatch(cli: Cli) -> anyhow::Result<ExitCode> {
    let Common { config, json } = cli.common;
    let environment = Environment::of_process();
    let files = find_files(config, &environment);
    let read = || -> Result<Loaded, ConfigError> {
        let loaded = read_configuration(&files, &environment)?;
        let log = &loaded.config.log;
        let logging =
            if loaded.log_level_is_from_environment { init_logging(log) } else { init_command_logging(log) };
        logging.map_err(|fault| ConfigError { problems: vec![fault.to_string()] })?;
        Ok(loaded)
    };
    match cli.command {
        Command::Demo(arguments) => demo::main(arguments, json).await,
        Command::Serve(arguments) => serve::main(files, environment, &arguments).await,
        Command::Reload(arguments) => reload::main(&read()?.config, &arguments, json).await,
        Command::Descriptor => manifest::descriptor(&read()?.config),
        Command::ForgeManifest => manifest::forge_manifest(&read()?.config, json),
        Command::Config(subcommand) => config::main(&files, &environment, &subcommand, json),
        Command::Doctor(arguments) => match arguments.about() {
            Some(code) => doctor::about(code),
            None => doctor::main(&read()?.config, json).await,
        },
        Command::Migrate => migrate::main(&read()?.config, json).await,
        Command::Sync(arguments) => sync::main(&read()?.config, &arguments, json).await,
        Command::Installations(arguments) => installations::main(&read()?.config, &arguments, json).await,
        Command::Incidents(arguments) => incidents::main(&read()?.config, &arguments, json).await,
        Command::Explain(arguments) => explain::main(&read()?.config, &arguments, json).await,
        Command::Deliveries(subcommand) => deliveries::main(&read()?.config, &subcommand, json).await,
        Command::Erase(arguments) => erase::main(&read()?.config, &arguments, json).await,
        Command::Prune(arguments) => prune::main(&read()?.config, &arguments, json).await,
        Command::Quarantine(subcommand) => quarantine::main(&read()?.config, &subcommand, json).await,
        Command::Sources(arguments) => sources::main(&read, &arguments, json).await,
        Command::Destinations(arguments) => destinations::main(&read, &arguments, json).await,
        Command::ImportAlertmanager(arguments) => import::main(&arguments, json),
        Command::Key(subcommand) => key::main(&read, &subcommand, json).await,
        Command::Store(subcommand) => store_copy::main(&subcommand, json).await,
        Command::SimulateJira(arguments) => simulate_jira::main(&arguments).await,
    }
}
