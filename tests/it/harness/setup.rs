//! How a bridge for a test is configured: by real configuration files in a temporary folder.

use std::fmt::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};

use incident_bridge::app::{App, Roles, read_configuration};
use incident_bridge::clock::Clock;
use incident_bridge::config::Environment;
use incident_bridge::connect::jwt::InstallKeyPair;
use incident_bridge::destinations::{DestinationKind, TYPES};
use incident_bridge::domain::{Timestamp, parse_timestamp};
use incident_bridge::simulator::{RunningSimulator, Simulator, SimulatorOptions};

use super::{Bridge, Earlier, log};

pub const VAULT_KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// Three tools, each seen by every site.
const SOURCES: &str = r#"
[[sources]]
id = "pd"
type = "pagerduty"
webhook_secrets = ["pagerduty-signs-with-this"]

[[sources]]
id = "am"
type = "alertmanager"
webhook_token = "alertmanager-token"

[[sources]]
id = "gen"
type = "generic"
webhook_token = "generic-token"
[sources.mapping]
id = "/id"
summary = "/title"
status = "/state"
url = "/link"
createdDate = "/opened"
lastUpdated = "/changed"
affectedComponents = "/service"
"#;

/// Generating one takes longer than a whole test.
static INSTALL_KEY: LazyLock<InstallKeyPair> =
    LazyLock::new(|| InstallKeyPair::generate("install-key-1").expect("a key pair can be made"));

/// The key that signs lifecycle calls of every simulated site.
pub fn install_key() -> InstallKeyPair {
    INSTALL_KEY.clone()
}

/// When every story begins.
pub fn start_time() -> Timestamp {
    parse_timestamp("2026-09-14T08:00:00Z").expect("a valid time")
}

/// A free port below those that the system assigns to clients, so that no client takes it meanwhile.
pub fn pick_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % 16_000).expect("it fits") + 12_000;
    let ports = std::iter::repeat_with(|| start + NEXT.fetch_add(1, Ordering::SeqCst) % 4_000);
    let is_free = |port: &u16| TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], *port))).is_ok();
    ports.take(4_000).find(is_free).expect("one of 4000 ports is free")
}

/// A new database in the cluster that `tests/run` starts.
pub async fn fresh_postgres() -> String {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let url = super::program::require("BRIDGE_TEST_POSTGRES_URL");
    let name = format!("bridge_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::SeqCst));
    let pool = sqlx::PgPool::connect(&url).await.expect("PostgreSQL can be reached");
    let create = format!("CREATE DATABASE {name}");
    sqlx::query(sqlx::AssertSqlSafe(create)).execute(&pool).await.expect("a database can be made");
    pool.close().await;
    let mut url = url::Url::parse(&url).expect("BRIDGE_TEST_POSTGRES_URL is a URL");
    url.set_path(&name);
    url.to_string()
}

/// What differs from the usual setup.
pub struct Setup {
    sites: usize,
    strangers: usize,
    path: &'static str,
    store_url: Option<String>,
    sources: String,
    more: String,
    own_time: bool,
    now: Timestamp,
    earlier: Option<Earlier>,
    types: Vec<DestinationKind>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            sites: 1,
            strangers: 0,
            path: "",
            store_url: None,
            sources: SOURCES.to_owned(),
            more: String::new(),
            own_time: false,
            types: TYPES.to_vec(),
            now: start_time(),
            earlier: None,
        }
    }
}

impl Setup {
    /// Simulated sites that may install.
    pub fn sites(self, sites: usize) -> Self {
        Self { sites, ..self }
    }

    /// Further simulated sites, which are not in `connect.sites`.
    pub fn strangers(self, strangers: usize) -> Self {
        Self { strangers, ..self }
    }

    /// Path of the public address.
    pub fn path(self, path: &'static str) -> Self {
        Self { path, ..self }
    }

    pub fn store(self, url: String) -> Self {
        Self { store_url: Some(url), ..self }
    }

    /// `[[sources]]` tables in place of the usual; `{site0}` stands for the first site's host and port.
    pub fn sources(self, toml: &str) -> Self {
        Self { sources: toml.to_owned(), ..self }
    }

    /// Jira has its own clock, which stays right when the bridge's clock is set.
    pub fn own_time(self) -> Self {
        Self { own_time: true, ..self }
    }

    /// When the story begins, unless at [`start_time`].
    pub fn at(self, now: Timestamp) -> Self {
        Self { now, ..self }
    }

