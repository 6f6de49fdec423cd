//! `quarantine`: genuine webhooks that could not be mapped.

use std::process::ExitCode;

use serde::Serialize;

use super::layout::{count, moment_and_age};
use super::output;
use super::usage::{Usage, fail_unknown};
use crate::app::open_operator;
use crate::clock::Clock;
use crate::config::Config;
use crate::sync::{Operator, QuarantinedRow};

/// Ids that a misspelt one is compared with.
const NAMES: usize = 100;

#[derive(Debug, clap::Subcommand)]
pub enum Subcommand {
    /// Lists them, each with the reason
    #[command(after_help = "Example:\n  incident-bridge quarantine list --json")]
    List {
        /// Print at most this many rows
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Prints the body of one, as the tool sent it
    Show {
        /// Id of the webhook
        id: String,
        /// Print the bytes as they are, control characters included
        #[arg(long)]
        raw: bool,
    },
    /// Maps them again, after an upgrade or a fixed configuration
    #[command(after_help = "Example:\n  incident-bridge quarantine replay --all")]
    Replay {
        /// Ids of webhooks
        ids: Vec<String>,
        /// All of them
        #[arg(long, conflicts_with = "ids")]
        all: bool,
    },
    /// Discards them
    Discard {
        /// Ids of webhooks
        #[arg(required = true)]
        ids: Vec<String>,
    },
}

/// What `replay` and `discard` print.
#[derive(Serialize)]
struct Done {
    count: u64,
    /// Named ids that are not in quarantine.
    unknown: Vec<String>,
}

pub async fn main(config: &Config, subcommand: &Subcommand, json: bool) -> anyhow::Result<ExitCode> {
    let clock = Clock::system();
    let operator = open_operator(config, clock.clone()).await?;
    match subcommand {
        Subcommand::List { limit } => {
            let rows = operator.list_quarantine(*limit).await?;
            if json {
                output::json(&rows)?;
            } else {
                print(rows, &clock);
            }
            Ok(ExitCode::SUCCESS)
        }
        Subcommand::Show { id, raw } => show(&operator, id, *raw, json).await,
        Subcommand::Replay { ids, all } => {
            if ids.is_empty() && !all {
                return Err(Usage("name the ids to replay, or give --all".to_owned()).into());
            }
            let unknown = operator.find_unquarantined(ids).await?;
            let count = operator.replay_quarantined((!all).then_some(ids.as_slice())).await?;
            report(&operator, Done { count, unknown }, "will be mapped again by the running service", json)
                .await
        }
        Subcommand::Discard { ids } => {
            let unknown = operator.find_unquarantined(ids).await?;
            let count = operator.discard_quarantined(ids).await?;
            report(&operator, Done { count, unknown }, "given up", json).await
        }
    }
}

fn print(rows: Vec<QuarantinedRow>, clock: &Clock) {
    if rows.is_empty() {
        return output::line("nothing is in quarantine");
    }
    let row = |row: QuarantinedRow| {
        let received = moment_and_age(Some(row.received_at), clock.now());
        [row.id, row.source, received, row.reason.unwrap_or_default()]
    };
    let cells: Vec<_> = rows.into_iter().map(row).collect();
    output::table(["ID", "SOURCE", "RECEIVED", "REASON"], &cells);
}

async fn show(operator: &Operator, id: &str, raw: bool, json: bool) -> anyhow::Result<ExitCode> {
    let Some(body) = operator.find_quarantined_body(id).await? else {
        return fail(operator, &[id.to_owned()]).await;
    };
    let text = String::from_utf8_lossy(&body);
    if raw {
        output::raw(&body);
    } else if json {
        output::json(&serde_json::json!({ "id": id, "body": text }))?;
    } else {
        output::text(text);
    }
    Ok(ExitCode::SUCCESS)
}

async fn report(operator: &Operator, done: Done, what: &str, json: bool) -> anyhow::Result<ExitCode> {
    if json {
        output::json(&done)?;
    } else {
        output::line(format!("{} {what}", count(done.count, "webhook", "webhooks")));
    }
    if done.unknown.is_empty() { Ok(ExitCode::SUCCESS) } else { fail(operator, &done.unknown).await }
}

async fn fail(operator: &Operator, unknown: &[String]) -> anyhow::Result<ExitCode> {
    let rows = operator.list_quarantine(NAMES).await?;
    let known: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    Ok(fail_unknown("webhook in quarantine with the id", unknown.iter().map(String::as_str), &known))
}
