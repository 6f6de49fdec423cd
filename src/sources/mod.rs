//! The incident tools: one trait, one folder per tool, and the table of all tools.
//!
//! A source checks a webhook's signature and turns what its tool says into observations. It never touches the
//! store or a destination, and it imports no other source: what several tools share is in `kit`.
//!
//! To add one: a folder here with a `KIND`, and one line in [`KINDS`] (docs/ADDING-A-SOURCE.md).

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

mod adapter;
mod alertmanager;
mod better_stack;
mod bounds;
mod datadog;
mod dispatch;
mod findings;
mod firehydrant;
mod generic;
mod grafana;
mod incident_io;
mod kind;
mod kit;
mod memory;
mod opsgenie;
mod pagerduty;
mod polling;
mod rootly;
mod servicenow;
mod splunk_oncall;
mod squadcast;
mod statuspage;
#[cfg(test)]
pub(crate) mod tests;
mod token;
mod webhook;
mod zenduty;

use std::sync::Arc;

use crate::config::suggestion;

pub use adapter::{Poller, Source};
pub use findings::{Findings, PARSER_PANICKED};
pub use kind::{BuildContext, BuildError, Capability, Kind};
pub use memory::Memory;
pub use polling::{Catalogue, Cursor, Page, PollError, PollRequest};
pub use token::find_token_end;
pub use webhook::{HeadProof, Headers, InboundWebhook, Rejection, Unmappable, VerifiedWebhook};

/// Every type of source, in alphabetical order.
pub const KINDS: &[Kind] = &[
    alertmanager::KIND,
    better_stack::KIND,
    datadog::KIND,
    dispatch::KIND,
    firehydrant::KIND,
    generic::KIND,
    grafana::KIND,
    incident_io::KIND,
    opsgenie::KIND,
    pagerduty::KIND,
    rootly::KIND,
    servicenow::KIND,
    splunk_oncall::KIND,
    squadcast::KIND,
    statuspage::KIND,
    zenduty::KIND,
];

/// The type of this name.
///
/// # Errors
/// A sentence with the nearest name, or with all names.
pub fn find_kind(name: &str) -> Result<&'static Kind, String> {
    let known = KINDS.iter().map(|kind| kind.name).collect::<Vec<_>>();
    let found = KINDS.iter().find(|kind| kind.name == name);
    found.ok_or_else(|| format!("unknown type `{name}`; {}", suggestion(name, &known)))
}

/// Builds the source that a `[[sources]]` table describes, without using the network.
///
/// # Errors
/// A [`BuildError`] that names every wrong key and says what to write there; an unknown type lists the known ones.
pub fn build(context: BuildContext) -> Result<Arc<dyn Source>, BuildError> {
    let kind = find_kind(&context.config.kind)?;
    open(kind, context)
}

/// Builds a source of this type; refuses keys that the type does not have.
fn open(kind: &Kind, mut context: BuildContext) -> Result<Arc<dyn Source>, BuildError> {
    let mut problems = kit::options::take_unknown(&mut context.config, kind.option_names);
    problems.extend(kit::options::list_blank_credentials(&context.config));
    match (kind.build)(context) {
        Ok(source) if problems.is_empty() => Ok(source),
        Ok(_) => Err(BuildError { problems }),
        Err(fault) => {
            problems.extend(fault.problems);
            Err(BuildError { problems })
        }
    }
}