    /// The database and the sites are not new: an earlier version of the bridge has worked with them.
    pub fn earlier(self, earlier: Earlier) -> Self {
        Self { earlier: Some(earlier), ..self }
    }

    /// Types of destinations in place of the program's own.
    pub fn types(self, types: Vec<DestinationKind>) -> Self {
        Self { types, ..self }
    }

    /// More configuration; overrides the usual.
    pub fn config(mut self, toml: &str) -> Self {
        let _infallible = writeln!(self.more, "{toml}");
        self
    }

    pub async fn start(self) -> Bridge {
        let log = log::Capture::start();
        let clock = Clock::manual(self.now);
        let jira_clock = self.own_time.then(|| Clock::manual(self.now));
        let site_clock = jira_clock.as_ref().unwrap_or(&clock);
        let sites: Vec<RunningSimulator> =
            (0..self.sites + self.strangers).map(|_| start_site(site_clock, 0)).collect();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let port = pick_port();
        let base_url = format!("http://127.0.0.1:{port}{}", self.path);
        let store_url = self
            .store_url
            .clone()
            .unwrap_or_else(|| format!("sqlite://{}", folder.path().join("bridge.db").display()));
        let files = [self.main_file(port, &base_url, &store_url, &sites), self.more.clone()];
        let paths: Vec<_> = (0..files.len()).map(|n| folder.path().join(format!("{n}.toml"))).collect();
        for (path, content) in paths.iter().zip(&files) {
            std::fs::write(path, content).expect("the folder is writable");
        }
        let read = move || read_configuration(&paths, &Environment::default());
        let loaded = read().expect("the configuration is valid");
        let config = loaded.config.clone();
        if let Some(earlier) = &self.earlier {
            earlier.load_database(&store_url, &sites).await;
        }
        let app = App::start_with(&config, clock.clone(), Roles::ALL, &self.types)
            .await
            .expect("the bridge starts");
        app.enable_reload(loaded, read);
        let bridge = Bridge {
            engine: app.engine.clone(),
            operator: app.operator_address(),
            app: Some(app),
            types: self.types,
            http: super::requests::client(),
            folder,
            clock,
            jira_clock,
            sites,
            base_url,
            log,
            config,
        };
        if let Some(earlier) = &self.earlier {
            earlier.resume_sites(&bridge).await;
        }
        bridge
    }

    fn main_file(&self, port: u16, base_url: &str, store_url: &str, sites: &[RunningSimulator]) -> String {
        let hosts: Vec<String> = sites.iter().map(|site| site.addr().to_string()).collect();
        let allowed = &hosts[..self.sites];
        let sources = (0..hosts.len())
            .fold(self.sources.clone(), |text, n| text.replace(&format!("{{site{n}}}"), &hosts[n]));
        base_file((port, base_url, store_url), (allowed, &hosts), &sites[0], &sources)
    }
}

/// The configuration of a bridge with its database in `folder` that serves `sites`.
pub fn bridge_file(port: u16, folder: &Path, sites: &[&RunningSimulator], sources: &str) -> String {
    let store_url = format!("sqlite://{}", folder.join("bridge.db").display());
    let hosts: Vec<String> = sites.iter().map(|site| site.addr().to_string()).collect();
    base_file((port, &format!("http://127.0.0.1:{port}"), &store_url), (&hosts, &hosts), sites[0], sources)
}

fn base_file(
    (port, base_url, store_url): (u16, &str, &str),
    (allowed, insecure): (&[String], &[String]),
    key_host: &RunningSimulator,
    sources: &str,
) -> String {
    let key_url = key_host.install_keys_url();
    format!(
        "[server]\nlisten = \"127.0.0.1:{port}\"\nbase_url = \"{base_url}\"\nshutdown_grace = \"1s\"\n\
         [operator]\nlisten = \"127.0.0.1:0\"\n[store]\nurl = \"{store_url}\"\n[vault]\nkey = \"{VAULT_KEY}\"\n\
         [connect]\nsites = {allowed:?}\ninsecure_sites = {insecure:?}\ninstall_key_urls = [\"{key_url}\"]\n{sources}"
    )
}

/// A simulated site; port 0 picks one.
pub fn start_site(clock: &Clock, port: u16) -> RunningSimulator {
    let options = SimulatorOptions { install_key: Some(install_key()), ..SimulatorOptions::default() };
    Simulator::start(clock.clone(), SocketAddr::from(([127, 0, 0, 1], port)), options)
        .expect("the simulator starts")
}
