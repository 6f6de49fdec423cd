//! `reload`: makes the running service read its configuration again, and says what came of it.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::Value;

use super::output;
use crate::config::{Config, ConfigError};
use crate::http::{TransportFault, build_direct_client, read_body};

/// Moving the entities of a large source takes its time.
const PATIENCE: Duration = Duration::from_mins(5);
const LONGEST_ANSWER: usize = 1 << 20;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    incident-bridge reload\n  \
    incident-bridge reload --at 127.0.0.1:9091   # if operator.listen is another one in the running service")]
pub struct Arguments {
    /// The operator's listener of the running service; operator.listen without it
    #[arg(long, value_name = "ADDRESS")]
    at: Option<SocketAddr>,
}

#[derive(Deserialize)]
struct Answer {
    changed: BTreeSet<String>,
    needs_restart: BTreeSet<String>,
    warnings: Vec<String>,
}

#[derive(Deserialize)]
struct Refused {
    problems: Vec<String>,
}

pub async fn main(config: &Config, arguments: &Arguments, json: bool) -> anyhow::Result<ExitCode> {
    let address = reachable(arguments.at.unwrap_or(config.operator.listen));
    let request = build_direct_client(PATIENCE)?.post(format!("http://{address}/reload"));
    let request = request.header("content-type", "application/json");
    let mut response = request.send().await.map_err(|error| TransportFault::of(&error)).with_context(|| {
        format!(
            "the service does not answer at {address} (operator.listen): start it; if it listens elsewhere, name \
             that address with --at"
        )
    })?;
    let status = response.status().as_u16();
    let body = read_body(&mut response, LONGEST_ANSWER).await?;
    match status {
        200 if json => output::json(&serde_json::from_slice::<Value>(&body)?)?,
        200 => print(&serde_json::from_slice(&body)?),
        422 => {
            let Refused { problems } = serde_json::from_slice(&body)?;
            return Err(anyhow::Error::new(ConfigError { problems })
                .context("nothing was reloaded, and the configuration before stays in force"));
        }
        _ => {
            let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
            bail!(
                "{address} answers {status}: {}",
                answer.get("detail").and_then(Value::as_str).unwrap_or("no reason given")
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print(answer: &Answer) {
    if answer.changed.is_empty() {
        output::line("reloaded; nothing has changed");
    }
    for key in &answer.changed {
        output::line(format!("reloaded: {key}"));
    }
    for key in &answer.needs_restart {
        output::line(format!("needs a restart: {key}"));
    }
    for warning in &answer.warnings {
        output::line(format!("warning: {warning}"));
    }
}

/// A service that listens on every address is asked on this machine's own.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
