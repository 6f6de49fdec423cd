//! `installations`: each site, what it holds, and what holds it up.

use std::process::ExitCode;
use std::time::Duration;

use super::{output, progress};
use crate::app::open_operator;
use crate::clock::Clock;
use crate::config::Config;
use crate::lifecycle::stop_on_signal;
use crate::sync::{InstallationStatus, Operator};

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

pub async fn main(config: &Config, arguments: &Arguments, json: bool) -> anyhow::Result<ExitCode> {
    let operator = open_operator(config, Clock::system()).await?;
    if arguments.watch {
        return watch(config, &operator, arguments.all).await;
    }
    let sites = operator.list_installations(arguments.all).await?;
    if json {
        output::json(&sites)?;
    } else {
        print(config, &sites);
        progress::print(&operator.list_progress(&config.sources).await?, None);
    }
    Ok(ExitCode::SUCCESS)
}

async fn watch(config: &Config, operator: &Operator, all: bool) -> anyhow::Result<ExitCode> {
    let stop = stop_on_signal()?;
    let mut before = None;
    while !stop.is_cancelled() {
        let now = operator.list_progress(&config.sources).await?;
        output::clear();
        print(config, &operator.list_installations(all).await?);
        progress::print(&now, before.as_ref());
        before = Some(now);
        tokio::select! {
            () = tokio::time::sleep(REDRAW) => {}
            () = stop.cancelled() => {}
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print(config: &Config, sites: &[InstallationStatus]) {
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
