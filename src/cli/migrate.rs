//! `migrate`: brings the database's schema up to date.

use std::process::ExitCode;

use super::output;
use crate::app::open_store;
use crate::clock::Clock;
use crate::config::Config;

pub async fn main(config: &Config) -> anyhow::Result<ExitCode> {
    let store = open_store(config, Clock::system()).await?;
    let pending = store.pending_migrations().await?;
    store.migrate().await?;
    store.close().await;
    output::line(match pending {
        0 => "the database is up to date".to_owned(),
        n => format!("{n} migration(s) applied"),
    });
    Ok(ExitCode::SUCCESS)
}
