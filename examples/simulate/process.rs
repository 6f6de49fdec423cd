//! One process of the bridge: the real engine and store, started on the seed's database, and what it is
//! doing at the moment.
//!
//! Only one piece of work goes on at a time; the others wait for an answer of the virtual network.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use anyhow::Context as _;
use incident_bridge::config::{Config, Environment, load};
use incident_bridge::destinations::{DestinationTypes, Facilities, Quotas};
use incident_bridge::domain::DestinationId;
use incident_bridge::http::{HttpClient, HttpSettings, build_client};
use incident_bridge::store::{Store, Vault};
use incident_bridge::sync::{Engine, Ingestor, Registry, Seat, SyncError};
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;

use super::adapter::Adapter;
use super::database::merge_log;
use super::jira::HOSTS;
use super::tool::SOURCES;
use super::virtual_site;
use super::world::{WORK, World};

/// Bearer token of every source's webhooks.
pub const TOKEN: &str = "a-token-that-every-tool-knows";

/// Work of one of the background tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Job {
    Inbox,
    Link,
    Nightly,
    Serve(DestinationId),
    Poll(&'static str),
    Fetch(&'static str),
}

/// Work that has begun.
pub struct Running {
    pub job: Job,
    /// Refusals of the database that were over when it began.
    past: u64,
    pub handle: JoinHandle<Result<(), SyncError>>,
}

/// How far a piece of work has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    Done,
    /// The database refused a write. How many refusals were over when the work began.
    Failed {
        past: u64,
    },
    /// It waits for an answer, or for its turn at a destination.
    Waits,
}

/// The process.
pub struct Process {
    pub engine: Arc<Engine>,
    pub ingestor: Ingestor,
    /// By number, in the order in which they began.
    running: BTreeMap<u64, Running>,
    begun: u64,
}

static CONFIG: LazyLock<Config> = LazyLock::new(|| read_config().expect("the configuration is right"));
static HTTP: LazyLock<HttpClient> = LazyLock::new(|| {
    build_client(&HttpSettings::new(std::time::Duration::from_secs(30))).expect("TLS starts")
});
/// A database with the schema and nothing else.
static EMPTY: OnceCell<Vec<u8>> = OnceCell::const_new();

fn read_config() -> anyhow::Result<Config> {
    use std::fmt::Write as _;
    let mut text = format!(
        "[server]\nbase_url = \"https://bridge.test\"\n[vault]\nkey = \"{}\"\n[connect]\nsites = {HOSTS:?}\n",
        "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
    );
    for source in &SOURCES {
        write!(
            text,
            "[[sources]]\nid = \"{}\"\ntype = \"generic\"\nwebhook_token = \"{TOKEN}\"\nsites = {}\n[sources.mapping]\n\
             id = \"/id\"\nsummary = \"/title\"\nstatus = \"/state\"\nurl = \"/link\"\ncreatedDate = \"/opened\"\n\
             lastUpdated = \"/changed\"\naffectedComponents = \"/service\"\n",
            source.id, source.sites
        )?;
    }
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("bridge.toml");
    std::fs::write(&file, text)?;
    Ok(load(&[file], &Environment::default())?.config)
}

async fn open_store(file: &Path, world: &World) -> anyhow::Result<Store> {
    let url = format!("sqlite://{}", file.display()).into();
    Ok(Store::open(&url, Vault::new(&CONFIG.vault.key, &[])?, world.clock.clone()).await?)
}

/// Writes a database with the schema.
///
/// # Errors
/// When the folder cannot be written.
pub async fn create_database(file: &Path, world: &World) -> anyhow::Result<()> {
    let empty = EMPTY.get_or_try_init(|| async {
        let folder = tempfile::tempdir()?;
        let first = folder.path().join("empty.db");
        let store = open_store(&first, world).await?;
        store.migrate().await?;
        store.close().await;
        merge_log(&first).await?;
        Ok::<_, anyhow::Error>(std::fs::read(first)?)
    });
    Ok(std::fs::write(file, empty.await?)?)
}

