//! `doctor`: checks the deployment and says, line by line, what is well and what to fix.
//!
//! Each group of checks is a file: it looks, and pure functions judge what was seen. Must not change anything:
//! it makes no database, stores nothing and sends nothing but questions.

mod address;
mod check;
mod code;
mod configuration;
mod context;
mod database;
mod issues;
mod sites;
mod sources;
mod transport;
mod work;

use std::process::ExitCode;

use check::{Check, Group, State};
use context::{Context, broken};

use super::output;
use super::usage::Usage;
use crate::app::build_engine;
use crate::clock::Clock;
use crate::config::Config;
use crate::sync::{Operator, Registry};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  incident-bridge doctor --config bridge.toml\n  incident-bridge doctor --about disk-full"
)]
pub struct Arguments {
    /// Print what the manual says about a code, and check nothing
    #[arg(long, value_name = "CODE")]
    about: Option<String>,
}

/// Prints the manual's section on a code.
pub fn about(name: &str) -> anyhow::Result<ExitCode> {
    output::text(code::about(name).map_err(Usage)?);
    Ok(ExitCode::SUCCESS)
}

impl Arguments {
    /// The code to explain, if that is all.
    pub fn about(&self) -> Option<&str> {
        self.about.as_deref()
    }
}

/// Exits with 1 if anything must be fixed; warnings alone are no failure.
pub async fn main(config: &Config, json: bool) -> anyhow::Result<ExitCode> {
    let clock = Clock::system();
    let context = Context { config, now: clock.now(), clock };
    let checks = examine(&context).await;
    if json {
        output::json(&checks)?;
    } else {
        check::print(&checks);
    }
    let broken = checks.iter().any(|check| check.state == State::Fix);
    Ok(if broken { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// All checks, by group. What one group finds keeps no other from being looked at.
async fn examine(context: &Context<'_>) -> Vec<Check> {
    let (mut checks, registry) = configuration::examine(context);
    let (of_database, operator) = database::examine(context).await;
    checks.extend(of_database);
    let (address, issues, sources, stored) = tokio::join!(
        address::examine(context),
        issues::examine(context),
        async {
            match &registry {
                Some(registry) => sources::examine(context, registry).await,
                None => Vec::new(),
            }
        },
        examine_stored(context, registry.as_ref(), operator.as_ref()),
    );
    checks.extend(address.into_iter().chain(sources).chain(stored).chain(issues));
    checks.sort_by_key(|check| check.group);
    checks
}

/// What needs a database that works.
async fn examine_stored(
    context: &Context<'_>,
    registry: Option<&Registry>,
    operator: Option<&Operator>,
) -> Vec<Check> {
    let (Some(registry), Some(operator)) = (registry, operator) else { return Vec::new() };
    let mut checks = sources::examine_stored(context, registry, operator).await;
    match build_engine(context.config, context.clock.clone()).await {
        Ok(engine) => checks.extend(sites::examine(context, &engine).await),
        Err(fault) => checks.push(broken(Group::JiraSites, "installations", &format!("{fault:#}"))),
    }
    checks.extend(issues::examine_held(operator).await);
    checks.extend(work::examine(context, operator).await);
    checks
}
