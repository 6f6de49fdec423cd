//! The use cases of the bridge, put together, and the functions by which tests and one-off commands run them.

use std::sync::Arc;

use super::core::{Core, Signals, SyncError};
use super::directory::{Directory, Snapshot};
use super::inbound::{Inbound, Ingestor};
use super::operator::Operator;
use super::outbound::{Outbound, Seat};
use super::registry::{Registry, unseal_token};
use super::tasks::{self, Heartbeats};
use crate::clock::Clock;
use crate::config::{Config, DestinationConfig, Retention};
use crate::destinations::DestinationTypes;
use crate::domain::{DestinationId, Workspace};
use crate::store::{DeclaredDestination, Store, Vault};
use crate::telemetry::Metrics;

/// Everything that the bridge can do.
pub struct Engine {
    pub(in crate::sync) core: Arc<Core>,
    pub(in crate::sync) inbound: Arc<Inbound>,
    pub(in crate::sync) outbound: Arc<Outbound>,
    pub(in crate::sync) retention: Retention,
    /// Cron expression of the nightly drift check.
    pub(in crate::sync) drift_check: String,
}

impl Engine {
    /// Puts the parts together. Does no I/O.
    #[must_use]
    pub fn new(
        config: &Config,
        store: Store,
        clock: Clock,
        registry: Registry,
        types: DestinationTypes,
    ) -> Self {
        let destinations = with_open_tokens(&config.destinations, store.vault());
        let core = Arc::new(Core::new(store, clock, registry, destinations));
        Self {
            inbound: Arc::new(Inbound::new(core.clone(), config.server.base_url.clone())),
            outbound: Arc::new(Outbound::new(core.clone(), types, config)),
            retention: config.retention.clone(),
            drift_check: config.sync.reconcile.clone(),
            core,
        }
    }

    /// The way in.
    #[must_use]
    pub fn inbound(&self) -> &Inbound {
        &self.inbound
    }

    /// The way out.
    #[must_use]
    pub fn outbound(&self) -> &Outbound {
        &self.outbound
    }

    /// The sources in force. Whoever works with them takes them once, so that a reload does not divide the work.
    #[must_use]
    pub fn registry(&self) -> Arc<Registry> {
        self.core.registry.current()
    }

    /// Puts other sources, destinations and keys of the vault into force. What is in progress ends with those
    /// that it began with.
    ///
    /// # Errors
    /// When the database fails. Everything new is then in force, but workspaces and components may be missing
    /// that follow from it: repeat it.
    pub async fn reconfigure(
        &self,
        config: &Config,
        registry: Registry,
        vault: &Vault,
    ) -> Result<(), SyncError> {
        let core = &self.core;
        core.store.vault().replace(vault);
        core.registry.replace(registry.continuing(&core.registry.current()));
        core.directory.declared.replace(with_open_tokens(&config.destinations, vault));
        self.outbound.link_by_itself(config.connect.auto_link());
        core.signals.sources.notify_one();
        self.seed().await?;
        core.directory.refresh().await?;
        for signal in [&core.signals.inbox, &core.signals.link, &core.signals.deliver] {
            signal.notify_one();
        }
        Ok(())
    }

    #[must_use]
    pub fn directory(&self) -> &Directory {
        &self.core.directory
    }

    /// What Jira's calls need, as it is now.
    ///
    /// # Errors
    /// When it was not read before, and the database fails.
    pub async fn read_directory(&self) -> Result<Arc<Snapshot>, SyncError> {
        Ok(self.core.directory.current().await?)
    }

    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.core.clock
    }

    #[must_use]
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.core.metrics
    }

    /// What wakes the tasks.
    #[must_use]
    pub fn signals(&self) -> &Signals {
        &self.core.signals
    }

    /// What the tasks do at the moment.
    #[must_use]
    pub fn heartbeats(&self) -> &Heartbeats {
        &self.core.heartbeats
    }

    /// What operators look at and change.
    #[must_use]
    pub fn operator(&self) -> Operator {
        Operator::new(self.core.store.clone(), self.core.clock.clone())
    }

    /// The store itself, for `app`, tests and benches only: `web` and `cli` call use cases.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.core.store
    }

    /// What stores webhooks. Beyond `max_waiting` webhooks, senders are asked to come back.
    #[must_use]
    pub fn start_ingest(&self, max_waiting: usize) -> Ingestor {
        Ingestor::new(self.core.clone(), max_waiting)
    }

    /// Stores what the configuration alone implies, for the sources whose configuration has changed: each one's
    /// account as a workspace, and the component of incidents that name none. What it implies for entities that
    /// are stored already takes longer, and is left to [`Outbound::settle_sources`]. A tool that refused the
    /// configuration before is polled again.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn seed(&self) -> Result<(), SyncError> {
        let store = &self.core.store;
        let destinations: Vec<_> = self.core.directory.declared.current().iter().map(declared).collect();
        store.sites().declare(&destinations).await?;
        store.polls().forget_refusals().await?;
        for source in self.outbound.list_unsettled().await? {
            store.entities().forget_setup(source.id()).await?;
            // With teams, the account holds what names no team, such as the fallback component.
            store.entities().record_workspaces(source.id(), &[source.account()]).await?;
            if !source.has_teams() {
                store.entities().retire_workspaces(source.id(), &[Workspace::ACCOUNT.to_owned()]).await?;
            }
            self.inbound.store_fallback(&source).await?;
        }
        self.core.signals.settle.notify_one();
        Ok(())
    }

    /// Runs until nothing is left to do now: for tests and for one-off commands. Does not poll.
    ///
    /// # Errors
    /// The first failure of a use case.
    pub async fn run_until_idle(&self) -> Result<(), SyncError> {
        self.outbound.settle_sources().await?;
        loop {
            self.core.directory.refresh_if_changed().await?;
            let mut worked = self.inbound.process_inbox().await?;
            worked |= self.outbound.confirm_installations().await?;
            worked |= self.outbound.link_workspaces().await?;
            for id in self.outbound.list_destinations_with_work().await? {
                worked |= self.outbound.serve(&id, &Seat::default()).await?;
            }
            if !worked {
                return Ok(());
            }
        }
    }

    /// The nightly round: the drift check, then retention.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn run_nightly(&self) -> Result<(), SyncError> {
        self.outbound.check_drift().await?;
        tasks::apply_retention(&self.core, &self.retention).await
    }
}

/// The same with tokens that can be sent. One that cannot be opened, which the examination of the configuration reports,
/// is left out.
fn with_open_tokens(destinations: &[DestinationConfig], vault: &Vault) -> Vec<DestinationConfig> {
    let open = |config: &DestinationConfig| DestinationConfig {
        api_token: unseal_token(config, vault).ok().flatten(),
        ..config.clone()
    };
    destinations.iter().map(open).collect()
}

fn declared(config: &DestinationConfig) -> DeclaredDestination {
    DeclaredDestination {
        id: DestinationId(config.id.clone()),
        type_name: config.type_name.clone(),
        name: config.id.clone(),
    }
}
