//! The composition root: builds every part, binds the listeners, runs until told to stop.
//!
//! Nothing else constructs a store, a client or a server. Tests build the same parts with a clock of their
//! own and run the due work themselves.

mod build;
mod configuration;
mod database;
mod destinations;
mod points;
mod reload;
mod running;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actix_web::web::Data;
use anyhow::{Context, anyhow};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::{Config, ConfigError, Live, Loaded};
use crate::connect::descriptor::{self, DescriptorSettings};
use crate::connect::install_keys::InstallKeys;
use crate::connect::sites::SiteAllowList;
use crate::destinations::{DestinationKind, TYPES};
use crate::store::{ExposedFile, Ownership};
use crate::sync::{Engine, Patience, Runner, Task, for_every_role, for_sync};
use crate::web::{self, Limits, ProblemLog, Reload, RunningServer, State};

pub use build::{
    build_destination_types, build_engine, build_http, build_ready_engine, build_registry, migrate,
    open_any_operator, open_engine, open_operator, open_vault, prepare_store,
};
use build::{build_engine_on, create_store};
pub use configuration::{find_faults, list_exposed_secrets, list_warnings, read_configuration};
pub use database::{copy_database, find_database, find_database_trouble};
pub use destinations::{IssuesTable, read_issues_tables};
use reload::Reloader;
use running::Running;

/// How long a start waits for an earlier process that is about to end.
const OWNER_LEAVES: Duration = Duration::from_secs(1);

/// Which parts of the service this process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roles {
    /// The public listener.
    pub web: bool,
    /// Polling, delivery and the schedule.
    pub sync: bool,
}

impl Roles {
    pub const ALL: Self = Self { web: true, sync: true };
}

/// The service with its listeners bound.
pub struct App {
    pub engine: Arc<Engine>,
    public: Option<RunningServer>,
    operator: RunningServer,
    /// How long panicking tasks rest, and when this process gives up.
    pub patience: Patience,
    grace: Duration,
    /// With the role `sync`.
    ownership: Option<Ownership>,
    /// Which sites may install, for a reload.
    allow_list: Arc<Live<SiteAllowList>>,
    /// What the operator's listener calls.
    reload: Arc<OnceLock<Arc<dyn Reload>>>,
}

/// The descriptor for this configuration.
#[must_use]
pub fn descriptor(config: &Config) -> serde_json::Value {
    descriptor::render(&descriptor_settings(config))
}

/// What the descriptor and the Forge manifest are made from.
#[must_use]
pub fn descriptor_settings(config: &Config) -> DescriptorSettings<'_> {
    DescriptorSettings {
        app_key: &config.connect.app_key,
        app_name: &config.connect.app_name,
        base_url: &config.server.base_url,
        with_review_action: config.connect.review_action,
    }
}

impl App {
    /// Builds and binds everything. The ports are known and requests are answered when it returns; tasks
    /// start with [`App::run`].
    ///
    /// # Errors
    /// With a sentence that says what to fix.
    pub async fn start(config: &Config, clock: Clock, roles: Roles) -> anyhow::Result<Self> {
        Self::start_with(config, clock, roles, TYPES).await
    }

    /// The same with types of destinations other than the program's own.
    ///
    /// # Errors
    /// As for [`App::start`].
    pub async fn start_with(
        config: &Config,
        clock: Clock,
        roles: Roles,
        types: &[DestinationKind],
    ) -> anyhow::Result<Self> {
        let store = create_store(config, clock.clone()).await?;
        let engine = build_engine_on(config, store, clock, types)?;
        for warning in list_warnings(config, &engine.registry()) {
            tracing::warn!(%warning, "the configuration is valid, but this does not work or is careless");
        }
        let ownership =
            if roles.sync { Some(engine.store().become_owner(OWNER_LEAVES).await?) } else { None };
        prepare_store(config, engine.store()).await?;
        for ExposedFile { path, mode } in engine.store().list_exposed_files() {
            let (mode, run) = (format!("{mode:o}"), format!("chmod 600 {}", path.display()));
            tracing::warn!(mode, run, "others can read a file of the database");
        }
        engine.seed().await.context("the store could not be prepared")?;
        let allow_list = SiteAllowList::parse(&config.connect.sites, &config.connect.insecure_sites);
        let allow_list = Arc::new(Live::new(allow_list.context("connect.sites")?));
        let reload = Arc::default();
        let state = web_state(config, &engine, &allow_list, &reload)?;
        let public = roles.web.then(|| web::serve_public(&config.server, state.clone(), workers()));
        let public = public
            .transpose()
            .with_context(|| format!("server.listen: cannot listen on {}", config.server.listen))?;
        let operator = web::serve_operator(config.operator.listen, state)
            .with_context(|| format!("operator.listen: cannot listen on {}", config.operator.listen))?;
        let grace = config.server.shutdown_grace;
        let patience = Patience::default();
        Ok(Self { engine, public, operator, patience, grace, ownership, allow_list, reload })
    }

