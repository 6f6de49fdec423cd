//! The sections of the configuration other than sources, each with the checks that concern it alone.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

use super::values::Table;

#[derive(Debug, Clone)]
pub struct Server {
    pub listen: SocketAddr,
    /// Without trailing slash, query or fragment; may have a path.
    pub base_url: Url,
    pub shutdown_grace: Duration,
    /// Bytes.
    pub max_body: usize,
    /// Webhooks that may wait for the disk.
    pub max_waiting: usize,
}

#[derive(Debug, Clone)]
pub struct Operator {
    pub listen: SocketAddr,
}

/// Which database `store.url` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    Sqlite,
    Postgres,
}

#[derive(Debug, Clone)]
pub struct Store {
    pub database: Database,
    /// May carry a password.
    pub url: SecretString,
    pub migrate_on_start: bool,
}

#[derive(Debug, Clone)]
pub struct Vault {
    /// 32 bytes in base64.
    pub key: SecretString,
    pub previous_keys: Vec<SecretString>,
}

#[derive(Debug, Clone)]
pub struct Connect {
    pub app_key: String,
    pub app_name: String,
    pub sites: Vec<String>,
    pub insecure_sites: Vec<String>,
    pub install_key_urls: Vec<Url>,
    pub auto_link: bool,
    pub review_action: bool,
    pub leeway: Duration,
    pub forge_app_id: Option<String>,
}

#[derive(Debug, Clone)]
pub struct Http {
    /// May carry a password. Checked where the client is built, as are the other two.
    pub proxy: Option<SecretString>,
    pub no_proxy: Vec<String>,
    pub ca_file: Option<PathBuf>,
}

#[derive(Debug, Clone)]
pub struct Delivery {
    pub max_batch: usize,
    pub linger: Duration,
    pub parallel_sites: usize,
    /// For one request with its answer.
    pub timeout: Duration,
    pub confirm: bool,
    /// How long what Jira accepted is looked for before it is sent again.
    pub visible_within: Duration,
    /// Zero is no limit.
    pub hourly_points: usize,
    /// Zero is no limit.
    pub hourly_points_per_site: usize,
}

#[derive(Debug, Clone)]
pub struct Sync {
    /// Cron expression with six fields.
    pub reconcile: String,
    pub removal_grace: Duration,
}

#[derive(Debug, Clone)]
pub struct Retention {
    pub inbox: Duration,
    pub timeline: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Clone)]
pub struct Log {
    pub level: String,
    pub format: LogFormat,
}

impl Server {
    pub(super) fn read(mut table: Table<'_>) -> Option<Self> {
        let listen = table.parsed("listen", "an address and port such as 127.0.0.1:8080");
        let base_url = read_base_url(&mut table);
        let shutdown_grace = table.duration("shutdown_grace");
        let max_body = table.integer("max_body", 1024..=64 << 20);
        let max_waiting = table.integer("max_waiting", 1..=1 << 20);
        table.finish();
        Some(Self {
            listen: listen?,
            base_url: base_url?,
            shutdown_grace: shutdown_grace?,
            max_body: max_body?,
            max_waiting: max_waiting?,
        })
    }
}

