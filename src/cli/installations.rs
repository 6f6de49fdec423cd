//! `installations`: each site, what it holds, and what holds it up.

use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;

use super::{output, progress};
use crate::app::open_ready_store;
use crate::clock::{Clock, Timestamp};
use crate::config::Config;
use crate::domain::{DeliveryState, DestinationId};
use crate::lifecycle::stop_on_signal;
use crate::store::{DeliveryCounts, Installation, InstallationState, Store};

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

#[derive(Serialize)]
struct Standing {
    site: String,
    state: InstallationState,
    linked_workspaces: usize,
    waiting: i64,
    refused: i64,
    accepted: i64,
    confirmed: i64,
    last_contact_at: Option<Timestamp>,
    compared_at: Option<Timestamp>,
    /// Confirmed entities that Jira had lost and was sent again, ever.
    drift: i64,
    waits_until: Option<Timestamp>,
    /// Why a person must act.
    parked: Option<String>,
    client_key: String,
}

pub async fn main(config: &Config, arguments: &Arguments, json: bool) -> anyhow::Result<ExitCode> {
    let clock = Clock::system();
    let store = open_ready_store(config, clock.clone()).await?;
    if arguments.watch {
        return watch(config, &store, &clock, arguments.all).await;
    }
    let sites = list(&store, arguments.all, clock.now()).await?;
    if json {
        output::json(&sites)?;
    } else {
        print(config, &sites);
        progress::print(&progress::list(config, &store, clock.now()).await?, None);
    }
    Ok(ExitCode::SUCCESS)
}

async fn watch(config: &Config, store: &Store, clock: &Clock, all: bool) -> anyhow::Result<ExitCode> {
    let stop = stop_on_signal()?;
    let mut before = None;
    while !stop.is_cancelled() {
        let now = progress::list(config, store, clock.now()).await?;
        output::clear();
        print(config, &list(store, all, clock.now()).await?);
        progress::print(&now, before.as_ref());
        before = Some(now);
        tokio::select! {
            () = tokio::time::sleep(REDRAW) => {}
            () = stop.cancelled() => {}
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(store: &Store, all: bool, now: Timestamp) -> anyhow::Result<Vec<Standing>> {
    let counts = store.deliveries().count().await?;
    let mut sites = Vec::new();
    for installation in store.sites().list_installations().await? {
        let is_gone =
            matches!(installation.state, InstallationState::Uninstalled | InstallationState::Replaced);
        if all || !is_gone {
            let id = DestinationId::from(&installation.client_key);
            let links = store.sites().list_links(&id).await?.len();
            sites.push(site(installation, links, &counts, now));
        }
    }
    Ok(sites)
}

fn site(
    installation: Installation,
    linked_workspaces: usize,
    counts: &[DeliveryCounts],
    now: Timestamp,
) -> Standing {
    let id = DestinationId::from(&installation.client_key);
    let count = |state| {
        let found = counts.iter().find(|row| row.destination == id && row.state == state);
        found.map_or(0, |row| row.count)
    };
    Standing {
        linked_workspaces,
        waiting: count(DeliveryState::Waiting),
        refused: count(DeliveryState::Refused),
        accepted: count(DeliveryState::Accepted),
        confirmed: count(DeliveryState::Confirmed),
        waits_until: (installation.wait_until > now).then_some(installation.wait_until),
        site: installation.site,
        state: installation.state,
        last_contact_at: installation.last_contact_at,
        compared_at: installation.compared_at,
        drift: installation.drift,
        parked: installation.parked,
        client_key: installation.client_key.0,
    }
}

fn print(config: &Config, sites: &[Standing]) {
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
                site.waiting.to_string(),
                site.refused.to_string(),
                site.accepted.to_string(),
                site.confirmed.to_string(),
                site.drift.to_string(),
                output::instant(site.last_contact_at),
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
