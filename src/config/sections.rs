//! The sections of the configuration other than the lists of tables, each with the checks that concern it
//! alone.
//!
//! A key is named here once; its meaning and its default are in `config/default.toml`. To add one, write it
//! in both files. To add a section, write its struct here and its name in `Config`.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::kind::{
    address, boolean, bytes, cron, duration, integer, list, path, secret, secret_url, secrets, text, url,
    word,
};
use super::section::section;

/// First parts of the public routes. A proxy that strips the path of the public address would make a route
/// below one of them look like a route below that path.
const OWN_PATHS: [&str; 6] = ["atlassian-connect.json", "connect", "docs", "jira", "static", "webhooks"];

section! {
    /// The listener that Jira and the incident tools reach.
    pub struct Server {
        pub listen: SocketAddr = address("127.0.0.1:8080"),
        /// Without trailing slash, query or fragment; may have a path.
        pub base_url: Url = url()
            .checked(check_base_url)
            .required("is missing; write the public address, for example https://bridge.example.com"),
        pub shutdown_grace: Duration = duration(),
        /// Bytes.
        pub max_body: usize = bytes(1024..=64 << 20),
        /// Bytes of all request bodies in memory; at least one of the largest always fits.
        pub max_body_total: usize = bytes(1024..=1 << 30),
        /// Open connections; fewer if the limit of open files says so.
        pub max_connections: usize = integer(16..=1 << 20),
        /// For a whole request with its answer.
        pub request_timeout: Duration = duration().checked(check_request_timeout),
        /// Webhooks that may wait for the disk.
        pub max_waiting: usize = integer(1..=1 << 20),
        /// Reverse proxies whose `X-Forwarded-For` counts.
        pub trusted_proxies: Vec<IpNet> = list().checked(|networks| read_networks(&networks)),
    }
}

section! {
    /// The listener for health, readiness and metrics.
    pub struct Operator {
        pub listen: SocketAddr = address("127.0.0.1:9090"),
        /// Names under which it answers, in small letters, besides its addresses and `localhost`.
        pub hosts: Vec<String> = list().checked(|names| read_host_names(&names)),
    }
}

section! {
    /// The database.
    pub struct Store {
        /// May contain a password. [`Store::database`] says which database it is.
        pub url: SecretString = secret_url()
            .shaped("^(sqlite|postgres|postgresql)://")
            .placed(place_database)
            .checked(check_store_url)
            .required("is missing; write sqlite://FILE or postgres://USER@HOST/DATABASE"),
        pub migrate_on_start: bool = boolean(),
    }
}

section! {
    /// The keys that seal stored secrets.
    pub struct Vault {
        /// 32 bytes in base64.
        pub key: SecretString = secret().required(
            "is missing; make one with `incident-bridge key generate` and name it in vault.key_file",
        ),
        pub previous_keys: Vec<SecretString> = secrets(),
    }
}

section! {
    /// The app as Jira sees it, and who may install it.
    pub struct Connect {
        pub app_key: String = text().shaped("^[A-Za-z0-9._-]{1,64}$").checked(check_app_key),
        pub app_name: String = text(),
        pub sites: Vec<String> = list(),
        pub insecure_sites: Vec<String> = list(),
        pub install_key_urls: Vec<Url> = list().checked(|urls| check_install_key_urls(&urls)),
        /// As written; [`Connect::auto_link()`] has the effective value.
        pub auto_link: Option<bool> = boolean().optional(),
        pub review_action: bool = boolean(),
        pub leeway: Duration = duration().checked(check_leeway),
        pub forge_app_id: Option<String> = text().optional(),
    }
}

section! {
    /// How servers outside are reached. Checked where the client is built.
    pub struct Http {
        /// May carry a password.
        pub proxy: Option<SecretString> = secret_url().optional(),
        pub no_proxy: Vec<String> = list(),
        /// Path of a PEM file.
        pub ca_file: Option<String> = path().optional(),
    }
}

section! {
    /// How changes go to Jira.
    pub struct Delivery {
        pub max_batch: usize = integer(1..=1000),
        pub linger: Duration = duration(),
        pub parallel_sites: usize = integer(1..=1024),
        /// For one request with its answer.
        pub timeout: Duration = duration(),
        pub confirm: bool = boolean(),
        /// How long what Jira accepted is looked for before it is sent again.
        pub visible_within: Duration = duration(),
        /// Zero is no limit.
        pub hourly_points: usize = integer(0..=1_000_000_000),
        /// Zero is no limit.
        pub hourly_points_per_site: usize = integer(0..=1_000_000_000),
    }
}

section! {
    /// What happens at its own times.
    pub struct Sync {
        /// Cron expression with six fields.
        pub reconcile: String = cron(),
        pub removal_grace: Duration = duration(),
    }
}

