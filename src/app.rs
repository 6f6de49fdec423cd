//! The composition root: builds every part, binds the listeners, runs until told to stop.
//!
//! Nothing else constructs a store, a client or a server. Tests build the same parts with a clock of their
//! own and run the due work themselves.

mod database;

use database::open_store;
pub use database::{find_database, find_database_trouble, open_any_operator, open_vault};

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Data;
use anyhow::{Context, anyhow, bail};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::Config;
use crate::connect::descriptor::{self, DescriptorSettings};
use crate::connect::install_keys::InstallKeys;
use crate::connect::sites::SiteAllowList;
use crate::destinations::{DestinationKind, DestinationTypes, Facilities, Quotas, TYPES};
use crate::http::{ClientError, HttpClient, HttpSettings, build_client};
use crate::store::{ExposedFile, Ownership, Store, StoreError};
use crate::sync::{Engine, GivenUp, Operator, Patience, Registry, Runner, Task, for_every_role, for_owner};
use crate::web::{self, Limits, ProblemLog, RunningServer, State};

/// How long a start waits for an earlier process that is about to end.
const OWNER_LEAVES: Duration = Duration::from_secs(1);

/// How long another process may be the owner before this one ends: PostgreSQL may still hold this one's own
/// session, which was cut off.
const OWNER_IS_BACK: Duration = Duration::from_mins(1);

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
    ownership: Option<Arc<Ownership>>,
}

/// The sources of a configuration, built without a database.
///
/// # Errors
/// With a sentence that names the key to fix.
pub fn build_registry(config: &Config) -> anyhow::Result<Registry> {
    let vault = open_vault(config)?;
    let http = build_http(config)?;
    Ok(Registry::build(&config.sources, &config.destinations, &http, &config.server.base_url, &vault)?)
}

/// The client for every outbound request.
///
/// # Errors
/// With a sentence that names the key of `[http]` to fix.
pub fn build_http(config: &Config) -> Result<HttpClient, ClientError> {
    build_client(&HttpSettings {
        timeout: config.delivery.timeout,
        proxy: config.http.proxy.clone(),
        no_proxy: config.http.no_proxy.clone(),
        ca_file: config.http.ca_file.as_ref().map(PathBuf::from),
    })
}

/// Everything but listeners: for commands that work on the store, and as the service's core.
///
/// # Errors
/// With a sentence that names the key to fix.
pub async fn build_engine(config: &Config, clock: Clock) -> anyhow::Result<Arc<Engine>> {
    build_engine_with(config, clock, TYPES).await
}

async fn build_engine_with(
    config: &Config,
    clock: Clock,
    types: &[DestinationKind],
) -> anyhow::Result<Arc<Engine>> {
    let store = open_store(config, clock.clone()).await?;
    let registry = build_registry(config)?;
    let types = build_destination_types(config, clock.clone(), types)?;
    Ok(Arc::new(Engine::new(config, store, clock, registry, types)))
}

/// The types of destinations, built without a database.
///
/// # Errors
/// When the TLS backend does not start.
pub fn build_destination_types(
    config: &Config,
    clock: Clock,
    types: &[DestinationKind],
) -> anyhow::Result<DestinationTypes> {
    // Zero means no limit.
    let points = |n: usize| u64::try_from(n).ok().filter(|points| *points > 0);
    let facilities = Facilities {
        http: build_http(config)?,
        clock,
        app_key: config.connect.app_key.clone(),
        quotas: Quotas {
            app: points(config.delivery.hourly_points),
            site: points(config.delivery.hourly_points_per_site),
        },
    };
    Ok(DestinationTypes::start(types, &facilities))
}

/// Applies migrations, or refuses to continue without them.
///
/// # Errors
/// When a migration fails, or is missing and `store.migrate_on_start` is off.
pub async fn prepare_store(config: &Config, store: &Store) -> anyhow::Result<()> {
    if config.store.migrate_on_start {
        return store.migrate().await.context("the database could not be migrated");
    }
    match store.pending_migrations().await? {
        0 => Ok(()),
        n => bail!(
            "the database lacks {n} migrations: run `incident-bridge migrate`, or set store.migrate_on_start"
        ),
    }
}

/// For commands that sync: every part but the listeners, on a schema that is up to date.
///
/// # Errors
/// As for [`build_engine`] and [`prepare_store`].
pub async fn build_ready_engine(config: &Config, clock: Clock) -> anyhow::Result<Arc<Engine>> {
    let engine = build_engine(config, clock).await?;
    prepare_store(config, engine.store()).await?;
    Ok(engine)
}

/// For commands that only read or mark: the schema must exist already.
///
/// # Errors
/// When the database cannot be reached or lacks migrations.
pub async fn open_operator(config: &Config, clock: Clock) -> anyhow::Result<Operator> {
    let operator = Operator::new(open_store(config, clock.clone()).await?, clock);
    match operator.count_pending_migrations().await? {
        0 => Ok(operator),
        n => bail!(
            "the database lacks {n} migration(s): start `incident-bridge serve` once, or run `incident-bridge migrate`"
        ),
    }
}

