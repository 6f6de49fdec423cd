//! Each site that has the app, what it holds, and what blocks it.

use serde::Serialize;

use super::Operator;
use super::deliveries::DeliveryTotals;
use crate::clock::Timestamp;
use crate::domain::DestinationId;
use crate::store::{DeliveryCounts, Installation, InstallationState, VaultError};
use crate::sync::core::SyncError;

/// One site.
#[derive(Debug, Clone, Serialize)]
pub struct InstallationStatus {
    /// Host, with the port if it is not the usual one.
    pub site: String,
    pub state: InstallationState,
    pub linked_workspaces: usize,
    #[serde(flatten)]
    pub deliveries: DeliveryTotals,
    pub last_contact_at: Option<Timestamp>,
    /// The last nightly comparison.
    pub compared_at: Option<Timestamp>,
    /// Confirmed entities that Jira ever lost and was sent again.
    pub drift: i64,
    /// A future instant; nothing is sent before it.
    pub waits_until: Option<Timestamp>,
    /// Why a person must act.
    pub parked: Option<String>,
    pub client_key: String,
    /// Whether the site's secret can be used.
    pub secret: SecretState,
}

/// Whether the secret that a site shares with the bridge can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretState {
    Opens,
    /// None is stored, as after an uninstall.
    Missing,
    /// It was sealed under a key that is not configured.
    UnknownKey,
    /// The key is known, and the secret does not open.
    Damaged,
}

impl SecretState {
    fn of(installation: &Installation) -> Self {
        match &installation.sealed {
            Some(VaultError::UnknownKey) => Self::UnknownKey,
            Some(_) => Self::Damaged,
            None if installation.secrets.is_empty() => Self::Missing,
            None => Self::Opens,
        }
    }
}

impl Operator {
    /// The sites that have the app; with `all` also those where it was removed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_installations(&self, all: bool) -> Result<Vec<InstallationStatus>, SyncError> {
        let now = self.clock.now();
        let counts = self.store.deliveries().count().await?;
        let mut sites = Vec::new();
        for installation in self.store.sites().list_installations().await? {
            let is_gone =
                matches!(installation.state, InstallationState::Uninstalled | InstallationState::Replaced);
            if all || !is_gone {
                let id = DestinationId::from(&installation.client_key);
                let links = self.store.sites().list_links(&id).await?.len();
                sites.push(describe(installation, links, &counts, now));
            }
        }
        Ok(sites)
    }
}

fn describe(
    installation: Installation,
    linked_workspaces: usize,
    counts: &[DeliveryCounts],
    now: Timestamp,
) -> InstallationStatus {
    let id = DestinationId::from(&installation.client_key);
    InstallationStatus {
        linked_workspaces,
        deliveries: DeliveryTotals::sum(counts.iter().filter(|row| row.destination == id)),
        secret: SecretState::of(&installation),
        waits_until: (installation.wait_until > now).then_some(installation.wait_until),
        site: installation.site,
        state: installation.state,
        last_contact_at: installation.last_contact_at,
        compared_at: installation.compared_at,
        drift: installation.drift,
        parked: installation.parked,
        client_key: installation.client_key.0,
    }
}
