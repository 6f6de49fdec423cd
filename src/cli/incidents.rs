//! `incidents`: what the tools have, and where each incident stands.

use std::process::ExitCode;

use anyhow::bail;

use super::layout::{age, clip};
use super::output;
use super::usage::{find_source, unknown};
use crate::app::open_operator;
use crate::clock::Clock;
use crate::config::Config;
use crate::sync::{IncidentFilter, ListedIncident, Operator};

/// Characters of a title that a table shows.
const TITLE: usize = 40;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    incident-bridge incidents --open\n  \
    incident-bridge incidents --source pd --site acme.atlassian.net --json")]
pub struct Arguments {
    /// Only those that are not resolved
    #[arg(long)]
    open: bool,
    /// Only those of this source
    #[arg(long, value_name = "ID")]
    source: Option<String>,
    /// Only those that this site holds or is to hold
    #[arg(long, value_name = "HOST")]
    site: Option<String>,
    /// Print at most this many
    #[arg(long, default_value_t = 100)]
    limit: usize,
}

pub async fn main(config: &Config, arguments: &Arguments, json: bool) -> anyhow::Result<ExitCode> {
    let clock = Clock::system();
    let operator = open_operator(config, clock.clone()).await?;
    let Arguments { open, source, site, limit } = arguments;
    if let Some(source) = source {
        find_source(config, source)?;
    }
    if let Some(site) = site {
        check_site(config, &operator, site).await?;
    }
    let filter = IncidentFilter { open: *open, source: source.clone(), site: site.clone() };
    let list = operator.list_incidents(&filter, *limit).await?;
    if json {
        output::json(&list)?;
        return Ok(ExitCode::SUCCESS);
    }
    if list.incidents.is_empty() {
        output::line(if *open { "no incident is open here" } else { "there is no incident here" });
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<_> = list.incidents.iter().map(|incident| row(incident, &clock)).collect();
    output::table(["TITLE", "STATUS", "SEVERITY", "SERVICE", "AGE", "ID", "WHERE IT STANDS"], &rows);
    if list.has_more {
        output::line(format!("these are the {limit} that changed last; --limit shows more"));
    }
    Ok(ExitCode::SUCCESS)
}

async fn check_site(config: &Config, operator: &Operator, site: &str) -> anyhow::Result<()> {
    let mut known = operator.list_site_names().await?;
    known.extend(config.connect.sites.iter().filter(|site| !site.contains('*')).cloned());
    if !known.iter().any(|name| name == site) {
        known.sort_unstable();
        known.dedup();
        bail!(unknown("site", site, &known.iter().map(String::as_str).collect::<Vec<_>>()));
    }
    Ok(())
}

fn row(incident: &ListedIncident, clock: &Clock) -> [String; 7] {
    let standings = incident.destinations.iter().map(|it| format!("{} at {}", it.state, it.site));
    let standings: Vec<_> = standings.collect();
    [
        clip(&incident.title, TITLE),
        incident.status.to_owned(),
        incident.severity.to_owned(),
        clip(&incident.services.join(", "), TITLE),
        age(incident.created_at, clock.now()),
        incident.jira_id.to_string(),
        if standings.is_empty() { "no site may see it".to_owned() } else { standings.join(", ") },
    ]
}
