//! `quarantine`: genuine webhooks that could not be mapped.

use std::process::ExitCode;

use super::output;
use super::usage::Usage;
use crate::app::open_operator;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::format_timestamp;
use crate::sync::QuarantinedRow;

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

pub async fn main(config: &Config, subcommand: &Subcommand, json: bool) -> anyhow::Result<ExitCode> {
    let operator = open_operator(config, Clock::system()).await?;
    match subcommand {
        Subcommand::List { limit } => {
            let rows = operator.list_quarantine(*limit).await?;
            if json {
                output::json(&rows)?;
            } else {
                let row = |row: QuarantinedRow| {
                    [row.id, row.source, format_timestamp(row.received_at), row.reason.unwrap_or_default()]
                };
                output::table(
                    ["ID", "SOURCE", "RECEIVED", "REASON"],
                    &rows.into_iter().map(row).collect::<Vec<_>>(),
                );
            }
        }
        Subcommand::Show { id, raw } => {
            let body = operator.find_quarantined_body(id).await?;
            let body = body.ok_or_else(|| Usage(format!("there is no webhook {id} in quarantine")))?;
            if *raw {
                output::raw(&body);
            } else {
                output::text(String::from_utf8_lossy(&body));
            }
        }
        Subcommand::Replay { ids, all } => {
            if ids.is_empty() && !all {
                return Err(Usage("name the ids to replay, or give --all".to_owned()).into());
            }
            let count = operator.replay_quarantined((!all).then_some(ids.as_slice())).await?;
            output::line(format!("{count} webhook(s) will be mapped again by the running service"));
        }
        Subcommand::Discard { ids } => {
            let count = operator.discard_quarantined(ids).await?;
            output::line(format!("{count} webhook(s) given up"));
        }
    }
    Ok(ExitCode::SUCCESS)
}