fn read_base_url(table: &mut Table<'_>) -> Option<Url> {
    if !table.has("base_url") {
        table.problem(
            "base_url",
            "is missing; write the public address, for example https://bridge.example.com",
        );
    }
    let mut url = table.url("base_url")?;
    if url.scheme() == "http" && !is_loopback(&url) {
        table.problem(
            "base_url",
            "must be https: Jira calls it over the internet (http is for this machine only)",
        );
        return None;
    }
    if url.query().is_some()
        || url.fragment().is_some()
        || !url.username().is_empty()
        || url.password().is_some()
    {
        table.problem("base_url", "must be scheme, host, port and path only");
        return None;
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Some(url)
}

/// Whether the address can only mean the machine itself.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

impl Operator {
    pub(super) fn read(mut table: Table<'_>) -> Option<Self> {
        let listen = table.parsed("listen", "an address and port such as 127.0.0.1:9090");
        table.finish();
        Some(Self { listen: listen? })
    }
}

impl Store {
    pub(super) fn read(mut table: Table<'_>) -> Option<Self> {
        let url = table.secret("url", "url_file");
        let migrate_on_start = table.boolean("migrate_on_start");
        let url = url.or_else(|| {
            table.problem("url", "is missing; write sqlite://FILE or postgres://USER@HOST/DATABASE");
            None
        });
        let database = url.as_ref().and_then(|url| match url.expose_secret().split_once("://")?.0 {
            "sqlite" => Some(Database::Sqlite),
            "postgres" | "postgresql" => Some(Database::Postgres),
            _ => None,
        });
        if url.is_some() && database.is_none() {
            table.problem("url", "must start with sqlite:// or postgres://");
        }
        table.finish();
        Some(Self { database: database?, url: url?, migrate_on_start: migrate_on_start? })
    }
}

impl Vault {
    pub(super) fn read(mut table: Table<'_>) -> Option<Self> {
        let key = table.secret("key", "key_file");
        let previous_keys = table.secrets("previous_keys", "previous_keys_file");
        if key.is_none() {
            table.problem(
                "key",
                "is missing; make one with `incident-bridge key generate` and name it in vault.key_file",
            );
        }
        table.finish();
        Some(Self { key: key?, previous_keys })
    }
}

impl Connect {
    pub(super) fn read(mut table: Table<'_>) -> Option<Self> {
        let app_key = table.text("app_key").filter(|key| check_app_key(key, &mut table));
        let app_name = table.text("app_name");
        let sites = table.list("sites").unwrap_or_default();
        let insecure_sites = table.list("insecure_sites").unwrap_or_default();
        let install_key_urls = table.list("install_key_urls").unwrap_or_default();
        let has_glob = sites.iter().any(|site| site.contains('*'));
        let auto_link = table.boolean("auto_link").unwrap_or(!has_glob);
        let review_action = table.boolean("review_action");
        let leeway = table.duration("leeway");
        let forge_app_id = table.text("forge_app_id");
        let parsed: Vec<Url> = install_key_urls.iter().filter_map(|url| Url::parse(url).ok()).collect();
        if parsed.len() != install_key_urls.len() || parsed.is_empty() {
            table.problem("install_key_urls", "must list at least one https address");
        }
        if leeway.is_some_and(|leeway| leeway > Duration::from_secs(30)) {
            table.problem("leeway", "must be at most \"30s\"; set this machine's clock instead");
        }
        table.finish();
        Some(Self {
            app_key: app_key?,
            app_name: app_name?,
            sites,
            insecure_sites,
            install_key_urls: parsed,
            auto_link,
            review_action: review_action?,
            leeway: leeway?,
            forge_app_id,
        })
    }
}

/// The module key in the descriptor is the app key with a suffix, so it takes the narrower alphabet's limits.
fn check_app_key(key: &str, table: &mut Table<'_>) -> bool {
    let valid = (1..=64).contains(&key.len())
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
    if !valid {
        table.problem("app_key", "must have 1 to 64 characters from A-Z, a-z, 0-9, '-', '.' and '_'");
    }
    valid
}

impl Http {
    pub(super) fn read(mut table: Table<'_>) -> Self {
        let text = |text: &String| !text.is_empty();
        let proxy = table.text("proxy").filter(text).map(SecretString::from);
        let no_proxy = table.list("no_proxy").unwrap_or_default();
        let ca_file = table.text("ca_file").filter(text).map(PathBuf::from);
        table.finish();
        Self { proxy, no_proxy, ca_file }
    }
}

impl Delivery {
    pub(super) fn read(mut table: Table<'_>) -> Option<Self> {
        let max_batch = table.integer("max_batch", 1..=1000);
        let linger = table.duration("linger");
        let parallel_sites = table.integer("parallel_sites", 1..=1024);
        let timeout = table.duration("timeout");
        let confirm = table.boolean("confirm");
        let visible_within = table.duration("visible_within");
        let hourly_points = table.integer("hourly_points", 0..=1_000_000_000);
        let hourly_points_per_site = table.integer("hourly_points_per_site", 0..=1_000_000_000);
        table.finish();
        Some(Self {
            max_batch: max_batch?,
            linger: linger?,
            parallel_sites: parallel_sites?,
            timeout: timeout?,
            confirm: confirm?,
            visible_within: visible_within?,
            hourly_points: hourly_points?,
            hourly_points_per_site: hourly_points_per_site?,
        })
    }
}

impl Sync {
    pub(super) fn read(mut table: Table<'_>) -> Option<Self> {
        let reconcile = table.cron("reconcile");
        let removal_grace = table.duration("removal_grace");
        table.finish();
        Some(Self { reconcile: reconcile?, removal_grace: removal_grace? })
    }
}

impl Retention {
    pub(super) fn read(mut table: Table<'_>) -> Option<Self> {
        let inbox = table.duration("inbox");
        let timeline = table.duration("timeline");
        table.finish();
        Some(Self { inbox: inbox?, timeline: timeline? })
    }
}

impl Log {
    pub(super) fn read(mut table: Table<'_>) -> Option<Self> {
        let level = table.text("level");
        let format = match table.text("format").as_deref() {
            Some("text") => Some(LogFormat::Text),
            Some("json") => Some(LogFormat::Json),
            _ => {
                table.problem("format", "must be \"text\" or \"json\"");
                None
            }
        };
        table.finish();
        Some(Self { level: level?, format: format? })
    }
}