/// Brings the schema up to date, whatever `store.migrate_on_start` says. Returns how many migrations were
/// missing.
///
/// # Errors
/// When the database cannot be reached, or was written by a newer program.
pub async fn migrate(config: &Config, clock: Clock) -> anyhow::Result<usize> {
    let store = open_store(config, clock.clone()).await?;
    let applied = Operator::new(store.clone(), clock).migrate().await?;
    store.close().await;
    Ok(applied)
}

/// The descriptor for this configuration; offers reviews when a source has a page for them.
#[must_use]
pub fn descriptor(config: &Config, registry: &Registry) -> serde_json::Value {
    descriptor::render(&descriptor_settings(config, registry))
}

/// What the descriptor and the Forge manifest are made from.
#[must_use]
pub fn descriptor_settings<'a>(config: &'a Config, registry: &Registry) -> DescriptorSettings<'a> {
    let has_review_page = registry.iter().any(|source| source.adapter.new_review_url(None).is_some());
    DescriptorSettings {
        app_key: &config.connect.app_key,
        app_name: &config.connect.app_name,
        base_url: &config.server.base_url,
        with_review_action: config.connect.review_action && has_review_page,
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
        warn_of_weak_credentials(config);
        let engine = build_engine_with(config, clock, types).await?;
        let ownership =
            if roles.sync { Some(Arc::new(engine.store().become_owner(OWNER_LEAVES).await?)) } else { None };
        prepare_store(config, engine.store()).await?;
        for ExposedFile { path, mode } in engine.store().list_exposed_files() {
            let path = path.display();
            tracing::warn!(
                "{path} has the permissions {mode:o}, so others can read it; run: chmod 600 {path}"
            );
        }
        engine.seed().await.context("the store could not be prepared")?;
        let state = web_state(config, &engine)?;
        let public = roles.web.then(|| web::serve_public(&config.server, state.clone(), workers()));
        let public = public
            .transpose()
            .with_context(|| format!("server.listen: cannot listen on {}", config.server.listen))?;
        let operator = web::serve_operator(config.operator.listen, state)
            .with_context(|| format!("operator.listen: cannot listen on {}", config.operator.listen))?;
        let grace = config.server.shutdown_grace;
        let patience = Patience::default();
        Ok(Self { engine, public, operator, patience, grace, ownership })
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
        if let Some(ownership) = &self.ownership {
            tasks.extend(for_owner(&self.engine, ownership));
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
        let mut running = JoinSet::new();
        for task in tasks {
            running.spawn(runner.clone().run(task));
        }
        let lost = tokio::select! {
            biased;
            () = stop.cancelled() => None,
            lost = self.find_lost(&mut running) => Some(lost),
        };
        if let Some(lost) = &lost {
            tracing::error!("{lost:#}; this process ends, so that it is started again");
        }
        stop.cancel();
        self.shut_down(running).await?;
        lost.map_or(Ok(()), Err)
    }

    /// Returns when a part has ended that must not end before the stop.
    async fn find_lost(&self, tasks: &mut JoinSet<Result<(), GivenUp>>) -> anyhow::Error {
        let public_ended = async {
            match &self.public {
                Some(public) => public.ended().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some(ended) = tasks.join_next() => match ended {
                Ok(Ok(())) => anyhow!("a task has ended by itself"),
                Ok(Err(given_up)) => given_up.into(),
                Err(fault) => anyhow::Error::new(fault).context("what runs the tasks has failed"),
            },
            () = public_ended => anyhow!("the public listener has ended by itself"),
            () = self.operator.ended() => anyhow!("the operator listener has ended by itself"),
            fault = keep(self.ownership.as_deref()) => fault.into(),
        }
    }

    /// First no new work from outside, then the end of the work inside.
    async fn shut_down(self, mut tasks: JoinSet<Result<(), GivenUp>>) -> anyhow::Result<()> {
        if let Some(public) = self.public {
            public.stop().await?;
        }
        if tokio::time::timeout(self.grace, async { while tasks.join_next().await.is_some() {} })
            .await
            .is_err()
        {
            tracing::warn!("work in progress was cut off; it is repeated after the next start");
            tasks.abort_all();
        }
        self.operator.stop().await?;
        drop(tasks);
        if let Some(ownership) = self.ownership.and_then(Arc::into_inner) {
            ownership.release().await;
        }
        self.engine.store().close().await;
        Ok(())
    }
}

/// Returns when this process must no longer sync: never, if it does not.
async fn keep(ownership: Option<&Ownership>) -> StoreError {
    match ownership {
        Some(ownership) => ownership.keep(OWNER_IS_BACK).await,
        None => std::future::pending().await,
    }
}

fn warn_of_weak_credentials(config: &Config) {
    for source in &config.sources {
        for key in source.weak_credentials() {
            tracing::warn!(source = %source.id, key, "this credential is so short that it could be guessed; use 16 bytes or more");
        }
    }
}

fn web_state(config: &Config, engine: &Arc<Engine>) -> anyhow::Result<Data<State>> {
    Ok(Data::new(State {
        ingestor: engine.start_ingest(config.server.max_waiting),
        install_keys: InstallKeys::new(config.connect.install_key_urls.clone(), build_http(config)?)
            .context("connect.install_key_urls")?,
        allow_list: SiteAllowList::parse(&config.connect.sites, &config.connect.insecure_sites)
            .context("connect.sites")?,
        descriptor: descriptor(config, engine.registry()),
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
