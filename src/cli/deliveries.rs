//! `deliveries`: what waits for Jira, and what Jira refused.

use std::process::ExitCode;

use serde::Serialize;

use super::layout::{count, moment_and_age};
use super::output;
use super::usage::{Usage, fail_unknown};
use crate::app::open_operator;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::EntityId;
use crate::sync::{DeliveryRow, Operator, Retried};

/// Ids that a misspelt one is compared with.
const NAMES: usize = 100;

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
    /// Sends refused entities again, named ones also if they were discarded; with --all tries parked sites at once
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

/// What `retry` and `discard` print.
#[derive(Serialize)]
struct Done {
    #[serde(flatten)]
    retried: Retried,
    /// Named ids under which nothing is to be sent.
    unknown: Vec<EntityId>,
}

pub async fn main(config: &Config, subcommand: &Subcommand, json: bool) -> anyhow::Result<ExitCode> {
    let clock = Clock::system();
    let operator = open_operator(config, clock.clone()).await?;
    match subcommand {
        Subcommand::List { failed, limit } => {
            let rows = operator.list_deliveries(*failed, *limit).await?;
            if json {
                output::json(&rows)?;
            } else {
                print(rows, *failed, &clock);
            }
            Ok(ExitCode::SUCCESS)
        }
        Subcommand::Retry { ids, all } => {
            if ids.is_empty() && !all {
                return Err(Usage("name the ids to retry, or give --all".to_owned()).into());
            }
            let ids: Vec<_> = ids.iter().map(EntityId::from_text).collect();
            let unknown = operator.find_undelivered(&ids).await?;
            let retried = operator.retry_deliveries((!all).then_some(ids.as_slice())).await?;
            report(&operator, Done { retried, unknown }, "will be sent again", json).await
        }
        Subcommand::Discard { ids } => {
            let ids: Vec<_> = ids.iter().map(EntityId::from_text).collect();
            let unknown = operator.find_undelivered(&ids).await?;
            let retried = Retried { deliveries: operator.discard_deliveries(&ids).await?, sites: 0 };
            report(&operator, Done { retried, unknown }, "given up until the next change", json).await
        }
    }
}

fn print(rows: Vec<DeliveryRow>, failed: bool, clock: &Clock) {
    if rows.is_empty() {
        return output::line(if failed {
            "nothing was refused"
        } else {
            "nothing waits, and nothing was refused"
        });
    }
    let cells = rows.into_iter().map(|row| {
        [
            row.site,
            row.kind.to_string(),
            row.entity_id.into(),
            row.state.to_string(),
            moment_and_age(Some(row.waiting_since), clock.now()),
            row.reason.unwrap_or_default(),
        ]
    });
    output::table(["SITE", "KIND", "ID", "STATE", "SINCE", "REASON"], &cells.collect::<Vec<_>>());
}

async fn report(operator: &Operator, done: Done, what: &str, json: bool) -> anyhow::Result<ExitCode> {
    if json {
        output::json(&done)?;
    } else {
        let Retried { deliveries, sites } = done.retried;
        output::line(format!("{deliveries} {what}"));
        if sites > 0 {
            output::line(format!("{} will be tried now", count(sites, "parked site", "parked sites")));
        }
    }
    if done.unknown.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let rows = operator.list_deliveries(false, NAMES).await?;
    let known: Vec<&str> = rows.iter().map(|row| row.entity_id.as_str()).collect();
    Ok(fail_unknown("delivery of", done.unknown.iter().map(EntityId::as_str), &known))
}
