//! The configured sources, built and ready, and which site may see which.

use std::collections::BTreeMap;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use url::Url;

use crate::config::{DestinationConfig, SourceConfig, WorkspaceMode};
use crate::connect::sites::host_matches;
use crate::destinations::SourceProfile;
use crate::domain::{Component, SourceId, Timestamp, Workspace};
use crate::http::HttpClient;
use crate::sources::{self, BuildContext, BuildError, Source};
use crate::store::{SourceScope, Vault, VaultError};

/// Text before a secret of the configuration that was sealed with `incident-bridge key seal`.
const SEALED: &str = "sealed:";

#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    #[error("source {id:?}: {problem}")]
    Source { id: String, problem: String },
    #[error("source {id:?}: {key} cannot be decrypted: {fault}")]
    Sealed { id: String, key: &'static str, fault: VaultError },
    #[error("source {id:?}: its page {url:?} is not a web address")]
    HomePage { id: String, url: String },
}

/// One source, ready for use.
pub struct SourceRuntime {
    pub config: SourceConfig,
    pub adapter: Arc<dyn Source>,
    pub profile: SourceProfile,
    /// Hosts of the sites that may see it, exact or globs, and the ids of other destinations.
    pub(in crate::sync) audience: Vec<String>,
    /// The same for every configuration of the source.
    pub(in crate::sync) signals: Arc<SourceSignals>,
}

/// What the tasks of one source wait for.
#[derive(Debug, Default)]
pub(in crate::sync) struct SourceSignals {
    /// Held by the poll in progress in this process.
    pub polling: tokio::sync::Mutex<()>,
    /// Notified when it is time to poll.
    pub due: tokio::sync::Notify,
    /// Notified when a webhook has named an incident that must be fetched.
    pub named: tokio::sync::Notify,
}

impl std::fmt::Debug for SourceRuntime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SourceRuntime({} {})", self.config.kind, self.config.id)
    }
}

impl SourceRuntime {
    #[must_use]
    pub fn id(&self) -> &SourceId {
        &self.config.id
    }

    /// Whether the site with this host (and port, if unusual), or the destination with this id, may see the
    /// source.
    #[must_use]
    pub fn is_visible_to(&self, site: &str) -> bool {
        self.audience.iter().any(|pattern| host_matches(pattern, site))
    }

    /// What the store must know to apply findings.
    #[must_use]
    pub fn scope(&self) -> SourceScope<'_> {
        SourceScope { source: self.id(), teams: self.has_teams(), sites: &self.audience }
    }

    #[must_use]
    pub fn has_teams(&self) -> bool {
        self.config.workspaces == WorkspaceMode::Teams
    }

    /// The tool's account as a workspace, known before the tool is first polled.
    #[must_use]
    pub fn account(&self) -> Workspace {
        Workspace {
            provider_id: Workspace::ACCOUNT.to_owned(),
            name: self.config.workspace_name.clone().unwrap_or_else(|| self.id().to_string()),
            url: self.profile.home_url.to_string(),
        }
    }

    /// Changes with everything in the configuration that has effects on entities that are stored already.
    #[must_use]
    pub(in crate::sync) fn setup(&self) -> String {
        let account = self.account();
        let text = format!(
            "{:?}",
            (account.name, account.url, &self.config.fallback_component, self.has_teams(), &self.audience)
        );
        hex::encode(Sha256::digest(text))
    }

    /// The component of incidents that name no component.
    #[must_use]
    pub fn fallback_component(&self, now: Timestamp) -> Component {
        Component::fallback(&self.config.fallback_component, self.profile.home_url.as_str(), now)
    }
}

/// All sources, by id.
#[derive(Debug, Clone, Default)]
pub struct Registry(pub(in crate::sync) BTreeMap<String, Arc<SourceRuntime>>);

impl Registry {
    /// Builds every source of the configuration.
    ///
    /// # Errors
    /// Every mistake, with the key to fix.
    pub fn build(
        configs: &[SourceConfig],
        destinations: &[DestinationConfig],
        http: &HttpClient,
        base_url: &Url,
        vault: &Vault,
    ) -> Result<Self, Vec<RegistryError>> {
        let (mut sources, mut faults) = (BTreeMap::new(), Vec::new());
        for config in configs {
            match build_one(config.clone(), destinations, http, base_url, vault) {
                Ok(runtime) => drop(sources.insert(runtime.id().to_string(), Arc::new(runtime))),
                Err(some) => faults.extend(some),
            }
        }
        if faults.is_empty() { Ok(Self(sources)) } else { Err(faults) }
    }

    /// The same sources; those that were there `before` keep their signals, so that their tasks go on and none is
    /// polled twice at once.
    #[must_use]
    pub(in crate::sync) fn continuing(mut self, before: &Self) -> Self {
        for (id, runtime) in &mut self.0 {
            if let (Some(runtime), Some(before)) = (Arc::get_mut(runtime), before.0.get(id)) {
                runtime.signals = before.signals.clone();
            }
        }
        self
    }

