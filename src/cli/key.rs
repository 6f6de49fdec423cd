//! `key`: vault keys, and secrets sealed for a configuration file.

use std::io::Read;
use std::process::ExitCode;

use anyhow::Context;
use secrecy::ExposeSecret;

use super::layout::count;
use super::output;
use super::usage::{Usage, find_destination, find_source};
use crate::app::{open_operator, open_vault};
use crate::clock::Clock;
use crate::config::{Config, ConfigError, Loaded};
use crate::sync::{generate_vault_key, seal_secret, seal_token};

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
    /// Seals a secret of a source or destination under the vault key, so that the configuration file need not hold it
    #[command(
        after_help = "Examples:\n  incident-bridge key seal --source pd --config bridge.toml < token.txt\n  \
        incident-bridge key seal --destination ops --config bridge.toml < token.txt\n  \
        # then write the printed text as the source's api_token or webhook secret, or as the destination's api_token"
    )]
    Seal {
        /// The source that the secret belongs to
        #[arg(
            long,
            value_name = "ID",
            required_unless_present = "destination",
            conflicts_with = "destination"
        )]
        source: Option<String>,
        /// The destination of the configuration that the token belongs to
        #[arg(long, value_name = "ID")]
        destination: Option<String>,
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
        Subcommand::Seal { source, destination } => {
            let sealed = seal(&read()?.config, source.as_deref(), destination.as_deref())?;
            print("sealed", &sealed, json)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The secret on standard input, sealed for the source or destination that is named.
fn seal(config: &Config, source: Option<&str>, destination: Option<&str>) -> anyhow::Result<String> {
    let source = source.map(|name| find_source(config, name)).transpose()?;
    let destination = destination.map(|name| find_destination(config, name)).transpose()?;
    let vault = open_vault(config)?;
    let mut secret = String::new();
    std::io::stdin().read_to_string(&mut secret).context("standard input")?;
    let secret = secret.trim().to_owned();
    if secret.is_empty() {
        return Err(Usage("give the secret on standard input".to_owned()).into());
    }
    let secret = secret.into();
    Ok(match (source, destination) {
        (Some(source), _) => seal_secret(&vault, &source, &secret)?,
        (None, destination) => seal_token(&vault, destination.unwrap_or_default(), &secret)?,
    })
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