impl Process {
    /// Starts on the database of `file`.
    ///
    /// # Errors
    /// When the database refuses a write.
    pub async fn start(file: &Path, world: &Arc<World>) -> anyhow::Result<Self> {
        let store = open_store(file, world).await?;
        let vault = Vault::new(&CONFIG.vault.key, &[])?;
        let built = Registry::build(&CONFIG.sources, &[], &HTTP, &CONFIG.server.base_url, &vault);
        let mut registry = built.map_err(|faults| anyhow::anyhow!("{faults:?}"))?;
        for source in &SOURCES {
            let inner = registry.find(source.id).context("it is configured")?.adapter.clone();
            let (id, polled, world) = (source.id.to_owned(), source.polled, world.clone());
            registry = registry.with_adapter(source.id, Arc::new(Adapter { id, inner, polled, world }));
        }
        let facilities = Facilities {
            http: HTTP.clone(),
            clock: world.clock.clone(),
            app_key: CONFIG.connect.app_key.clone(),
            quotas: Quotas::default(),
            points: None,
        };
        let types = DestinationTypes::start(&[virtual_site::KIND], &facilities);
        let engine = Engine::new(&CONFIG, store.clone(), world.clock.clone(), registry, types);
        let prepared = match engine.seed().await {
            Ok(()) => engine.outbound().settle_sources().await,
            fault => fault,
        };
        if let Err(fault) = prepared {
            store.close().await;
            return Err(fault.into());
        }
        let engine = Arc::new(engine);
        Ok(Self { ingestor: engine.start_ingest(64), engine, running: BTreeMap::new(), begun: 0 })
    }

    /// The process is gone at once, with everything that it was doing.
    pub async fn die(self, world: &World) {
        for Running { handle, .. } in self.running.values() {
            handle.abort();
        }
        for Running { handle, .. } in self.running.into_values() {
            let _aborted = handle.await;
        }
        world.forget_waiting();
        let store = self.engine.store().clone();
        drop(self.ingestor);
        drop(self.engine);
        // Only so that its threads and files do not add up.
        store.close().await;
    }

    pub fn is_running(&self, job: &Job) -> bool {
        self.running.values().any(|running| running.job == *job)
    }

    /// Begins a piece of work after so many refusals of the database, and gives its number.
    pub fn begin(&mut self, job: Job, past: u64, world: &World) -> u64 {
        self.begun += 1;
        let (engine, work, number) = (self.engine.clone(), job.clone(), self.begun);
        let handle = tokio::spawn(WORK.scope(number, async move { run(&engine, &work).await }));
        self.running.insert(number, Running { job, past, handle });
        world.activate(number);
        number
    }

    /// Lets a piece of work go on as far as it can.
    ///
    /// # Errors
    /// When it panics.
    pub async fn follow(&mut self, number: u64, world: &World) -> anyhow::Result<Progress> {
        let running = self.running.get_mut(&number).context("it is running")?;
        let done = tokio::select! {
            biased;
            done = &mut running.handle => Some(done),
            () = world.paused.notified() => None,
            () = self.engine.outbound().turn_awaited().notified() => None,
        };
        world.activate(0);
        let Some(done) = done else { return Ok(Progress::Waits) };
        let Running { job, past, .. } = self.running.remove(&number).context("it is running")?;
        let done = done.with_context(|| format!("{job:?} ends"))?;
        world.note(format_args!("{job:?} is done: {}", done.is_ok()));
        Ok(if done.is_ok() { Progress::Done } else { Progress::Failed { past } })
    }
}

/// What the background task does in one round.
async fn run(engine: &Engine, job: &Job) -> Result<(), SyncError> {
    let find = |id: &str| engine.registry().find(id);
    match job {
        Job::Inbox => engine.inbound().process_inbox().await.map(drop),
        Job::Link => engine.outbound().link_workspaces().await.map(drop),
        Job::Nightly => engine.run_nightly().await,
        Job::Serve(id) => engine.outbound().serve(id, &Seat::default()).await.map(drop),
        Job::Poll(id) => match find(id) {
            Some(source) => engine.inbound().poll(&source, |_, _| {}).await.map(drop),
            None => Ok(()),
        },
        Job::Fetch(id) => match find(id) {
            Some(source) => engine.inbound().fetch(&source).await.map(drop),
            None => Ok(()),
        },
    }
}
