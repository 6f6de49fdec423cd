//! Configuration of a bridge on its own SQLite file: defaults, and loopback sites that may install.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use incident_bridge::store::Vault;
use secrecy::ExposeSecret;

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
    /// Base URLs of the Jira sites that may install, and where their install keys are.
    pub jira: &'a [&'a str],
    pub install_keys: &'a str,
    /// `[[sources]]` tables.
    pub sources: &'a str,
}

/// Writes the configuration file.
pub fn write_config(site: &Site<'_>) -> PathBuf {
    let Site { folder, public, operator, jira, install_keys, sources } = site;
    let hosts: Vec<&str> = jira.iter().map(|url| url.trim_start_matches("http://")).collect();
    let text = format!(
        r#"
        server = {{ listen = "{public}", base_url = "http://{public}" }}
        operator = {{ listen = "{operator}" }}
        store = {{ url = "sqlite://{database}" }}
        vault = {{ key = "{key}" }}
        log = {{ level = "error" }}
        [connect]
        sites = {hosts:?}
        insecure_sites = {hosts:?}
        install_key_urls = ["{install_keys}"]
        {sources}
        "#,
        database = folder.join("bridge.db").display(),
        key = Vault::generate_key().expose_secret(),
    );
    let file = folder.join("bridge.toml");
    std::fs::write(&file, text).expect("a configuration file");
    file
}
