//! Whether a first sync may make as many work items as it would: `sync --yes`, the question on a terminal, and
//! `destinations approve`.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use anyhow::anyhow;

use super::layout::count;
use super::output;
use super::usage::unknown;
use crate::app::open_operator;
use crate::clock::Clock;
use crate::config::Config;
use crate::sync::{HeldDestination, Operator};

/// `destinations approve ID`.
pub(super) async fn approve(config: &Config, id: &str, json: bool) -> anyhow::Result<ExitCode> {
    let known: Vec<&str> = config.destinations.iter().map(|it| it.id.as_str()).collect();
    let operator = open_operator(config, Clock::system()).await?;
    let woken = operator.approve(id).await?;
    let woken = woken.ok_or_else(|| anyhow!(unknown("destination", id, &known)))?;
    if json {
        output::json(&serde_json::json!({ "approved": id, "sent_now": woken }))?;
    } else {
        let waited = count(woken, "delivery", "deliveries");
        output::line(format!("{id} may make all that its first sync finds; {waited} waited for that"));
    }
    Ok(ExitCode::SUCCESS)
}

/// `sync --yes`: everything is approved before anything is sent.
pub(super) async fn approve_all(config: &Config, operator: &Operator) -> anyhow::Result<()> {
    for destination in &config.destinations {
        operator.approve(&destination.id).await?;
    }
    Ok(())
}

/// Asks a person on a terminal about what is held back. Whether something may be sent now.
pub(super) async fn ask(operator: &Operator, json: bool) -> anyhow::Result<bool> {
    let mut is_approved = false;
    for HeldDestination { destination, count } in operator.list_held().await? {
        if !json && std::io::stdin().is_terminal() && std::io::stderr().is_terminal() {
            let question = format!("{destination} would make {count} work items. Make them?");
            if is_yes(&question)? {
                operator.approve(&destination).await?;
                is_approved = true;
                continue;
            }
        }
        if !json {
            output::line(format!(
                "{destination} would make {count} work items, and waits: `sync --yes`, or `incident-bridge destinations \
                 approve {destination}`"
            ));
        }
    }
    Ok(is_approved)
}

fn is_yes(question: &str) -> anyhow::Result<bool> {
    let mut err = std::io::stderr();
    write!(err, "{question} [y/N] ")?;
    err.flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
