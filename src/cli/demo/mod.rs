//! `demo`: everything on one machine, with no account and no setup.
//!
//! The bridge is the real one, built by the composition root and installed by a signed call; only Jira and
//! the three incident tools are simulated. Jira shows both what an installed app writes and, for a team without one,
//! work items on a board. Must not reach into the bridge: what it shows and checks is what
//! the simulated Jira holds.

#![expect(clippy::indexing_slicing, reason = "the story is fixed")]

mod board;
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
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::output;
use crate::clock::Clock;
use crate::lifecycle::stop_on_signal;
use stage::Stage;
use summary::Summary;

/// How long Jira may take for the last changes when a signal has ended the play.
const LAST_CATCH_UP: Duration = Duration::from_secs(30);

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    incident-bridge demo           # open http://127.0.0.1:8081/ and /board and watch\n  \
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

/// Runs the demo until its story ends, or until a signal, and prints a summary. Whether Jira equalled the tools at
/// the end; a story that a signal cut short did not. Needs a runtime with several threads.
///
/// # Errors
/// When a port is taken or a part does not start, with what to do about it.
pub async fn run(options: DemoOptions) -> anyhow::Result<bool> {
    let stop = stop_on_signal()?;
    let stage = Stage::build(options.port, &Clock::system()).await?;
    if !options.json {
        output::text(stage.describe());
    }
    let played = if options.once {
        tokio::select! {
            played = tell_once(&stage, options.json) => played,
            () = stop.cancelled() => Ok(false),
        }
    } else {
        Ok(play(&stage, &stop).await)
    };
    stage.strike().await?;
    played
}

/// Until `stop`; then Jira has a moment to catch up.
async fn play(stage: &Stage, stop: &CancellationToken) -> bool {
    let started = stage.clock.now();
    endless::play(stage, stop).await;
    output::text("\nThe demo ends. What it amounted to:\n");
    let differences = story::wait_until_equal(stage, LAST_CATCH_UP).await;
    let summary = Summary::new(stage, started, differences);
    output::text(summary.to_string());
    summary.equal
}

async fn tell_once(stage: &Stage, json: bool) -> anyhow::Result<bool> {
    if !json {
        output::text(
            "One story, compared at its end. In it somebody renames a work item, a stranger posts a webhook with a \
             forged signature, and an admin disables the app in Jira for a moment: the bridge warns of both, as it should.\n",
        );
    }
    let summary = story::tell(stage).await?;
    if json {
        output::json(&summary)?;
    } else {
        output::text(summary.to_string());
    }
    Ok(summary.equal)
}
