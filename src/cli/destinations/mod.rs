//! `destinations`: where incidents go, how each type is set up, and whether one that is set up works.

mod list;
mod trial;

use std::process::ExitCode;

use anyhow::anyhow;
use serde::Serialize;

use super::usage::unknown;
use super::{consent, output};
use crate::config::{ConfigError, Loaded};
use crate::destinations::{DestinationKind, TYPES};
use crate::telemetry::init_command_logging;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    incident-bridge destinations --config bridge.toml\n  \
    incident-bridge destinations show issues\n  \
    incident-bridge destinations test ops --config bridge.toml")]
pub struct Arguments {
    #[command(subcommand)]
    subcommand: Option<Subcommand>,
}

#[derive(Debug, clap::Subcommand)]
enum Subcommand {
    /// Lists the destinations of the configuration with their state, and the types that there are
    #[command(after_help = "Example:\n  incident-bridge destinations list --json --config bridge.toml")]
    List,
    /// Prints the page of a type: who can use it, its keys, and what to do when it fails
    #[command(after_help = "Example:\n  incident-bridge destinations show issues")]
    Show {
        /// A type, as `destinations list` names it
        #[arg(value_name = "TYPE")]
        name: String,
    },
    /// Makes a test work item, reads it back, resolves it and leaves it there, labelled as a test
    #[command(after_help = "Example:\n  incident-bridge destinations test ops --config bridge.toml")]
    Test {
        /// The id of a `[[jira_issues]]` table
        id: String,
    },
    /// Lets a destination make all work items of its first sync, which waits for that if they are more than 100
    #[command(after_help = "Example:\n  incident-bridge destinations approve ops --config bridge.toml")]
    Approve {
        /// The id of a destination in the configuration
        id: String,
    },
}

pub async fn main(
    read: &impl Fn() -> Result<Loaded, ConfigError>,
    arguments: &Arguments,
    json: bool,
) -> anyhow::Result<ExitCode> {
    match &arguments.subcommand {
        None | Some(Subcommand::List) => list::main(&read()?.config, json).await,
        Some(Subcommand::Show { name }) => show(name, json),
        Some(Subcommand::Approve { id }) => consent::approve(&read()?.config, id, json).await,
        Some(Subcommand::Test { id }) => {
            let config = read()?.config;
            init_command_logging(&config.log)?;
            trial::main(&config, id, json).await
        }
    }
}

#[derive(Serialize)]
struct Shown {
    name: &'static str,
    title: &'static str,
    page: &'static str,
}

fn show(name: &str, json: bool) -> anyhow::Result<ExitCode> {
    let known: Vec<&str> = TYPES.iter().map(|kind| kind.name).collect();
    let found = TYPES.iter().find(|kind| kind.name == name);
    let DestinationKind { name, title, page, .. } =
        *found.ok_or_else(|| anyhow!(unknown("type of destination", name, &known)))?;
    if json {
        output::json(&Shown { name, title, page })?;
    } else {
        output::text(page.trim_end());
    }
    Ok(ExitCode::SUCCESS)
}
