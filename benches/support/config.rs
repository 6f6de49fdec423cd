//! Configuration of a bridge: defaults, and loopback sites that may install.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

pub const SOURCE: &str = "pd";
pub const WEBHOOK_SECRET: &str = "a webhook secret as long as PagerDuty makes them, which is sixty-four";

/// The source that most measurements use; keys appended to the text belong to it.
pub fn webhook_source(more: &str) -> String {
    webhook_source_named(SOURCE, more)
}

/// The same under another id.
pub fn webhook_source_named(id: &str, more: &str) -> String {
    format!(
        "[[sources]]\nid = \"{id}\"\ntype = \"pagerduty\"\nwebhook_secrets = [\"{WEBHOOK_SECRET}\"]\n{more}\n"
    )
}

/// Files and addresses of one bridge.
pub struct Site<'a> {
    pub folder: &'a Path,
    pub public: SocketAddr,
    pub operator: SocketAddr,
    /// Where Jira finds it, which differs from `public` behind a load balancer.
    pub base_url: &'a str,
    /// URL of the database.
    pub store: &'a str,
    pub vault_key: &'a SecretString,
    /// Base URLs of the Jira sites that may install, and where their install keys are.
    pub jira: &'a [&'a str],
    pub install_keys: &'a str,
    /// `[[sources]]` tables.
    pub sources: &'a str,
}

/// URL of a SQLite file in `folder`.
pub fn sqlite_url(folder: &Path) -> String {
    format!("sqlite://{}", folder.join("bridge.db").display())
}

/// Writes the configuration file.
pub fn write_config(site: &Site<'_>) -> PathBuf {
    let Site { folder, public, operator, base_url, store, vault_key, jira, install_keys, sources } = site;
    let hosts: Vec<&str> = jira.iter().map(|url| url.trim_start_matches("http://")).collect();
    let text = format!(
        r#"
        server = {{ listen = "{public}", base_url = "{base_url}" }}
        operator = {{ listen = "{operator}" }}
        store = {{ url = "{store}" }}
        vault = {{ key = "{key}" }}
        log = {{ level = "error" }}
        [connect]
        sites = {hosts:?}
        insecure_sites = {hosts:?}
        install_key_urls = ["{install_keys}"]
        {sources}
        "#,
        key = vault_key.expose_secret(),
    );
    let file = folder.join("bridge.toml");
    std::fs::write(&file, text).expect("a configuration file");
    file
}
