//! What all reconcilers share, and the signals that wake them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use url::Url;

use crate::clock::Clock;
use crate::config::{Config, Delivery, Retention};
use crate::connect::sites::SiteAllowList;
use crate::destinations::operations::client::{ConnectAuth, HttpClient, JiraClient, Pacing, Quotas};
use crate::domain::{ClientKey, Workspace};
use crate::store::{Store, StoreError};
use crate::sync::directory::{Directory, SiteAccess};
use crate::sync::outbound::near_limit::NearLimit;
use crate::sync::outbound::readback::ReadPauses;
use crate::sync::registry::Registry;
use crate::telemetry::Metrics;

/// Why a reconciler could not finish its round. The next round is the retry.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("an installation has an address that is none: {0}")]
    BadSite(#[from] url::ParseError),
}

/// Bells: each wakes one reconciler, however often it rings.
#[derive(Debug, Default)]
pub struct Signals {
    pub inbox: Notify,
    pub deliver: Notify,
    pub link: Notify,
    pub reconcile: Notify,
}

/// The parts that every use case works with.
pub struct Engine {
    pub store: Store,
    pub clock: Clock,
    pub registry: Registry,
    pub directory: Directory,
    pub allow_list: SiteAllowList,
    pub metrics: Arc<Metrics>,
    pub signals: Signals,
    pub delivery: Delivery,
    pub retention: Retention,
    pub app_key: String,
    pub base_url: Url,
    pub auto_link: bool,
    pub removal_grace: Duration,
    pub leeway: Duration,
    /// Name of this process in leases.
    pub owner: String,
    pub(in crate::sync) near_limit: NearLimit,
    pub(in crate::sync) read_pauses: ReadPauses,
    http: HttpClient,
    pacing: Arc<Pacing>,
}

impl Engine {
    /// Puts the parts together. Does no I/O.
    #[must_use]
    pub fn new(
        config: &Config,
        store: Store,
        clock: Clock,
        registry: Registry,
        allow_list: SiteAllowList,
        http: HttpClient,
    ) -> Self {
        Self {
            directory: Directory::new(store.clone(), registry.clone()),
            owner: clock.new_id(),
            pacing: Arc::new(Pacing::with_quotas(&clock, quotas(config))),
            near_limit: NearLimit::default(),
            read_pauses: ReadPauses::default(),
            metrics: Arc::default(),
            signals: Signals::default(),
            delivery: config.delivery.clone(),
            retention: config.retention.clone(),
            app_key: config.connect.app_key.clone(),
            base_url: config.server.base_url.clone(),
            auto_link: config.connect.auto_link,
            removal_grace: config.sync.removal_grace,
            leeway: config.connect.leeway,
            store,
            clock,
            registry,
            allow_list,
            http,
        }
    }

    /// A client for one site; makes a fresh token per request.
    ///
    /// # Errors
    /// When the stored address of the site is none.
    pub fn jira(&self, site: &SiteAccess) -> Result<JiraClient, SyncError> {
        let base_url = Url::parse(&site.base_url)?;
        let auth = ConnectAuth {
            app_key: self.app_key.clone(),
            client_key: site.client_key.clone(),
            secret: site.secret().clone(),
            base_path: base_url.path().trim_end_matches('/').to_owned(),
        };
        let client = JiraClient::new(self.http.clone(), base_url, Arc::new(auth), self.clock.clone());
        Ok(client.with_pacing(self.pacing.clone()))
    }

    /// Stores what the configuration alone implies: each source's account as a workspace, and the
    /// component of incidents that name none. A tool that refused the configuration before is asked anew.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn seed(&self) -> Result<(), SyncError> {
        use crate::store::{Origin, Report};
        self.store.polls().forget_refusals().await?;
        for source in self.registry.iter() {
            // With teams, the account holds what names none, such as the fallback component.
            self.store.entities().record_workspaces(source.id(), &[source.account()]).await?;
            if !source.has_teams() {
                self.store
                    .entities()
                    .retire_workspaces(source.id(), &[Workspace::ACCOUNT.to_owned()])
                    .await?;
            }
            let moved = self.store.move_workspaces(&source.scope()).await?;
            if moved > 0 {
                tracing::info!(source = %source.id(), entities = moved, "moved to other workspaces");
            }
            let fallback = [source.fallback_component(self.clock.now())];
            let report = Report { mentioned: &fallback, ..Report::new(Origin::Configuration) };
            self.store.apply(&source.scope(), &[report]).await?;
        }
        self.directory.refresh().await?;
        self.offer_missing().await
    }

    /// Turns the crank until nothing is left to do now: for tests and for one-off commands. Does not poll.
    ///
    /// # Errors
    /// The first failure of a reconciler.
    pub async fn run_until_idle(&self) -> Result<(), SyncError> {
        loop {
            self.directory.refresh_if_changed().await?;
            let mut worked = self.process_inbox().await?;
            worked |= self.link_workspaces().await?;
            for site in self.store.deliveries().list_destinations_with_work().await? {
                worked |= self.serve_site(&ClientKey(site.0)).await?;
            }
            if !worked {
                return Ok(());
            }
        }
    }
}

/// Zero stands for no limit.
fn quotas(config: &Config) -> Quotas {
    let points = |n: usize| u64::try_from(n).ok().filter(|points| *points > 0);
    Quotas {
        app: points(config.delivery.hourly_points),
        site: points(config.delivery.hourly_points_per_site),
    }
}
