//! `deliveries`: what waits for Jira, and what Jira refused.

use std::process::ExitCode;

use super::output;
use super::usage::Usage;
use crate::app::open_operator;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::{EntityId, format_timestamp};

#[derive(Debug, clap::Subcommand)]
pub enum Subcommand {
    /// Lists what waits or was refused
    #[command(after_help = "Example:\n  incident-bridge deliveries list --failed --json")]
    List {
        /// Only what Jira refused
        #[arg(long)]
        failed: bool,
        /// Print at most this many rows
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Sends refused entities again, and with --all tries parked sites at once
    #[command(
        after_help = "Examples:\n  incident-bridge deliveries retry pd:Q1A2B3\n  incident-bridge deliveries retry --all"
    )]
    Retry {
        /// Ids in Jira
        ids: Vec<String>,
        /// Everything that was refused; sites that waited for a person are tried again now
        #[arg(long, conflicts_with = "ids")]
        all: bool,
    },
    /// Gives up on entities until their next change
    #[command(after_help = "Example:\n  incident-bridge deliveries discard pd:Q1A2B3")]
    Discard {
        /// Ids in Jira
        #[arg(required = true)]
        ids: Vec<String>,
    },
}

pub async fn main(config: &Config, subcommand: &Subcommand, json: bool) -> anyhow::Result<ExitCode> {
    let operator = open_operator(config, Clock::system()).await?;
    match subcommand {
        Subcommand::List { failed, limit } => {
            let rows = operator.list_deliveries(*failed, *limit).await?;
            if json {
                output::json(&rows)?;
            } else {
                let cells: Vec<_> = rows
                    .into_iter()
                    .map(|row| {
                        let since = format_timestamp(row.waiting_since);
                        [
                            row.site,
                            row.kind.to_string(),
                            row.entity_id.into(),
                            row.state.to_string(),
                            since,
                            row.reason.unwrap_or_default(),
                        ]
                    })
                    .collect();
                output::table(["SITE", "KIND", "ID", "STATE", "SINCE", "REASON"], &cells);
            }
        }
        Subcommand::Retry { ids, all } => {
            if ids.is_empty() && !all {
                return Err(Usage("name the ids to retry, or give --all".to_owned()).into());
            }
            let ids: Vec<_> = ids.iter().map(EntityId::from_text).collect();
            let retried = operator.retry_deliveries((!all).then_some(ids.as_slice())).await?;
            report(json, "will be sent again", retried.deliveries, retried.sites)?;
        }
        Subcommand::Discard { ids } => {
            let ids: Vec<_> = ids.iter().map(EntityId::from_text).collect();
            let count = operator.discard_deliveries(&ids).await?;
            report(json, "given up until the next change", count, 0)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn report(json: bool, what: &str, count: u64, sites: u64) -> anyhow::Result<()> {
    if json {
        return output::json(&serde_json::json!({ "count": count, "sites": sites }));
    }
    output::line(format!("{count} {what}"));
    if sites > 0 {
        output::line(format!("{sites} parked site(s) will be tried now"));
    }
    Ok(())
}
