//! `installations`: each site, what it holds, and what holds it up; each source, and what came from it.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;

use super::layout::moment_and_age;
use super::{output, progress};
use crate::app::{build_registry, open_operator};
use crate::clock::{Clock, Timestamp};
use crate::config::Config;
use crate::domain::SourceId;
use crate::lifecycle::stop_on_signal;
use crate::sync::{InstallationStatus, Operator, SourceStatus, SourcesAt};

const REDRAW: Duration = Duration::from_secs(2);

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  incident-bridge installations --json\n  incident-bridge installations --watch"
)]
pub struct Arguments {
    /// Also list sites where the app was removed
    #[arg(long)]
    all: bool,
    /// Print again every two seconds until interrupted
    #[arg(long, conflicts_with = "json")]
    watch: bool,
}

/// What the command prints.
#[derive(Serialize)]
struct Listed<'a> {
    installations: &'a [InstallationStatus],
    sources: &'a [SourceStatus],
}

pub async fn main(config: &Config, arguments: &Arguments, json: bool) -> anyhow::Result<ExitCode> {
    let operator = open_operator(config, Clock::system()).await?;
    let registry = build_registry(config)?;
    let polled = registry.iter().filter(|source| source.adapter.poller().is_some());
    let polled: BTreeSet<SourceId> = polled.map(|source| source.id().clone()).collect();
    if arguments.watch {
        return watch(config, &operator, &polled, arguments.all).await;
    }
    let sites = operator.list_installations(arguments.all).await?;
    let now = operator.list_sources(&config.sources, &polled).await?;
    if json {
        output::json(&Listed { installations: &sites, sources: &now.sources })?;
    } else {
        print(config, &sites, &now, None);
    }
    Ok(ExitCode::SUCCESS)
}

async fn watch(
    config: &Config,
    operator: &Operator,
    polled: &BTreeSet<SourceId>,
    all: bool,
) -> anyhow::Result<ExitCode> {
    let stop = stop_on_signal()?;
    let mut before = None;
    while !stop.is_cancelled() {
        let now = operator.list_sources(&config.sources, polled).await?;
        let sites = operator.list_installations(all).await?;
        output::redraw(before.is_none(), || print(config, &sites, &now, before.as_ref()));
        before = Some(now);
        tokio::select! {
            () = tokio::time::sleep(REDRAW) => {}
            () = stop.cancelled() => {}
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print(config: &Config, sites: &[InstallationStatus], now: &SourcesAt, before: Option<&SourcesAt>) {
    print_sites(config, sites, now.at);
    output::line("");
    progress::print(now, before);
}

fn print_sites(config: &Config, sites: &[InstallationStatus], now: Timestamp) {
    if sites.is_empty() {
        return output::line(format!(
            "no site has installed the app yet; install it from {}/atlassian-connect.json",
            config.server.base_url.as_str().trim_end_matches('/')
        ));
    }
    let rows: Vec<_> = sites
        .iter()
        .map(|site| {
            [
                site.site.clone(),
                site.state.as_str().to_owned(),
                site.linked_workspaces.to_string(),
                site.deliveries.waiting.to_string(),
                site.deliveries.refused.to_string(),
                site.deliveries.accepted.to_string(),
                site.deliveries.confirmed.to_string(),
                site.drift.to_string(),
                moment_and_age(site.last_contact_at, now),
            ]
        })
        .collect();
    output::table(
        ["SITE", "STATE", "LINKED", "WAITING", "REFUSED", "ACCEPTED", "CONFIRMED", "DRIFT", "LAST CONTACT"],
        &rows,
    );
    for site in sites {
        if let Some(parked) = &site.parked {
            output::line(format!("{}: {parked}", site.site));
        }
    }
}
