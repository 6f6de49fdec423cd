//! `sources show`: how one type of tool is configured, as text that is itself a valid piece of configuration.

use std::process::ExitCode;

use anyhow::anyhow;
use serde::Serialize;

use crate::cli::output;
use crate::config::{Config, ConfigError, Loaded};
use crate::sources::{Capability, Kind, find_kind};

/// Stands for the public address while there is no configuration.
const ANY_ADDRESS: &str = "https://bridge.example.com";

#[derive(Serialize)]
struct Shown<'a> {
    name: &'a str,
    title: &'a str,
    #[serde(rename = "gives")]
    capabilities: &'a [Capability],
    page: String,
    webhook_addresses: Vec<String>,
    configuration: &'a str,
}

pub fn main(
    read: &impl Fn() -> Result<Loaded, ConfigError>,
    name: &str,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let kind = find_kind(name).map_err(|fault| anyhow!(fault))?;
    // The type may be looked up before there is any configuration, or while it is being fixed.
    let config = read().ok().map(|loaded| loaded.config);
    let webhook_addresses = list_addresses(kind, config.as_ref());
    if json {
        output::json(&Shown {
            name: kind.name,
            title: kind.title(),
            capabilities: kind.capabilities,
            page: kind.page_path(),
            webhook_addresses,
            configuration: kind.example(),
        })?;
        return Ok(ExitCode::SUCCESS);
    }
    output::line(format!(
        "# {}: {}. What to set in the tool: {}",
        kind.title(),
        capabilities(kind),
        kind.page_path()
    ));
    for address in webhook_addresses {
        output::line(format!("# Address of the webhook: {address}"));
    }
    if config.is_none() {
        output::line("# (server.base_url in place of the host; there is no valid configuration yet)");
    }
    output::line("# Keys that every source has, such as sites and poll: config/default.toml");
    output::text(format!("\n{}", kind.example().trim_end()));
    Ok(ExitCode::SUCCESS)
}

/// One for each source of this type, or one for the example.
fn list_addresses(kind: &Kind, config: Option<&Config>) -> Vec<String> {
    let base = config.map_or(ANY_ADDRESS, |config| config.server.base_url.as_str()).trim_end_matches('/');
    let sources = config.map(|config| config.sources.as_slice()).unwrap_or_default();
    let configured = sources.iter().filter(|source| source.kind == kind.name);
    let mut ids: Vec<&str> = configured.map(|source| source.id.as_str()).collect();
    if ids.is_empty() {
        ids.extend(kind.example_id());
    }
    ids.into_iter().map(|id| format!("{base}/webhooks/{id}")).collect()
}

/// What a type brings, as a list in words.
pub(super) fn capabilities(kind: &Kind) -> String {
    kind.capabilities.iter().map(|it| it.as_str()).collect::<Vec<_>>().join(", ")
}
