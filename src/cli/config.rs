//! `config check` and `config show`.

use std::process::ExitCode;

use super::output;
use super::usage::Usage;
use crate::app::build_registry;
use crate::config::{Loaded, show};
use crate::connect::sites::SiteAllowList;

#[derive(Debug, clap::Subcommand)]
pub enum Subcommand {
    /// Reads everything that `serve` would read, and builds every source; opens no database
    #[command(after_help = "Example:\n  incident-bridge config check --config bridge.toml")]
    Check,
    /// Prints every value with where it came from; secrets are hidden
    #[command(after_help = "Example:\n  incident-bridge config show --config bridge.toml --json")]
    Show,
}

pub fn main(loaded: &Loaded, subcommand: &Subcommand, json: bool) -> anyhow::Result<ExitCode> {
    match subcommand {
        Subcommand::Check => check(loaded, json),
        Subcommand::Show => {
            let shown = show(loaded);
            if json {
                output::json(&shown)?;
            } else {
                let rows: Vec<_> = shown.into_iter().map(|row| [row.key, row.value, row.origin]).collect();
                output::table(["KEY", "VALUE", "FROM"], &rows);
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn check(loaded: &Loaded, json: bool) -> anyhow::Result<ExitCode> {
    let config = &loaded.config;
    let registry = build_registry(config)?;
    SiteAllowList::parse(&config.connect.sites, &config.connect.insecure_sites)
        .map_err(|fault| Usage(format!("connect.sites: {fault}")))?;
    let sources: Vec<String> =
        registry.iter().map(|source| format!("{} ({})", source.id(), source.config.kind)).collect();
    if json {
        output::json(
            &serde_json::json!({ "valid": true, "sources": sources, "sites": config.connect.sites }),
        )?;
    } else {
        output::line(format!("the configuration is valid; sources: {}", list(&sources)));
        output::line(format!("sites that may install: {}", list(&config.connect.sites)));
    }
    Ok(ExitCode::SUCCESS)
}

fn list(items: &[String]) -> String {
    if items.is_empty() { "none yet".to_owned() } else { items.join(", ") }
}
