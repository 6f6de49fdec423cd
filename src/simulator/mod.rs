//! A Jira Software Cloud site in memory, with an HTTP skin and faults on demand.
//!
//! A feature of its own (`incident-bridge demo`, `simulate-jira`) and the double in tests. It is written from
//! Jira's published contract and judges raw JSON by it. It must not import the bridge's payload types, client
//! or store, or it would only agree with our mistakes; of ours it knows the clock and Connect's tokens.
//!
//! One [`Simulator`] is one site. Tests speak to it in verbs: [`Simulator::install`],
//! [`Simulator::incident`], [`Simulator::fail_next`], [`Simulator::schema_violations`].

mod actions;
mod auth;
mod calls;
mod control;
mod descriptor;
mod entities;
mod faults;
mod history;
mod lifecycle;
mod options;
mod page;
mod rest;
mod route;
mod schema;
mod server;
mod site;
mod state;
mod submit;
pub mod tools;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use serde_json::Value;

use crate::clock::Clock;
use crate::connect::jwt::InstallKeyPair;

pub use calls::{AppAnswer, CallError, SignedCall};
pub use entities::{EntityKind, Properties, StoredEntity};
pub use faults::{Effect, Fault};
pub use history::{RequestRecord, SchemaViolation, Submission};
pub use options::SimulatorOptions;
#[cfg(test)]
pub(crate) use schema::Schemas;
pub use server::RunningSimulator;
pub use site::Installation;

use state::State;

/// A handle on one simulated site. Cheap to clone.
#[derive(Clone)]
pub struct Simulator(Arc<Inner>);

struct Inner {
    clock: Clock,
    state: Mutex<State>,
    schemas: schema::Schemas,
    install_key: InstallKeyPair,
    client: reqwest::Client,
    url: OnceLock<String>,
}

impl std::fmt::Debug for Simulator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Simulator").field("url", &self.url()).finish_non_exhaustive()
    }
}

impl Simulator {
    /// Starts a site on `listen`; port 0 picks one. Needs a running tokio runtime.
    ///
    /// # Errors
    /// When the address cannot be bound, or keys cannot be made.
    pub fn start(
        clock: Clock,
        listen: SocketAddr,
        options: SimulatorOptions,
    ) -> io::Result<RunningSimulator> {
        let simulator = Self::new(clock, options)?;
        server::serve(simulator, listen)
    }

    /// Listens again for a site whose listener was stopped; it holds all that it held.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub fn listen_again(&self, listen: SocketAddr) -> io::Result<RunningSimulator> {
        server::serve(self.clone(), listen)
    }

    fn new(clock: Clock, options: SimulatorOptions) -> io::Result<Self> {
        let install_key = match &options.install_key {
            Some(key) => key.clone(),
            None => InstallKeyPair::generate(&clock.new_id()).map_err(io::Error::other)?,
        };
        Ok(Self(Arc::new(Inner {
            state: Mutex::new(State::new(options, &clock)),
            schemas: schema::Schemas::load().map_err(io::Error::other)?,
            client: calls::build_client().map_err(io::Error::other)?,
            url: OnceLock::new(),
            install_key,
            clock,
        })))
    }

    /// The site's base URL without a trailing slash, as it tells the app.
    pub fn url(&self) -> &str {
        self.0.url.get().map_or("", String::as_str)
    }

    /// Base address for `connect.install_key_urls`.
    pub fn install_keys_url(&self) -> String {
        format!("{}/install-keys", self.url())
    }

    /// The key pair that signs lifecycle calls.
    pub fn install_key(&self) -> &InstallKeyPair {
        &self.0.install_key
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is only ever replaced as a whole field, so a panic elsewhere leaves it usable.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state with everything applied that is due.
    fn settled(&self) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        state.site.settle(self.0.clock.now());
        state
    }
}

/// What the site holds.
impl Simulator {
    /// The visible incident, exactly as it was sent.
    pub fn incident(&self, id: &str) -> Option<Value> {
        self.entity(EntityKind::Incident, id)
    }

    /// All visible incidents in the order of their ids.
    pub fn incidents(&self) -> Vec<Value> {
        self.entities(EntityKind::Incident)
    }

    /// All visible components in the order of their ids.
    pub fn components(&self) -> Vec<Value> {
        self.entities(EntityKind::Component)
    }

