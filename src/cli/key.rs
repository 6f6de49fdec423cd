//! `key`: vault keys, and secrets sealed for a configuration file.

use std::io::Read;
use std::process::ExitCode;

use anyhow::Context;
use secrecy::ExposeSecret;

use super::output;
use super::usage::Usage;
use crate::app::{open_operator, open_vault};
use crate::clock::Clock;
use crate::config::{ConfigError, Loaded};
use crate::domain::SourceId;
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
) -> anyhow::Result<ExitCode> {
    match subcommand {
        Subcommand::Generate => output::line(generate_vault_key().expose_secret()),
        Subcommand::Rotate => {
            let operator = open_operator(&read()?.config, Clock::system()).await?;
            let mut count = 0;
            while let Some(site) = operator.reseal_next_site().await? {
                count += 1;
                output::line(format!("sealed anew: {site}"));
            }
            output::line(format!(
                "{count} site(s) sealed anew; older keys can be removed from vault.previous_keys, \
                unless `sealed:` secrets of the configuration still need them"
            ));
        }
        Subcommand::Seal { source } => {
            let source = SourceId::parse(source).map_err(|fault| Usage(fault.to_string()))?;
            let config = read()?.config;
            let vault = open_vault(&config)?;
            let mut secret = String::new();
            std::io::stdin().read_to_string(&mut secret).context("standard input")?;
            let secret = secret.trim().to_owned();
            if secret.is_empty() {
                return Err(Usage("give the secret on standard input".to_owned()).into());
            }
            output::line(seal_secret(&vault, &source, &secret.into())?);
        }
    }
    Ok(ExitCode::SUCCESS)
}