    /// From now on the configuration can be reloaded: `read` reads it again, and `running` is the one that this
    /// process was started with. The operator's listener calls the result, too.
    pub fn enable_reload(
        &self,
        running: Loaded,
        read: impl Fn() -> Result<Loaded, ConfigError> + Send + Sync + 'static,
    ) -> Arc<dyn Reload> {
        let make = || -> Arc<dyn Reload> {
            Arc::new(Reloader::new(running, Box::new(read), self.engine.clone(), self.allow_list.clone()))
        };
        self.reload.get_or_init(make).clone()
    }

    /// Where the public listener is, if this process has one.
    #[must_use]
    pub fn public_address(&self) -> Option<std::net::SocketAddr> {
        self.public.as_ref().map(|server| server.address)
    }

    #[must_use]
    pub fn operator_address(&self) -> std::net::SocketAddr {
        self.operator.address
    }

    /// Everything that this process does in the background.
    #[must_use]
    pub fn tasks(&self) -> Vec<Arc<dyn Task>> {
        let mut tasks = for_every_role(&self.engine);
        if self.ownership.is_some() {
            tasks.extend(for_sync(&self.engine));
        }
        tasks
    }

    /// Runs every task until `stop`; then finishes the work in progress and closes the store.
    ///
    /// # Errors
    /// When a part could not start or stop, or cannot be kept alive: the process must then be started again.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let tasks = self.tasks();
        self.run_tasks(tasks, stop).await
    }

    /// The same with other tasks than its own.
    ///
    /// # Errors
    /// As for [`App::run`].
    pub async fn run_tasks(self, tasks: Vec<Arc<dyn Task>>, stop: CancellationToken) -> anyhow::Result<()> {
        // Its own, so that a lost part stops the others but not whoever gave us `stop`.
        let stop = stop.child_token();
        let runner = Runner {
            heartbeats: self.engine.heartbeats().clone(),
            clock: self.engine.clock().clone(),
            metrics: self.engine.metrics().clone(),
            stop: stop.clone(),
            patience: self.patience,
        };
        let mut running = Running::start(runner, tasks);
        let lost = tokio::select! {
            biased;
            () = stop.cancelled() => None,
            lost = self.find_lost(&mut running) => Some(lost),
        };
        if let Some(lost) = &lost {
            let reason = format!("{lost:#}");
            tracing::error!(reason, "this process ends, so that it is started again");
        }
        stop.cancel();
        self.shut_down(running).await?;
        lost.map_or(Ok(()), Err)
    }

    /// Returns when a part has ended that must not end before the stop. Meanwhile the tasks follow the sources of
    /// the configuration.
    async fn find_lost(&self, running: &mut Running) -> anyhow::Error {
        let public_ended = async {
            match &self.public {
                Some(public) => public.ended().await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(public_ended);
        loop {
            tokio::select! {
                lost = running.find_lost() => return lost,
                () = self.engine.signals().sources.notified() => running.follow(self.tasks()),
                () = &mut public_ended => return anyhow!("the public listener has ended by itself"),
                () = self.operator.ended() => return anyhow!("the operator listener has ended by itself"),
            }
        }
    }

    /// First no new work from outside, then the end of the work inside.
    async fn shut_down(self, mut running: Running) -> anyhow::Result<()> {
        if let Some(public) = self.public {
            public.stop().await?;
        }
        if tokio::time::timeout(self.grace, running.ended()).await.is_err() {
            tracing::warn!("work in progress was cut off; it is repeated after the next start");
        }
        self.operator.stop().await?;
        drop(running);
        drop(self.ownership);
        self.engine.store().close().await;
        Ok(())
    }
}

fn web_state(
    config: &Config,
    engine: &Arc<Engine>,
    allow_list: &Arc<Live<SiteAllowList>>,
    reload: &Arc<OnceLock<Arc<dyn Reload>>>,
) -> anyhow::Result<Data<State>> {
    Ok(Data::new(State {
        ingestor: engine.start_ingest(config.server.max_waiting),
        install_keys: InstallKeys::new(config.connect.install_key_urls.clone(), build_http(config)?)
            .context("connect.install_key_urls")?,
        allow_list: allow_list.clone(),
        reload: reload.clone(),
        descriptor: descriptor(config).to_string().into(),
        base_url: config.server.base_url.clone(),
        app_key: config.connect.app_key.clone(),
        leeway: config.connect.leeway,
        limits: Limits::new(&config.server, engine.clock()),
        problems: ProblemLog::new(engine.clock().clone()),
        operator_hosts: config.operator.hosts.clone(),
        engine: engine.clone(),
    }))
}

fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
