//! The bridge with its real wiring, simulated Jira sites around it, and verbs to control them.
//!
//! Time stands still until a test moves it, and nothing runs by itself: `settle` runs what is due. Every
//! story ends with `finish`, which checks that nothing was lost or reported wrongly.

mod database;
mod earlier;
pub mod log;
pub mod pagerduty;
pub mod pagerduty_account;
pub mod place;
pub mod program;
pub mod requests;
mod setup;
pub mod tls;

use std::net::SocketAddr;
use std::sync::Arc;

use chrono::TimeDelta;
use incident_bridge::app::{App, Roles};
use incident_bridge::clock::Clock;
use incident_bridge::config::Config;
use incident_bridge::destinations::DestinationKind;
use incident_bridge::domain::{DeliveryState, DestinationId, EntityId};
use incident_bridge::simulator::{Installation, RunningSimulator};
use incident_bridge::store::{DeliveryRow, InstallationState};
use incident_bridge::sync::{Engine, Patience, Runner, Seat, SyncError, Task, for_every_role, for_sync};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

pub(crate) use database::on_both_databases;
pub use earlier::Earlier;
pub use requests::send;
pub use setup::{Setup, bridge_file, fresh_postgres, install_key, pick_port, start_site, start_time};

/// The running bridge.
pub struct Bridge {
    pub clock: Clock,
    pub engine: Arc<Engine>,
    pub sites: Vec<RunningSimulator>,
    /// Its public address without a trailing slash.
    pub base_url: String,
    pub log: log::Capture,
    pub config: Config,
    /// The types of destinations that it has.
    types: Vec<DestinationKind>,
    /// If it differs.
    jira_clock: Option<Clock>,
    app: Option<App>,
    operator: SocketAddr,
    http: reqwest::Client,
    folder: TempDir,
}

impl Bridge {
    /// On SQLite, with one site that may install and the sources `pd`, `am` and `gen`.
    pub async fn start() -> Self {
        Setup::default().start().await
    }

    /// The same, installed on its site, and idle.
    pub async fn installed() -> Self {
        let bridge = Self::start().await;
        bridge.install().await;
        bridge.settle().await;
        bridge
    }

    /// The first site.
    pub fn jira(&self) -> &RunningSimulator {
        &self.sites[0]
    }

    pub async fn install(&self) -> Installation {
        self.install_on(0).await
    }

    pub async fn install_on(&self, site: usize) -> Installation {
        self.sites[site].install(&self.base_url).await.expect("the site installs the app")
    }

    /// Runs until nothing is left to do at this moment.
    pub async fn settle(&self) {
        self.engine.run_until_idle().await.expect("the store works");
    }

    /// Serves one destination for as long as there is anything to do at this moment.
    pub async fn serve(&self, id: &DestinationId) -> Result<bool, SyncError> {
        self.engine.outbound().serve(id, &Seat::default()).await
    }

    pub fn advance(&self, seconds: i64) {
        let by = TimeDelta::seconds(seconds);
        self.clock.advance(by);
        self.jira_clock.iter().for_each(|clock| clock.advance(by));
    }

    /// Moves time and runs what is due.
    pub async fn settle_after(&self, seconds: i64) {
        self.advance(seconds);
        self.settle().await;
    }

    /// The deliveries of one entity, one per site, in the order of the sites' names.
    pub async fn deliveries(&self, id: &str) -> Vec<DeliveryRow> {
        self.engine
            .store()
            .deliveries()
            .list_of(&EntityId::from_text(id.to_owned()))
            .await
            .expect("the store works")
    }

    /// The one delivery of an entity.
    pub async fn delivery(&self, id: &str) -> DeliveryRow {
        let mut rows = self.deliveries(id).await;
        assert_eq!(rows.len(), 1, "{id}: {rows:?}");
        rows.remove(0)
    }

    /// The delivery of an entity to one of several sites.
    pub async fn delivery_on(&self, site: usize, id: &str) -> DeliveryRow {
        let address = self.sites[site].addr().to_string();
        let row = self.deliveries(id).await.into_iter().find(|row| row.site == address);
        row.unwrap_or_else(|| panic!("{id} is not meant for {address}"))
    }

    /// What happened to an entity, in order.
    pub async fn events(&self, id: &str) -> Vec<String> {
        let entries = self.engine.store().timeline().list_of(&EntityId::from_text(id.to_owned())).await;
        entries.expect("the store works").into_iter().map(|entry| entry.event.name()).collect()
    }

    /// One of the background tasks, which a test runs by hand.
    pub fn task(&self, name: &str) -> Arc<dyn Task> {
        let mut tasks = for_every_role(&self.engine).into_iter().chain(for_sync(&self.engine));
        tasks.find(|task| task.name() == name).unwrap_or_else(|| panic!("there is no task {name}"))
    }

    /// What runs tasks until `stop`.
    pub fn runner(&self, stop: &CancellationToken) -> Runner {
        Runner {
            heartbeats: self.engine.heartbeats().clone(),
            clock: self.clock.clone(),
            metrics: self.engine.metrics().clone(),
            stop: stop.clone(),
            patience: Patience::default(),
        }
    }

    /// The process that this stands for, for a test that runs it itself; the story then has no `finish`.
    pub fn take_app(&mut self, patience: Patience) -> App {
        let mut app = self.app.take().expect("it runs");
        app.patience = patience;
        app
    }

    /// The files that it was configured with, for commands of the program.
    pub fn config_files(&self) -> [String; 2] {
        ["0.toml", "1.toml"].map(|name| self.folder.path().join(name).display().to_string())
    }

    /// Stops the process that this stands for and starts another on the same database.
    pub async fn restart(&mut self) {
        self.stop_for_now().await;
        self.start_again().await;
    }

    /// Starts another process in place of the one that was stopped, with the configuration as it is now.
    pub async fn start_again(&mut self) {
        let app = App::start_with(&self.config, self.clock.clone(), Roles::ALL, &self.types)
            .await
            .expect("it starts again");
        self.engine = app.engine.clone();
        self.operator = app.operator_address();
        self.app = Some(app);
    }

    /// Stops the process that this stands for.
    pub async fn stop_for_now(&mut self) {
        let stop = CancellationToken::new();
        stop.cancel();
        let app = self.app.take().expect("it runs");
        app.run(stop).await.expect("it stops politely");
    }

    /// Ends the story: everything that was to be sent is sent or says why not, every request that a site
    /// got was valid, and no error was logged but those that the test took with `log.expect_error`.
    pub async fn finish(mut self) {
        self.settle().await;
        let installations = self.engine.store().sites().list_installations().await.expect("the store works");
        let may_wait = |site: &str| {
            let it = installations.iter().find(|it| it.site == site).expect("a delivery has a site");
            it.state == InstallationState::Disabled || it.wait_until > self.clock.now()
        };
        for row in self.engine.store().deliveries().list(None, 1000).await.expect("the store works") {
            let explained =
                if row.state == DeliveryState::Waiting { may_wait(&row.site) } else { row.reason.is_some() };
            assert!(explained, "not delivered, and nobody knows why: {row:?}");
        }
        for site in &self.sites {
            let violations = site.schema_violations();
            assert!(violations.is_empty(), "{violations:?}");
        }
        let errors = self.log.errors();
        assert!(errors.is_empty(), "logged as errors: {errors:?}");
        self.stop_for_now().await;
    }
}
