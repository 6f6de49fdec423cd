//! `key`: vault keys, and secrets sealed for a configuration file.

use std::io::Read;
use std::process::ExitCode;

use anyhow::Context;
use secrecy::ExposeSecret;

use super::layout::count;
use super::output;
use super::usage::{Usage, find_source};
use crate::app::{open_operator, open_vault};
use crate::clock::Clock;
use crate::config::{Config, ConfigError, Loaded};
use crate::sync::{generate_vault_key, seal_secret};

#[derive(Debug, clap::Subcommand)]
pub enum Subcommand {
    /// Makes a vault key
    #[command(
        after_help = "Example:\n  (umask 077; incident-bridge key generate > /etc/incident-bridge/vault.key)"
    )]
    Generate,
    /// Seals every stored secret anew under vault.key; the older keys stand in vault.previous_keys. May run
    /// beside the service, and may be interrupted and repeated
    #[command(after_help = "Example:\n  incident-bridge key rotate --config bridge.toml")]
    Rotate,
    /// Seals a secret of a source under the vault key, so that the configuration file need not hold it
    #[command(
        after_help = "Example:\n  incident-bridge key seal --source pd --config bridge.toml < token.txt\n  \
        # then write the printed text as the source's api_token or webhook secret"
    )]
    Seal {
        /// The source that the secret belongs to
        #[arg(long)]
        source: String,
    },
}

pub async fn main(
    read: &(dyn Fn() -> Result<Loaded, ConfigError> + Sync),
    subcommand: &Subcommand,
    json: bool,
) -> anyhow::Result<ExitCode> {
    match subcommand {
        Subcommand::Generate => print("key", generate_vault_key().expose_secret(), json)?,
        Subcommand::Rotate => rotate(&read()?.config, json).await?,
        Subcommand::Seal { source } => {
            let config = read()?.config;
            let source = find_source(&config, source)?;
            let vault = open_vault(&config)?;
            let mut secret = String::new();
            std::io::stdin().read_to_string(&mut secret).context("standard input")?;
            let secret = secret.trim().to_owned();
            if secret.is_empty() {
                return Err(Usage("give the secret on standard input".to_owned()).into());
            }
            print("sealed", &seal_secret(&vault, &source, &secret.into())?, json)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print(name: &str, value: &str, json: bool) -> anyhow::Result<()> {
    if json {
        return output::json(&serde_json::json!({ name: value }));
    }
    output::line(value);
    Ok(())
}

async fn rotate(config: &Config, json: bool) -> anyhow::Result<()> {
    let operator = open_operator(config, Clock::system()).await?;
    let mut sites = Vec::new();
    while let Some(site) = operator.reseal_next_site().await? {
        if !json {
            output::line(format!("sealed anew: {site}"));
        }
        sites.push(site);
    }
    if json {
        return output::json(&serde_json::json!({ "sealed": sites }));
    }
    output::line(format!(
        "{} sealed anew; older keys can be removed from vault.previous_keys, \
        unless `sealed:` secrets of the configuration still need them",
        count(sites.len(), "site", "sites")
    ));
    Ok(())
}
