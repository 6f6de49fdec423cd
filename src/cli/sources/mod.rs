//! `sources`: which incident tools the bridge supports, how each is set up, and whether one answers.

mod probe;
mod show;

use std::process::ExitCode;

use serde::Serialize;

use super::output;
use crate::config::{ConfigError, Loaded};
use crate::sources::{Capability, KINDS};
use crate::telemetry::init_command_logging;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    incident-bridge sources\n  \
    incident-bridge sources show pagerduty\n  \
    incident-bridge sources show pagerduty >> bridge.toml\n  \
    incident-bridge sources test pd --config bridge.toml")]
pub struct Arguments {
    #[command(subcommand)]
    subcommand: Option<Subcommand>,
}

#[derive(Debug, clap::Subcommand)]
enum Subcommand {
    /// Lists the types of tools and what each brings: webhooks, polling, reviews
    #[command(after_help = "Example:\n  incident-bridge sources list --json")]
    List,
    /// Prints how to configure a type: its keys, which of them are required, and the webhook's address
    #[command(after_help = "Examples:\n  \
        incident-bridge sources show pagerduty\n  \
        incident-bridge sources show grafana --config bridge.toml")]
    Show {
        /// A type, as `sources list` names it
        #[arg(value_name = "TYPE")]
        name: String,
    },
    /// Asks a configured tool once and prints what Jira would get; stores and sends nothing
    #[command(after_help = "Example:\n  incident-bridge sources test pd --config bridge.toml")]
    Test {
        /// The id of a source in the configuration
        id: String,
    },
}

/// One type, for programs.
#[derive(Serialize)]
struct Listed {
    name: &'static str,
    title: &'static str,
    #[serde(rename = "gives")]
    capabilities: &'static [Capability],
    page: String,
}

pub async fn main(
    read: &impl Fn() -> Result<Loaded, ConfigError>,
    arguments: &Arguments,
    json: bool,
) -> anyhow::Result<ExitCode> {
    match &arguments.subcommand {
        None | Some(Subcommand::List) => list(json),
        Some(Subcommand::Show { name }) => show::main(read, name, json),
        Some(Subcommand::Test { id }) => {
            let config = read()?.config;
            init_command_logging(&config.log)?;
            probe::main(&config, id, json).await
        }
    }
}

fn list(json: bool) -> anyhow::Result<ExitCode> {
    if json {
        let all = KINDS.iter().map(|kind| Listed {
            name: kind.name,
            title: kind.title(),
            capabilities: kind.capabilities,
            page: kind.page_path(),
        });
        output::json(&all.collect::<Vec<_>>())?;
    } else {
        let rows: Vec<_> = KINDS
            .iter()
            .map(|kind| [kind.name.to_owned(), kind.title().to_owned(), show::capabilities(kind)])
            .collect();
        output::table(["TYPE", "TOOL", "BRINGS"], &rows);
    }
    Ok(ExitCode::SUCCESS)
}
