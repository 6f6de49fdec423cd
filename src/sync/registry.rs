//! The configured sources, built and ready, and which site may see which.

use std::collections::BTreeMap;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
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
    #[error("source {id:?}: {fault}")]
    Source { id: String, fault: BuildError },
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
    /// Held by the poll in progress in this process.
    pub(in crate::sync) polling: tokio::sync::Mutex<()>,
    /// Notified when a webhook has named an incident that must be fetched.
    pub(in crate::sync) named: tokio::sync::Notify,
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
    /// The first source that cannot be built, with the key to fix.
    pub fn build(
        configs: &[SourceConfig],
        destinations: &[DestinationConfig],
        http: &HttpClient,
        base_url: &Url,
        vault: &Vault,
    ) -> Result<Self, RegistryError> {
        configs
            .iter()
            .map(|config| {
                let runtime = build_one(config.clone(), destinations, http, base_url, vault)?;
                Ok((runtime.id().to_string(), Arc::new(runtime)))
            })
            .collect::<Result<_, _>>()
            .map(Self)
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
    pub fn find(&self, id: &str) -> Option<&Arc<SourceRuntime>> {
        self.0.get(id)
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
) -> Result<SourceRuntime, RegistryError> {
    unseal(&mut config, vault)?;
    let id = config.id.to_string();
    let adapter = sources::build(BuildContext { config: config.clone(), http: http.clone() })
        .map_err(|fault| RegistryError::Source { id: id.clone(), fault })?;
    let home = config.workspace_url.as_ref().map_or_else(|| adapter.home_url(), Url::to_string);
    let home_url = Url::parse(&home).map_err(|_| RegistryError::HomePage { id, url: home })?;
    let profile = profile(&config, home_url, base_url);
    let audience = audience(&config, destinations);
    Ok(SourceRuntime {
        audience,
        config,
        adapter,
        profile,
        polling: tokio::sync::Mutex::default(),
        named: tokio::sync::Notify::default(),
    })
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

/// A secret that was sealed for one source does not open for another.
fn sealed_for(source: &SourceId) -> String {
    format!("sources/{source}")
}

/// Opens the secrets that the operator wrote in sealed form.
fn unseal(config: &mut SourceConfig, vault: &Vault) -> Result<(), RegistryError> {
    let id = config.id.to_string();
    let open = |key: &'static str, secret: &mut SecretString| {
        let Some(sealed) = secret.expose_secret().strip_prefix(SEALED) else { return Ok(()) };
        let opened = vault.open_text(&sealed_for(&config.id), sealed);
        *secret = opened.map_err(|fault| RegistryError::Sealed { id: id.clone(), key, fault })?;
        Ok(())
    };
    config.webhook_secrets.iter_mut().try_for_each(|secret| open("webhook_secrets", secret))?;
    config.webhook_token.iter_mut().try_for_each(|secret| open("webhook_token", secret))?;
    config.webhook_basic.iter_mut().try_for_each(|secret| open("webhook_basic", secret))?;
    config.api_token.iter_mut().try_for_each(|secret| open("api_token", secret))
}
