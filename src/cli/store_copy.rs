//! `store copy`: moves a deployment from one database to another.

use std::process::ExitCode;

use anyhow::Context as _;
use secrecy::SecretString;

use super::layout::count;
use super::output;
use crate::app::copy_database;
use crate::clock::Clock;

#[derive(Debug, clap::Subcommand)]
pub enum Subcommand {
    /// Copies everything from one database to an empty one, SQLite or PostgreSQL, and compares what arrived. Stop the
    /// service first
    #[command(
        after_help = "Example:\n  incident-bridge store copy --from sqlite:///var/lib/incident-bridge/incident-bridge.db \\\n    \
        --to postgres://bridge@db.example.com/bridge\n  # then set store.url, keep vault.key, and start the service"
    )]
    Copy {
        /// The database to read, as in store.url; a password may come from PGPASSWORD
        #[arg(long, value_name = "URL")]
        from: SecretString,
        /// The empty database to write
        #[arg(long, value_name = "URL")]
        to: SecretString,
    },
}

pub async fn main(subcommand: &Subcommand, json: bool) -> anyhow::Result<ExitCode> {
    let Subcommand::Copy { from, to } = subcommand;
    let tables = copy_database(from, to, Clock::system()).await.context("nothing was copied")?;
    if json {
        output::json(&tables)?;
        return Ok(ExitCode::SUCCESS);
    }
    for it in &tables {
        output::line(format!("{:<20} {:>10}  sha256:{}", it.table, it.rows, it.digest));
    }
    let rows = tables.iter().map(|it| it.rows).sum::<u64>();
    let rows = count(usize::try_from(rows).unwrap_or(usize::MAX), "row", "rows");
    output::line(format!("{rows} copied and compared"));
    Ok(ExitCode::SUCCESS)
}
