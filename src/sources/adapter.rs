//! The incident tools: one trait, one file (or folder) per tool.
//!
//! A source checks a webhook's signature, and turns what its tool says into [`Observation`]s. `verify`,
//! `inspect` and `parse` are pure: no I/O, no clock but the webhook's own `received_at`. Only a [`Poller`]
//! talks to its tool. A source never touches the store or Jira, and knows no other source.
//!
//! To add one: a file here with a `build` function, and one line in [`KINDS`] (docs/ADDING-A-SOURCE.md).

mod alertmanager;
mod better_stack;
mod datadog;
mod dispatch;
mod findings;
mod firehydrant;
mod generic;
mod grafana;
mod http;
mod incident_io;
mod kind;
#[cfg(test)]
mod klaxon;
mod open_incidents;
mod opsgenie;
mod options;
mod pagerduty;
mod ranks;
mod rootly;
mod rounds;
mod servicenow;
mod shared_secret;
mod signature;
mod splunk_oncall;
mod squadcast;
mod standard_webhooks;
mod statuspage;
#[cfg(test)]
mod tests;
mod value;
mod webhook;
mod words;
mod zenduty;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::config::SourceConfig;
use crate::domain::{Component, Observation, Timestamp, Workspace};

pub use kind::{Gives, Kind};
pub use webhook::{Headers, InboundWebhook, Rejection, Unmappable, VerifiedWebhook};

/// A connection to one incident tool.
#[async_trait]
pub trait Source: Send + Sync {
    /// Checks that the webhook comes from the tool, on the raw bytes, before anything is parsed.
    ///
    /// # Errors
    /// A [`Rejection`] that carries the answer which makes this tool behave best.
    fn verify(&self, webhook: InboundWebhook) -> Result<VerifiedWebhook, Rejection>;

    /// Tells, without any state, whether `parse` can make sense of the body. What it refuses is kept for
    /// the operator and answered with the refusal's status. The default parses it.
    ///
    /// # Errors
    /// [`Unmappable`] with the reason and what to do about it.
    fn inspect(&self, webhook: &VerifiedWebhook) -> Result<(), Unmappable> {
        self.parse(webhook, &mut Memory::default()).map(|_| ())
    }

    /// The keys of [`Memory`] that `parse` needs for this webhook. Most tools need none.
    fn recall(&self, _webhook: &VerifiedWebhook) -> Vec<String> {
        Vec::new()
    }

    /// What the webhook says. Event types that carry no incident give empty findings, never an error.
    ///
    /// # Errors
    /// [`Unmappable`] when a field that Jira requires cannot be had; the webhook is then kept and can be
    /// replayed after a fix.
    fn parse(&self, webhook: &VerifiedWebhook, memory: &mut Memory) -> Result<Findings, Unmappable>;

    /// Answers a sender's `OPTIONS` handshake with headers, if this source agrees to it.
    fn handshake(&self, _request: &Headers) -> Option<Vec<(&'static str, String)>> {
        None
    }

    /// How to ask the tool, if the configuration has what that needs.
    fn poller(&self) -> Option<&dyn Poller> {
        None
    }

    /// The tool's page for writing a new post-incident review of `incident` (the tool's id), if it has one.
    fn new_review_url(&self, _incident: Option<&str>) -> Option<String> {
        None
    }

    /// The tool's home page, where the account as a workspace links to.
    fn home_url(&self) -> String;
}

/// The part of a source that asks its tool.
#[async_trait]
pub trait Poller: Send + Sync {
    /// Reads one page, starting where `request.cursor` says. The caller applies the page, stores `next` in
    /// the same transaction, and calls again until `done`.
    ///
    /// # Errors
    /// A [`PollError`] that says whether to retry, when, or that a person must act.
    async fn poll(&self, request: PollRequest<'_>) -> Result<Page, PollError>;

    /// All services and workspaces of the tool, as they are now.
    ///
    /// # Errors
    /// As for [`Poller::poll`].
    async fn catalogue(&self, now: Timestamp) -> Result<Catalogue, PollError>;

    /// One incident by the tool's id, with what the tool says of it now; `None` when it has none such.
    ///
    /// # Errors
    /// As for [`Poller::poll`].
    async fn fetch_incident(&self, provider_id: &str, now: Timestamp) -> Result<Option<Findings>, PollError>;
}

/// What a webhook or a page told.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Findings {
    pub observations: Vec<Observation>,
    /// Components named in passing: stored only while nothing better is known of them.
    pub mentioned: Vec<Component>,
    /// Workspaces (teams) named in passing.
    pub workspaces: Vec<Workspace>,
    /// Ids of incidents that changed in a way the payload does not show: to be fetched.
    pub refetch: Vec<String>,
    /// Whether the list of services or teams has changed: to be read again.
    pub refresh_catalogue: bool,
    /// Why entries of a listing could not be mapped, one reason for each.
    pub unmappable: Vec<String>,
    /// Why there is nothing in here, for the operator; for example `event type pagey.ping`.
    pub ignored: Option<String>,
}

