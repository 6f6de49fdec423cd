//! `migrate`: brings the database's schema up to date.

use std::process::ExitCode;

use super::output;
use crate::app;
use crate::clock::Clock;
use crate::config::Config;

pub async fn main(config: &Config) -> anyhow::Result<ExitCode> {
    output::line(match app::migrate(config, Clock::system()).await? {
        0 => "the database is up to date".to_owned(),
        n => format!("{n} migration(s) applied"),
    });
    Ok(ExitCode::SUCCESS)
}