    /// All visible reviews in the order of their ids.
    pub fn reviews(&self) -> Vec<Value> {
        self.entities(EntityKind::Review)
    }

    /// A visible entity, exactly as it was sent.
    pub fn entity(&self, kind: EntityKind, id: &str) -> Option<Value> {
        self.find_stored(kind, id).map(|entity| entity.json)
    }

    /// A visible entity with its sequence number and labels.
    pub fn find_stored(&self, kind: EntityKind, id: &str) -> Option<StoredEntity> {
        self.settled().site.entities(kind).find(id).cloned()
    }

    /// How many entities of a kind are visible.
    pub fn count(&self, kind: EntityKind) -> usize {
        self.settled().site.entities(kind).count()
    }

    fn entities(&self, kind: EntityKind) -> Vec<Value> {
        self.settled().site.entities(kind).iter().map(|(_, entity)| entity.json.clone()).collect()
    }

    /// Workspaces that the app has linked.
    pub fn linked_workspaces(&self) -> BTreeSet<String> {
        self.settled().site.workspaces().clone()
    }

    /// Writes that were accepted and are not visible yet.
    pub fn queued(&self) -> usize {
        self.settled().site.queued()
    }

    /// What `/_edge/tenant_info` answers.
    pub fn cloud_id(&self) -> String {
        self.lock().site.cloud_id.clone()
    }

    /// Every sequence number accepted for an entity, in the order of arrival.
    pub fn submitted_versions(&self, kind: EntityKind, id: &str) -> Vec<i64> {
        self.submissions(kind, id).iter().map(|submission| submission.sequence).collect()
    }

    /// The same with the instants of acceptance.
    pub fn submissions(&self, kind: EntityKind, id: &str) -> Vec<Submission> {
        self.lock().history.submissions(kind, id).to_vec()
    }

    /// Every sequence number that became visible for an entity, in that order.
    pub fn stored_versions(&self, kind: EntityKind, id: &str) -> Vec<i64> {
        self.settled().site.entities(kind).stored_versions(id).to_vec()
    }

    /// Every remembered request to the site, oldest first.
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.lock().history.requests().cloned().collect()
    }

    /// How many requests the site has ever had.
    pub fn request_count(&self) -> u64 {
        self.lock().history.total()
    }

    /// Everything sent to the site that broke Jira's published rules.
    pub fn schema_violations(&self) -> Vec<SchemaViolation> {
        self.lock().history.violations().to_vec()
    }
}

/// How the site misbehaves.
impl Simulator {
    /// Scripts a fault behind those that wait already.
    pub fn fail_next(&self, fault: Fault) {
        self.lock().faults.push(fault);
    }

    /// Forgets all scripted faults and stops random ones.
    pub fn clear_faults(&self) {
        self.lock().faults.clear();
    }

    /// Scripted faults that no call has met yet.
    pub fn waiting_faults(&self) -> usize {
        self.lock().faults.waiting().len()
    }

    /// Share of REST calls, 0 to 1, that meet a 429 at random.
    pub fn set_rate_limit_share(&self, share: f64) {
        self.lock().faults.set_share(share);
    }

    /// How long every REST call waits for its answer, on top of what a scripted fault adds.
    pub fn set_answer_delay(&self, delay: Duration) {
        self.lock().site.options.answer_delay = delay;
    }

    /// How long writes accepted from now on stay invisible.
    pub fn set_visibility_delay(&self, delay: TimeDelta) {
        self.lock().site.visibility_delay = delay;
    }

    /// Entities per request above which the answer is 413 from now on.
    pub fn set_max_entities(&self, most: usize) {
        self.lock().site.options.max_entities = most;
    }

    /// Refuses an entity, under 202, until [`Simulator::allow`].
    pub fn refuse(&self, id: &str, message: &str) {
        self.lock().site.refusals.insert(id.to_owned(), message.to_owned());
    }

    /// Accepts an entity and never shows it, until [`Simulator::allow`].
    pub fn hide(&self, id: &str) {
        self.lock().site.hidden.insert(id.to_owned());
    }

    /// Takes back [`Simulator::refuse`] and [`Simulator::hide`].
    pub fn allow(&self, id: &str) {
        let site = &mut self.lock().site;
        site.refusals.remove(id);
        site.hidden.remove(id);
    }
}
