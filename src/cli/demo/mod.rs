//! `demo`: everything on one machine, with no account and no setup.
//!
//! The bridge is the real one, built by the composition root and installed by a signed call; only Jira and
//! the two incident tools are simulated. Must not reach into the bridge: what it shows and checks is what
//! the simulated Jira holds.

#![expect(clippy::indexing_slicing, reason = "the story is fixed")]

mod compare;
mod endless;
mod ports;
mod scenery;
mod stage;
mod story;
mod summary;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use tokio_util::sync::CancellationToken;

use super::output;
use crate::clock::Clock;
use crate::lifecycle::stop_on_signal;
use stage::Stage;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    incident-bridge demo           # open http://127.0.0.1:8081/ and watch\n  \
    incident-bridge demo --once    # one story with a check at its end; exit code 0 or 1")]
pub struct Arguments {
    /// Port of the bridge; Jira, the operator's page and the tools take the next three. 0 picks free ones
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Play one story, compare Jira with the tools, print a summary, and end
    #[arg(long)]
    once: bool,
}

/// What the demo is to do.
#[derive(Debug, Clone, Copy)]
pub struct DemoOptions {
    /// Of the bridge; the other listeners take the next three. 0 picks free ones.
    pub port: u16,
    /// One story instead of an endless play.
    pub once: bool,
    /// Print the story's summary as JSON, and nothing else.
    pub json: bool,
}

/// The command.
///
/// # Errors
/// As for [`run`].
pub async fn main(arguments: Arguments, json: bool) -> anyhow::Result<ExitCode> {
    let Arguments { port, once } = arguments;
    let equal = run(DemoOptions { port, once, json }).await?;
    Ok(if equal { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs the demo until its story ends, or until a signal. Whether Jira equalled the tools at the end of the
/// story; the endless play is not compared. Needs a runtime with several threads.
///
/// # Errors
/// When a port is taken or a part does not start, with what to do about it.
pub async fn run(options: DemoOptions) -> anyhow::Result<bool> {
    let stop = stop_on_signal()?;
    let stage = Stage::build(options.port, &Clock::system()).await?;
    if !options.json {
        output::text(stage.describe());
    }
    let played = tokio::select! {
        played = play(&stage, options, &stop) => played,
        () = stop.cancelled() => Ok(!options.once),
    };
    stage.strike().await?;
    played
}

async fn play(stage: &Stage, options: DemoOptions, stop: &CancellationToken) -> anyhow::Result<bool> {
    if !options.once {
        endless::play(stage, stop).await;
        return Ok(true);
    }
    let summary = story::tell(stage).await?;
    if options.json {
        output::json(&summary)?;
    } else {
        output::text(summary.to_string());
    }
    Ok(summary.equal)
}