impl Findings {
    /// Nothing, and why.
    #[must_use]
    pub fn ignored(why: impl Into<String>) -> Self {
        Self { ignored: Some(why.into()), ..Self::default() }
    }
}

/// What to read and what is known so far.
#[derive(Debug)]
pub struct PollRequest<'a> {
    /// Where the last page ended; `None` for the first page ever.
    pub cursor: Option<&'a Cursor>,
    /// The first sync reads incidents created or changed since then.
    pub backfill_from: Timestamp,
    pub now: Timestamp,
    /// Everything that this source keeps.
    pub memory: &'a mut Memory,
}

/// Where polling stands; only the source that made it can read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(pub serde_json::Value);

impl Cursor {
    /// The cursor that holds a source's own progress value.
    #[must_use]
    pub fn of<T: Serialize>(progress: &T) -> Self {
        Self(serde_json::to_value(progress).unwrap_or_default())
    }

    /// The progress value that [`Cursor::of`] was given.
    ///
    /// # Errors
    /// [`PollError::CursorExpired`] when an earlier release wrote a shape that this one does not know.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, PollError> {
        T::deserialize(&self.0).map_err(|_| PollError::CursorExpired {
            message: "the stored place of the last poll is not readable; reading starts over".to_owned(),
        })
    }
}

/// One page of a poll.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    pub findings: Findings,
    pub next: Cursor,
    /// Whether the tool has nothing more to say for now.
    pub done: bool,
    /// How many entities the whole run will read, when the tool tells.
    pub total: Option<u64>,
}

/// Everything a tool knows of its services and teams. Components that are missing here but were listed
/// earlier are gone.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Catalogue {
    pub components: Vec<Component>,
    pub workspaces: Vec<Workspace>,
}

/// Why a poll gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum PollError {
    /// Passing trouble: try again, not before `after` when the tool named a time.
    #[error("{message}")]
    Retry { message: String, after: Option<Duration> },
    /// The tool refuses us: a person must act, and the message says how.
    #[error("{message}")]
    Refused { message: String },
    /// The cursor is not valid any more: start over from the backfill window.
    #[error("{message}")]
    CursorExpired { message: String },
    /// The tool answered something that is not its documented answer.
    #[error("{message}")]
    Unreadable { message: String },
}

/// Small facts a source keeps between webhooks and polls, by key, such as the open episode of an alert
/// group. Loaded before `parse`, stored with the findings in one transaction.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Memory {
    known: BTreeMap<String, String>,
    changed: BTreeMap<String, Option<String>>,
}

impl Memory {
    #[must_use]
    pub fn new(known: BTreeMap<String, String>) -> Self {
        Self { known, changed: BTreeMap::new() }
    }

    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.known.get(key).map(String::as_str)
    }

    /// All keys that start with `prefix`, with their values, in order.
    pub fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.known
            .range(prefix.to_owned()..)
            .take_while(move |(key, _)| key.starts_with(prefix))
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }

    pub fn set(&mut self, key: impl Into<String>, value: impl Into<String>) {
        let (key, value) = (key.into(), value.into());
        self.known.insert(key.clone(), value.clone());
        self.changed.insert(key, Some(value));
    }

    pub fn forget(&mut self, key: &str) {
        if self.known.remove(key).is_some() {
            self.changed.insert(key.to_owned(), None);
        }
    }

    /// What `set` and `forget` changed since loading: the new value, or `None` for a forgotten key.
    #[must_use]
    pub fn changes(&self) -> &BTreeMap<String, Option<String>> {
        &self.changed
    }
}

/// What a source is built from.
#[derive(Clone)]
pub struct BuildContext {
    pub config: SourceConfig,
    /// TLS-verifying client without redirects on writes, shared by all sources.
    pub http: reqwest::Client,
}

/// Why a source cannot be built from its configuration: the key and what to write there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BuildError(pub String);

/// Every type of source there is.
pub const KINDS: &[Kind] = &[
    alertmanager::KIND,
    better_stack::KIND,
    datadog::KIND,
    dispatch::KIND,
    firehydrant::KIND,
    generic::KIND,
    grafana::KIND,
    incident_io::KIND,
    #[cfg(test)]
    klaxon::KIND,
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
/// A sentence with the nearest name, or all.
pub fn find_kind(name: &str) -> Result<&'static Kind, String> {
    let known = KINDS.iter().map(|kind| kind.name).collect::<Vec<_>>();
    let found = KINDS.iter().find(|kind| kind.name == name);
    found.ok_or_else(|| format!("unknown type `{name}`; {}", options::suggestion(name, &known)))
}

/// Builds the source that a `[[sources]]` table describes. Reads no network.
///
/// # Errors
/// A [`BuildError`] that names the key at fault and what to write there; an unknown type lists the known.
pub fn build(context: BuildContext) -> Result<Arc<dyn Source>, BuildError> {
    let config = &context.config;
    let kind =
        find_kind(&config.kind).map_err(|fault| BuildError(format!("source `{}`: {fault}", config.id)))?;
    options::check_names(config, kind.option_names)?;
    (kind.build)(context)
}
