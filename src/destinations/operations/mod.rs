//! Jira Software's Operations API, for sites that installed the Connect app.
//!
//! Components, incidents and reviews go to the Incidents page in bulk requests of one kind each, after their
//! workspaces are linked. The docs of each file name the facts about Jira that it relies on.

mod client;
mod destination;
pub mod payload;
mod refusal;

use std::sync::Arc;

use serde_json::Value;
use url::Url;

use self::client::{ConnectAuth, JiraClient, Pacing};
use self::destination::Operations;
use super::{Account, BuildError, Destination, DestinationKind, DestinationType, Facilities, SourceProfile};
use crate::domain::{ClientKey, Entity};

/// Jira sites that installed the app. They share the app's hourly points.
struct InstalledSites {
    facilities: Facilities,
    pacing: Arc<Pacing>,
}

/// Its row in the table of types.
pub const KIND: DestinationKind = DestinationKind {
    name: "operations",
    title: "Jira",
    never_shown: "check that the projects of its issue keys exist",
    page: include_str!("../../../docs/destinations/operations.md"),
    remembers: None,
    start,
};

fn start(facilities: &Facilities) -> Arc<dyn DestinationType> {
    let Facilities { clock, quotas, points, .. } = facilities;
    let pacing = Arc::new(Pacing::with_quotas(clock, *quotas, points.clone()));
    Arc::new(InstalledSites { facilities: facilities.clone(), pacing })
}

impl DestinationType for InstalledSites {
    fn build(&self, account: Account) -> Result<Arc<dyn Destination>, BuildError> {
        let Facilities { http, clock, app_key, .. } = &self.facilities;
        let base_url = Url::parse(&account.base_url).map_err(|fault| {
            BuildError(format!("the site's address {:?} is not valid: {fault}", account.base_url))
        })?;
        let secret = account.secret.ok_or_else(|| {
            BuildError("the site's secret is missing: install the app again on the site".to_owned())
        })?;
        let auth = ConnectAuth {
            app_key: app_key.clone(),
            client_key: ClientKey(account.id.0),
            secret,
            base_path: base_url.path().trim_end_matches('/').to_owned(),
        };
        let client = JiraClient::new(http.clone(), base_url, Arc::new(auth), clock.clone());
        Ok(Arc::new(Operations::new(account.name, client.with_pacing(self.pacing.clone()))))
    }

    fn render(&self, source: &SourceProfile, entity: &Entity, version: i64) -> Result<Value, String> {
        let payload = payload::payload(&source.complete(entity), source, version);
        let payload = payload.map_err(|fault| fault.to_string())?;
        serde_json::to_value(&payload).map_err(|fault| fault.to_string())
    }
}