section! {
    /// How long things are kept.
    pub struct Retention {
        pub inbox: Duration = duration(),
        pub timeline: Duration = duration(),
        pub quarantine: Duration = duration(),
    }
}

section! {
    /// The program's log.
    pub struct Log {
        pub level: String = text(),
        pub format: LogFormat = word(&[LogFormat::Text, LogFormat::Json]),
    }
}

/// Which database `store.url` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseKind {
    Sqlite,
    Postgres,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Text,
    Json,
}

impl Store {
    #[must_use]
    pub fn database(&self) -> DatabaseKind {
        if self.url.expose_secret().starts_with("sqlite:") {
            DatabaseKind::Sqlite
        } else {
            DatabaseKind::Postgres
        }
    }
}

impl Connect {
    /// Whether every workspace that a site may see is linked as soon as the site installs.
    #[must_use]
    pub fn auto_link(&self) -> bool {
        self.auto_link.unwrap_or_else(|| !self.sites.iter().any(|site| site.contains('*')))
    }
}

fn check_base_url(mut url: Url) -> Result<Url, String> {
    if url.scheme() == "http" && !is_loopback(&url) {
        return Err(
            "must be https: Jira calls it over the internet (http is for this machine only)".to_owned()
        );
    }
    let has_user = !url.username().is_empty() || url.password().is_some();
    if url.query().is_some() || url.fragment().is_some() || has_user {
        return Err("must be scheme, host, port and path only".to_owned());
    }
    let path = url.path().trim_end_matches('/').to_owned();
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    if OWN_PATHS.contains(&first) {
        return Err(format!(
            "must not have a path that begins with /{first}, which is one of the bridge's own; choose another such as /bridge"
        ));
    }
    url.set_path(&path);
    Ok(url)
}

fn check_request_timeout(timeout: Duration) -> Result<Duration, String> {
    let range = Duration::from_secs(1)..=Duration::from_mins(5);
    if range.contains(&timeout) { Ok(timeout) } else { Err("must be from \"1s\" to \"5m\"".to_owned()) }
}

/// Networks, or single addresses.
fn read_networks(texts: &[String]) -> Result<Vec<IpNet>, String> {
    let read = |text: &String| {
        let network = text.parse().or_else(|_| text.parse().map(|address: IpAddr| address.into()));
        network.map_err(|_| format!("{text:?} is neither an address nor a network such as 10.0.0.0/8"))
    };
    texts.iter().map(read).collect()
}

fn read_host_names(texts: &[String]) -> Result<Vec<String>, String> {
    let read = |text: &String| match Host::parse(text) {
        Ok(Host::Domain(name)) => Ok(name),
        _ => Err(format!("{text:?} is not a host name without port, such as bridge.internal")),
    };
    texts.iter().map(read).collect()
}

/// Whether the address can only mean the machine itself.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

fn check_store_url(url: SecretString) -> Result<SecretString, String> {
    match url.expose_secret().split_once("://") {
        Some(("sqlite" | "postgres" | "postgresql", _)) => Ok(url),
        _ => Err("must start with sqlite:// or postgres://".to_owned()),
    }
}

/// A SQLite file is relative to the folder of the configuration file; everything else stays as it is.
fn place_database(folder: &Path, url: &str) -> String {
    let Some(file) = url.strip_prefix("sqlite://") else { return url.to_owned() };
    if file.is_empty() || file.starts_with(['/', ':', '?']) {
        return url.to_owned();
    }
    // In the address, the folder must not look like an escape or like the begin of the parameters.
    let folder = folder.to_string_lossy().replace('%', "%25").replace('?', "%3F");
    format!("sqlite://{}/{file}", folder.trim_end_matches('/'))
}

/// The module key in the descriptor is the app key with a suffix, so it takes the narrower alphabet's limits.
fn check_app_key(key: String) -> Result<String, String> {
    let valid = (1..=64).contains(&key.len())
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
    let what = "must have 1 to 64 characters from A-Z, a-z, 0-9, '-', '.' and '_'";
    if valid { Ok(key) } else { Err(what.to_owned()) }
}

fn check_install_key_urls(urls: &[String]) -> Result<Vec<Url>, String> {
    let parsed: Result<Vec<Url>, _> = urls.iter().map(|url| Url::parse(url)).collect();
    let parsed = parsed.ok().filter(|urls| !urls.is_empty());
    parsed.ok_or_else(|| "must list at least one https address".to_owned())
}

fn check_leeway(leeway: Duration) -> Result<Duration, String> {
    let what = "must be at most \"30s\"; set this machine's clock instead";
    if leeway <= Duration::from_secs(30) { Ok(leeway) } else { Err(what.to_owned()) }
}
