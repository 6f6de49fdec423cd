//! `migrate`: brings the database's schema up to date.

use std::process::ExitCode;

use super::layout::count;
use super::output;
use crate::app;
use crate::clock::Clock;
use crate::config::Config;

pub async fn main(config: &Config, json: bool) -> anyhow::Result<ExitCode> {
    let applied = app::migrate(config, Clock::system()).await?;
    match applied {
        _ if json => output::json(&serde_json::json!({ "applied": applied }))?,
        0 => output::line("the database is up to date"),
        n => output::line(format!("{} applied", count(n, "migration", "migrations"))),
    }
    Ok(ExitCode::SUCCESS)
}
