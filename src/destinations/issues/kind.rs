//! The row of the table of types, and how one of its destinations is built.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};
use tokio::sync::OnceCell;

use super::client::Client;
use super::life::Issues;
use super::options::Options;
use super::told::REMEMBERS;
use crate::destinations::{
    Account, BuildError, Destination, DestinationKind, DestinationType, Facilities, SourceProfile,
};
use crate::domain::{DestinationId, Entity};

/// The row of the table of types.
pub const KIND: DestinationKind = DestinationKind {
    name: "issues",
    title: "Jira",
    never_shown: "look at the work item in Jira: somebody may have deleted it",
    page: include_str!("../../../docs/destinations/issues.md"),
    remembers: Some(REMEMBERS),
    start,
};

fn start(facilities: &Facilities) -> Arc<dyn DestinationType> {
    Arc::new(Projects { facilities: facilities.clone(), built: Mutex::default() })
}

/// Projects of Jira sites. One that was built is kept: it knows the pace of its site, and what its project offers.
struct Projects {
    facilities: Facilities,
    built: Mutex<HashMap<DestinationId, Built>>,
}

struct Built {
    options: Map<String, Value>,
    secret: Option<String>,
    issues: Arc<Issues>,
}

impl DestinationType for Projects {
    fn build(&self, account: Account) -> Result<Arc<dyn Destination>, BuildError> {
        let secret = account.secret.as_ref().map(|secret| secret.expose_secret().to_owned());
        let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = built.get(&account.id)
            && known.options == account.options
            && known.secret == secret
        {
            return Ok(known.issues.clone());
        }
        let options = Options::parse(&account.options, account.secret)
            .map_err(|problems| BuildError(problems.join("; ")))?;
        let Facilities { http, clock, .. } = &self.facilities;
        let issues = Arc::new(Issues {
            client: Client::new(http.clone(), clock.clone(), &options),
            id: account.id.clone(),
            options,
            ledger: account.ledger,
            projects: super::life::Projects::default(),
            clock: clock.clone(),
            bridge: OnceCell::new(),
        });
        built.insert(account.id, Built { options: account.options, secret, issues: issues.clone() });
        Ok(issues)
    }

    fn render(&self, _: &SourceProfile, entity: &Entity, version: i64) -> Result<Value, String> {
        match entity {
            Entity::Incident(incident) => Ok(json!({
                "version": version, "status": incident.status, "severity": incident.severity,
            })),
            Entity::Review(review) => Ok(json!({ "version": version, "status": review.status })),
            Entity::Component(_) => {
                Err("components are named in incidents, and not written by themselves".to_owned())
            }
        }
    }
}