    /// The same with other code for one source, for simulations: their tools are in memory. Changes nothing
    /// once the registry has been copied.
    #[must_use]
    pub fn with_adapter(mut self, id: &str, adapter: Arc<dyn Source>) -> Self {
        if let Some(runtime) = self.0.get_mut(id).and_then(Arc::get_mut) {
            runtime.adapter = adapter;
        }
        self
    }

    #[must_use]
    pub fn find(&self, id: &str) -> Option<Arc<SourceRuntime>> {
        self.0.get(id).cloned()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<SourceRuntime>> {
        self.0.values()
    }

    /// The sources that a site may see.
    pub fn visible_to<'a>(&'a self, site: &'a str) -> impl Iterator<Item = &'a Arc<SourceRuntime>> {
        self.iter().filter(move |source| source.is_visible_to(site))
    }
}

fn build_one(
    mut config: SourceConfig,
    destinations: &[DestinationConfig],
    http: &HttpClient,
    base_url: &Url,
    vault: &Vault,
) -> Result<SourceRuntime, Vec<RegistryError>> {
    unseal(&mut config, vault)?;
    let id = config.id.to_string();
    let adapter = sources::build(BuildContext { config: config.clone(), http: http.clone() }).map_err(
        |BuildError { problems }| {
            let fault = |problem| RegistryError::Source { id: id.clone(), problem };
            problems.into_iter().map(fault).collect::<Vec<_>>()
        },
    )?;
    let home = config.workspace_url.as_ref().map_or_else(|| adapter.home_url(), Url::to_string);
    let home_url = Url::parse(&home).map_err(|_| vec![RegistryError::HomePage { id, url: home }])?;
    let profile = profile(&config, home_url, base_url);
    let audience = audience(&config, destinations);
    Ok(SourceRuntime { audience, config, adapter, profile, signals: Arc::default() })
}

fn audience(config: &SourceConfig, destinations: &[DestinationConfig]) -> Vec<String> {
    let takes =
        |it: &&DestinationConfig| it.sources.as_ref().is_none_or(|sources| sources.contains(&config.id));
    let others = destinations.iter().filter(takes).map(|destination| destination.id.clone());
    config.sites.iter().cloned().chain(others).collect()
}

fn profile(config: &SourceConfig, home_url: Url, base_url: &Url) -> SourceProfile {
    let usual = SourceProfile::new(config.id.clone(), home_url, base_url);
    let icon = config.component_avatar_url.as_ref().map(Url::to_string);
    SourceProfile {
        provider_name: config.workspace_name.clone(),
        avatar_url: icon.unwrap_or_else(|| usual.avatar_url.clone()),
        tier: config.component_tier,
        component_type: config.component_type,
        associate_issue_keys: config.associate_issue_keys,
        ..usual
    }
}

/// The text that stands for `secret` in the configuration of `source`.
///
/// # Errors
/// When it cannot be sealed.
pub fn seal_secret(vault: &Vault, source: &SourceId, secret: &SecretString) -> Result<String, VaultError> {
    Ok(format!("{SEALED}{}", vault.seal_text(&sealed_for(source), secret)?))
}

/// The same for the token of a destination of the configuration.
///
/// # Errors
/// When it cannot be sealed.
pub fn seal_token(vault: &Vault, destination: &str, token: &SecretString) -> Result<String, VaultError> {
    Ok(format!("{SEALED}{}", vault.seal_text(&token_of(destination), token)?))
}

/// The token of a destination, opened if the operator wrote it in sealed form.
///
/// # Errors
/// That it cannot be opened, as a sentence for an operator.
pub fn unseal_token(config: &DestinationConfig, vault: &Vault) -> Result<Option<SecretString>, String> {
    let Some(token) = &config.api_token else { return Ok(None) };
    let Some(sealed) = token.expose_secret().strip_prefix(SEALED) else { return Ok(Some(token.clone())) };
    let opened = vault.open_text(&token_of(&config.id), sealed);
    opened.map(Some).map_err(|fault| format!("api_token cannot be decrypted: {fault}"))
}

fn token_of(destination: &str) -> String {
    format!("destinations/{destination}")
}

/// A secret that was sealed for one source does not open for another.
fn sealed_for(source: &SourceId) -> String {
    format!("sources/{source}")
}

/// Opens the secrets that the operator wrote in sealed form.
fn unseal(config: &mut SourceConfig, vault: &Vault) -> Result<(), Vec<RegistryError>> {
    let id = config.id.to_string();
    let mut faults = Vec::new();
    let mut open = |key: &'static str, secret: &mut SecretString| {
        let Some(sealed) = secret.expose_secret().strip_prefix(SEALED) else { return };
        match vault.open_text(&sealed_for(&config.id), sealed) {
            Ok(opened) => *secret = opened,
            Err(fault) => faults.push(RegistryError::Sealed { id: id.clone(), key, fault }),
        }
    };
    config.webhook_secrets.iter_mut().for_each(|secret| open("webhook_secrets", secret));
    config.webhook_token.iter_mut().for_each(|secret| open("webhook_token", secret));
    config.webhook_basic.iter_mut().for_each(|secret| open("webhook_basic", secret));
    config.api_token.iter_mut().for_each(|secret| open("api_token", secret));
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}
