//! `explain`: the whole story of one incident, review or component.
//!
//! `sync` collects what is known; `sentences` puts it into words.

mod sentences;

use std::process::ExitCode;

use super::output;
use crate::app::open_operator;
use crate::clock::Clock;
use crate::config::Config;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    incident-bridge explain Q1A2B3C4D5E6F7        # the tool's own id\n  \
    incident-bridge explain pd:Q1A2B3C4D5E6F7     # the id in Jira")]
pub struct Arguments {
    /// The tool's id or the id in Jira
    incident: String,
}

pub async fn main(config: &Config, arguments: &Arguments, json: bool) -> anyhow::Result<ExitCode> {
    let operator = open_operator(config, Clock::system()).await?;
    let explanation = operator.explain(&arguments.incident).await?;
    if json {
        output::json(&explanation)?;
    } else {
        for story in &explanation.stories {
            sentences::print(story, &explanation.places);
        }
        if let Some(unknown) = &explanation.unknown {
            sentences::print_unknown(&arguments.incident, unknown);
        }
    }
    Ok(if explanation.stories.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
