//! One destination, as needed for requests to it and, if it is a site, from it.

use std::sync::Arc;

use secrecy::SecretString;
use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::config::DestinationConfig;
use crate::domain::DestinationId;
use crate::store::{DestinationRef, Installation, InstallationState};
use crate::sync::registry::{Registry, SourceRuntime};

/// The type of destination of an installation.
pub(in crate::sync) const INSTALLED: &str = "operations";

/// What a destination may see, and how to reach it.
#[derive(Debug)]
pub struct DestinationAccess {
    pub id: DestinationId,
    /// Host of the site, with the port if it is unusual; the id of a configured destination.
    pub name: String,
    /// The type of the destination, which finds its code.
    pub type_name: String,
    pub base_url: String,
    pub enabled: bool,
    /// Whether it may see anything: not before Jira has accepted its secret, if its site has another
    /// installation that works.
    pub confirmed: bool,
    /// Tells one installation of a site from the next, which has another secret.
    pub since: Timestamp,
    secret: Option<SecretString>,
    previous: Option<(SecretString, Timestamp)>,
    /// The sources it may see.
    pub sources: Vec<Arc<SourceRuntime>>,
    /// The keys of its table in the configuration.
    pub options: Map<String, Value>,
}

impl DestinationAccess {
    /// The site as the store has it; `None` for one that is gone or whose secret cannot be opened.
    pub(in crate::sync) fn installed(installation: Installation, registry: &Registry) -> Option<Self> {
        let (enabled, confirmed) = match installation.state {
            InstallationState::Enabled => (true, true),
            InstallationState::Disabled => (false, true),
            InstallationState::Unconfirmed => (false, false),
            InstallationState::Uninstalled | InstallationState::Replaced => return None,
        };
        if installation.secrets.is_empty() {
            let why =
                installation.parked.as_deref().unwrap_or("its secret is missing; install the app again");
            tracing::error!(site = %installation.site, reason = why, "the site cannot be served");
        }
        let mut secrets = installation.secrets.into_iter();
        Some(Self {
            secret: Some(secrets.next()?),
            previous: secrets.next().map(|secret| (secret, installation.previous_until)),
            sources: registry.visible_to(&installation.site).filter(|_| confirmed).cloned().collect(),
            id: DestinationId::from(&installation.client_key),
            type_name: INSTALLED.to_owned(),
            name: installation.site,
            base_url: installation.base_url,
            since: installation.installed_at,
            enabled,
            confirmed,
            options: Map::new(),
        })
    }

    /// A destination of the configuration.
    pub(in crate::sync) fn declared(
        served: &DestinationRef,
        config: &DestinationConfig,
        registry: &Registry,
    ) -> Self {
        Self {
            sources: registry.visible_to(&config.id).cloned().collect(),
            id: served.id.clone(),
            type_name: config.type_name.clone(),
            name: config.id.clone(),
            base_url: String::new(),
            since: served.since,
            enabled: true,
            confirmed: true,
            secret: None,
            previous: None,
            options: config.options.clone(),
        }
    }

    /// The secret that signs requests to the site, if this is one.
    #[must_use]
    pub fn secret(&self) -> Option<&SecretString> {
        self.secret.as_ref()
    }

    /// The secrets that may have signed a request from the site: the current one, then the previous one
    /// while requests signed with it may still be in flight.
    pub fn secrets_at(&self, now: Timestamp) -> impl Iterator<Item = &SecretString> {
        let previous = self.previous.as_ref().filter(|(_, until)| now < *until).map(|(secret, _)| secret);
        self.secret.iter().chain(previous)
    }

    #[must_use]
    pub fn sees(&self, source: &str) -> bool {
        self.sources.iter().any(|visible| visible.id().as_str() == source)
    }

    /// Which destination this is, and since when.
    pub(in crate::sync) fn at(&self) -> DestinationRef {
        DestinationRef { id: self.id.clone(), since: self.since }
    }
}
