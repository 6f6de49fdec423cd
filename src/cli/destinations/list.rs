//! `destinations list`: each destination of the configuration, and what holds it up.

use std::process::ExitCode;

use serde::Serialize;

use crate::app::open_operator;
use crate::cli::layout::count;
use crate::cli::output;
use crate::clock::{Clock, Timestamp};
use crate::config::Config;
use crate::destinations::TYPES;
use crate::sync::DestinationStatus;

#[derive(Serialize)]
struct Listed {
    destinations: Vec<DestinationStatus>,
    /// Why their state is not known, if so.
    unknown: Option<String>,
    types: Vec<&'static str>,
}

pub async fn main(config: &Config, json: bool) -> anyhow::Result<ExitCode> {
    let clock = Clock::system();
    let unseen = || config.destinations.iter().map(DestinationStatus::unseen).collect();
    // The list is useful before the service has ever run.
    let (destinations, unknown) = match open_operator(config, clock.clone()).await {
        Ok(operator) => (operator.list_destinations(&config.destinations).await?, None),
        Err(fault) => (unseen(), Some(format!("{fault:#}"))),
    };
    let types: Vec<&str> = TYPES.iter().map(|kind| kind.name).collect();
    if json {
        output::json(&Listed { destinations, unknown, types })?;
        return Ok(ExitCode::SUCCESS);
    }
    if destinations.is_empty() {
        output::line(
            "the configuration has no destination; `incident-bridge destinations show issues` says how to add one",
        );
    } else {
        let rows: Vec<_> = destinations.iter().map(|it| row(it, unknown.is_some(), clock.now())).collect();
        output::table(["ID", "TYPE", "SOURCES", "WAITING", "REFUSED", "CONFIRMED", "STATE"], &rows);
    }
    if let Some(why) = unknown {
        output::line(format!("state unknown: {why}"));
    }
    output::line(format!("types: {}; sites with the app: `incident-bridge installations`", types.join(", ")));
    Ok(ExitCode::SUCCESS)
}

fn row(status: &DestinationStatus, unknown: bool, now: Timestamp) -> [String; 7] {
    let sources = match &status.sources {
        None => "all".to_owned(),
        Some(sources) => sources.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    };
    let totals = status.deliveries;
    let state = match (&status.parked, status.waits_until) {
        (Some(why), _) => format!("parked: {why}"),
        (None, Some(until)) => format!("waits {}", output::age(until - now)),
        (None, None) if unknown => "unknown".to_owned(),
        (None, None) if !status.known => "not taken up yet: start or reload the service".to_owned(),
        (None, None) if totals.waiting > 0 => {
            format!("sending {}", count(totals.waiting, "entity", "entities"))
        }
        (None, None) => "in use".to_owned(),
    };
    [
        status.id.clone(),
        status.type_name.clone(),
        sources,
        totals.waiting.to_string(),
        totals.refused.to_string(),
        totals.confirmed.to_string(),
        state,
    ]
}
