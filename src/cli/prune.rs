//! `prune`: removes from Jira what its site may no longer see.

use std::process::ExitCode;

use super::layout::moment_and_age;
use super::output;
use crate::app::open_engine;
use crate::clock::Clock;
use crate::config::Config;
use crate::sync::Outbound;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    incident-bridge prune --dry-run    # what would be removed, and from when on\n  \
    incident-bridge prune --now        # without waiting for sync.removal_grace")]
pub struct Arguments {
    /// Only say what would be removed
    #[arg(long)]
    dry_run: bool,
    /// Do not wait for the grace period
    #[arg(long, conflicts_with = "dry_run")]
    now: bool,
}

pub async fn main(config: &Config, arguments: &Arguments, json: bool) -> anyhow::Result<ExitCode> {
    let clock = Clock::system();
    let engine = open_engine(config, clock.clone()).await?;
    let removals = if arguments.dry_run {
        engine.outbound().plan_removals().await?
    } else {
        let mut removed = engine.outbound().remove_due(arguments.now).await?;
        while engine.outbound().has_unfinished_removal() {
            tokio::time::sleep(Outbound::REMOVAL_GOES_ON).await;
            removed.extend(engine.outbound().remove_due(arguments.now).await?);
        }
        removed
    };
    if json {
        output::json(&removals)?;
        return Ok(ExitCode::SUCCESS);
    }
    let what = if arguments.dry_run { "would be removed after" } else { "removed; it was due" };
    for removal in &removals {
        let thing = removal.workspace.as_ref().map_or_else(
            || format!("everything of {}", removal.source),
            |workspace| format!("the workspace {workspace}"),
        );
        let due = moment_and_age(Some(removal.due_at), clock.now());
        output::line(format!("{thing} at {}: {what} {due}", removal.site));
    }
    if removals.is_empty() {
        output::line("nothing to remove now");
    }
    Ok(ExitCode::SUCCESS)
}
