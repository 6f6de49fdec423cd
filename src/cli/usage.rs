//! Command lines that are wrong in a way that the argument parser cannot see, and names of things that do not
//! exist.

use std::process::ExitCode;

use anyhow::anyhow;

use super::output;
use crate::config::{Config, nearest};
use crate::domain::SourceId;

/// A sentence that says what to change. The exit code is 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Usage(pub String);

/// Known names that are listed when none is near.
const LISTED: usize = 20;

/// The sentence for a named thing that does not exist. The exit code is 1.
pub(super) fn unknown(what: &str, name: &str, known: &[&str]) -> String {
    let hint = match nearest(name, known) {
        Some(near) => format!("; did you mean {near:?}?"),
        None if known.is_empty() || known.len() > LISTED => String::new(),
        None => format!("; there are: {}", known.join(", ")),
    };
    format!("there is no {what} {name:?}{hint}")
}

/// Says on standard error which of the named things do not exist.
pub(super) fn fail_unknown<'a>(what: &str, names: impl Iterator<Item = &'a str>, known: &[&str]) -> ExitCode {
    names.for_each(|name| output::error(&anyhow!(unknown(what, name, known))));
    ExitCode::FAILURE
}

/// The id of a source of the configuration.
pub(super) fn find_source(config: &Config, name: &str) -> anyhow::Result<SourceId> {
    let known: Vec<&str> = config.sources.iter().map(|source| source.id.as_str()).collect();
    let found = config.sources.iter().find(|source| source.id.as_str() == name);
    Ok(found.ok_or_else(|| anyhow!(unknown("source", name, &known)))?.id.clone())
}

/// The id of a destination of the configuration.
pub(super) fn find_destination<'c>(config: &'c Config, name: &str) -> anyhow::Result<&'c str> {
    let known: Vec<&str> = config.destinations.iter().map(|it| it.id.as_str()).collect();
    let found = known.iter().find(|id| **id == name);
    found.copied().ok_or_else(|| anyhow!(unknown("destination", name, &known)))
}
