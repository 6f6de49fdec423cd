//! Reads a configuration as far as that is possible without a database: every mistake of every part at once, and
//! what is no mistake but will not work as meant.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use url::{Host, Url};

use super::build::{http_settings, vault_fault};
use super::destinations;
use crate::config::{Config, ConfigError, Draft, Environment, Loaded, Readable, SourceConfig, WorkspaceMode};
use crate::connect::sites::{SiteAllowList, is_loopback, overlaps};
use crate::http::{HttpSettings, build_client};
use crate::store::Vault;
use crate::sync::{Registry, RegistryError, SourceRuntime};
use crate::telemetry::check_level;

/// What everybody may do with a file.
const EVERYBODY: u32 = 0o004;
/// Atlassian fetches the descriptor of an app from these ports only.
const DESCRIPTOR_PORTS: [u16; 3] = [80, 443, 8080];

/// Stands for a public address that is missing, while the other keys are examined.
const ANY_ADDRESS: &str = "https://bridge.example.com";
/// Nothing is asked.
const ANY_TIMEOUT: Duration = Duration::from_secs(1);

/// The configuration in these files and variables.
///
/// # Errors
/// Every mistake that can be found without a database.
pub fn read_configuration(files: &[PathBuf], environment: &Environment) -> Result<Loaded, ConfigError> {
    let draft = Draft::read(files, environment);
    let further = find_faults(&draft.readable);
    draft.finish(further)
}

/// The mistakes that the reader of the configuration cannot see, in every part that could be read.
#[must_use]
pub fn find_faults(readable: &Readable) -> Vec<String> {
    let mut faults = Vec::new();
    if let Some(log) = &readable.log {
        faults.extend(check_level(&log.level).err().map(|fault| fault.to_string()));
    }
    let vault = readable.vault.as_ref().and_then(|keys| {
        let vault = Vault::new(&keys.key, &keys.previous_keys);
        vault.map_err(|fault| faults.push(vault_fault(&fault))).ok()
    });
    if let Some(connect) = &readable.connect
        && let Err(fault) = SiteAllowList::parse(&connect.sites, &connect.insecure_sites)
    {
        faults.push(format!("connect.sites: {fault}"));
    }
    let settings = readable.http.as_ref().map(|http| http_settings(http, ANY_TIMEOUT));
    let http = settings.and_then(|it| build_client(&it).map_err(|fault| faults.push(fault.to_string())).ok());
    let http = http.or_else(|| build_client(&HttpSettings::new(ANY_TIMEOUT)).ok());
    let base_url = readable.server.as_ref().map(|server| server.base_url.clone());
    let base_url = base_url.or_else(|| Url::parse(ANY_ADDRESS).ok());
    faults.extend(destinations::find_faults(readable, vault.as_ref()));
    // Without keys, sealed secrets are no mistake of the source.
    let is_known = vault.is_some();
    let vault = vault.or_else(|| Vault::new(&Vault::generate_key(), &[]).ok());
    if let (Some(sources), Some(http), Some(base_url), Some(vault)) =
        (&readable.sources, http, base_url, vault)
    {
        let built = Registry::build(sources, &[], &http, &base_url, &vault);
        let theirs = built.err().unwrap_or_default().into_iter();
        let theirs = theirs.filter(|fault| is_known || !matches!(fault, RegistryError::Sealed { .. }));
        faults.extend(theirs.map(|fault| fault.to_string()));
    }
    faults
}

/// What is valid but does not work, or is careless.
#[must_use]
pub fn list_warnings(config: &Config, registry: &Registry) -> Vec<String> {
    let mut warnings = Vec::new();
    let base_url = &config.server.base_url;
    let port = base_url.port_or_known_default().unwrap_or_default();
    if !DESCRIPTOR_PORTS.contains(&port) && !base_url.host().is_some_and(|host| is_local(&host)) {
        warnings.push(format!(
            "server.base_url: Atlassian fetches the descriptor from the ports 80, 443 and 8080 only, not from {port}"
        ));
    }
    for source in registry.iter() {
        let id = source.id();
        let theirs = list_source_warnings(config, source);
        warnings.extend(theirs.into_iter().map(|warning| format!("source \"{id}\": {warning}")));
    }
    warnings
}

/// A secret in a file that everybody on this machine can read.
#[must_use]
pub fn list_exposed_secrets(loaded: &Loaded) -> Vec<String> {
    let files = loaded.secret_files().iter().filter_map(|path| {
        let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
        let path = path.display();
        (mode & EVERYBODY != 0).then(|| {
            format!("{path} holds a secret, and everybody can read it (permissions {mode:o}): run chmod 600 {path}")
        })
    });
    files.collect()
}

fn list_source_warnings(config: &Config, source: &SourceRuntime) -> Vec<String> {
    let mut warnings = Vec::new();
    let own = &source.config;
    let is_polled = source.adapter.poller().is_some();
    if !is_polled && own.webhook_credentials().is_empty() {
        warnings.push(
            "it has no credentials, so it accepts no webhooks and is not polled; `incident-bridge sources show \
             TYPE` names them"
                .to_owned(),
        );
    }
    if !is_polled && own.workspaces == WorkspaceMode::Teams {
        warnings.push(
            "workspaces = \"teams\" needs api_token: without polling, the teams are not known".to_owned(),
        );
    }
    let is_admitted = |site: &String| config.connect.sites.iter().any(|admitted| overlaps(admitted, site));
    warnings.extend(own.sites.iter().filter(|site| !is_admitted(site)).map(|site| {
        format!("sites: {site:?} cannot install the app, because connect.sites does not admit it")
    }));
    warnings.extend(list_weak_credentials(own));
    warnings
}

fn list_weak_credentials(source: &SourceConfig) -> Vec<String> {
    let weak = source.weak_credentials().into_iter();
    weak.map(|key| format!("{key} is so short that it could be guessed; use 16 bytes or more")).collect()
}

fn is_local(host: &Host<&str>) -> bool {
    is_loopback(host) || matches!(host, Host::Domain(name) if name.ends_with(".localhost"))
}
