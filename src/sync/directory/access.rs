//! One destination, as needed for requests to it and, if it is a site, from it.

use std::sync::Arc;

use secrecy::SecretString;
use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::config::DestinationConfig;
use crate::domain::DestinationId;
use crate::store::{DestinationRef, InstallationState, KnownSite, SealedSecret};
use crate::sync::registry::{Registry, SourceRuntime};

/// The type of destination of an installation.
pub(in crate::sync) const INSTALLED: &str = "operations";

/// An installed site that cannot be served because its secret cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locked {
    pub site: String,
    pub why: String,
}

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
    secret: Option<SealedSecret>,
    /// Of a destination of the configuration.
    token: Option<SecretString>,
    previous: Option<(SealedSecret, Timestamp)>,
    /// The sources it may see.
    pub sources: Vec<Arc<SourceRuntime>>,
    /// The keys of its table in the configuration.
    pub options: Map<String, Value>,
}

impl DestinationAccess {
    /// The site as the store has it.
    ///
    /// # Errors
    /// Why its secret cannot be opened, as far as that is known.
    pub(in crate::sync) fn installed(site: KnownSite, registry: &Registry) -> Result<Self, Locked> {
        let fault = match &site.secret {
            Some(secret) => secret.find_fault().map(|fault| fault.to_string()),
            None => Some("its secret is missing; install the app again".to_owned()),
        };
        if let Some(why) = fault {
            tracing::error!(site = %site.site, reason = why, "the site cannot be served");
            return Err(Locked { site: site.site, why });
        }
        let confirmed = site.state != InstallationState::Unconfirmed;
        Ok(Self {
            sources: registry.visible_to(&site.site).filter(|_| confirmed).cloned().collect(),
            enabled: site.state == InstallationState::Enabled,
            confirmed,
            secret: site.secret,
            token: None,
            previous: site.previous,
            id: DestinationId::from(&site.client_key),
            type_name: INSTALLED.to_owned(),
            name: site.site,
            base_url: site.base_url,
            since: site.installed_at,
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
            token: config.api_token.clone(),
            previous: None,
            options: config.options.clone(),
        }
    }

    /// The secret that signs requests to the site, or the token of a destination of the configuration.
    #[must_use]
    pub fn secret(&self) -> Option<&SecretString> {
        self.token.as_ref().or_else(|| self.secret.as_ref()?.open())
    }

    /// The secrets that may have signed a request from the site: the current one, then the previous one
    /// while requests signed with it may still be in flight.
    pub fn secrets_at(&self, now: Timestamp) -> impl Iterator<Item = &SecretString> {
        let previous = self.previous.as_ref().filter(|(_, until)| now < *until).map(|(secret, _)| secret);
        self.secret.iter().chain(previous).filter_map(SealedSecret::open)
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
