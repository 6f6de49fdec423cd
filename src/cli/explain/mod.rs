//! `explain`: the whole story of one incident, review or component.
//!
//! `sync` collects what is known. `plain` says it in the words of people who handle incidents, `sentences` with every
//! id and version.

mod plain;
mod sentences;

use std::process::ExitCode;

use super::output;
use crate::app::open_operator;
use crate::clock::Clock;
use crate::config::Config;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    incident-bridge explain Q1A2B3C4D5E6F7        # the tool's own id\n  \
    incident-bridge explain 1042                  # the tool's number\n  \
    incident-bridge explain https://acme.pagerduty.com/incidents/Q1A2B3C4D5E6F7\n  \
    incident-bridge explain pd:Q1A2B3C4D5E6F7     # the id in Jira\n  \
    incident-bridge explain 1042 --verbose        # with ids, versions and requests")]
pub struct Arguments {
    /// The tool's id, its number or address of the incident, or the id in Jira
    incident: String,
    /// With the ids of webhooks and requests, versions, and instants by the millisecond
    #[arg(long)]
    verbose: bool,
}

pub async fn main(config: &Config, arguments: &Arguments, json: bool) -> anyhow::Result<ExitCode> {
    let clock = Clock::system();
    let operator = open_operator(config, clock.clone()).await?;
    let explanation = operator.explain(&arguments.incident, &config.destinations).await?;
    if json {
        output::json(&explanation)?;
    } else {
        for (nth, story) in explanation.stories.iter().enumerate() {
            if nth > 0 {
                output::line("");
            }
            plain::print(story, &explanation.places, clock.now(), arguments.verbose);
        }
        if let Some(unknown) = &explanation.unknown {
            sentences::print_unknown(&arguments.incident, unknown);
        }
    }
    Ok(if explanation.stories.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
