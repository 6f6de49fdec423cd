//! Who asks, and on which of the two hosts: the site itself, or Atlassian's gateway to it.
//!
//! Must never print the token, and must never send it anywhere but to these two hosts.

use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderValue;
use secrecy::ExposeSecret;
use serde_json::Value;
use url::Url;

use crate::destinations::issues::options::{Host, Options};

/// Longest cloud id that is believed.
const MAX_CLOUD_ID: usize = 64;

/// The credentials of one destination.
pub(super) struct Access {
    pub site: Url,
    gateway: Url,
    host: Host,
    authorization: HeaderValue,
    found: Mutex<Found>,
}

/// What is known only once somebody has asked.
#[derive(Default)]
struct Found {
    cloud_id: Option<String>,
    /// The address that took the token.
    winner: Option<Url>,
}

/// Where to ask next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Way {
    Only(Url),
    /// The gateway, once the cloud id is known.
    Gateway,
    /// The site, and if it does not take the token, the gateway.
    SiteFirst,
}

impl Access {
    pub fn new(options: &Options) -> Self {
        let Options { email, api_token, .. } = options;
        let pair = format!("{email}:{}", api_token.expose_secret());
        // Base64 has only characters that a header can carry.
        let value = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(pair)));
        let mut authorization = value.unwrap_or_else(|_| HeaderValue::from_static("Basic"));
        authorization.set_sensitive(true);
        let found = Found { cloud_id: options.cloud_id.clone(), winner: None };
        Self {
            site: options.site.clone(),
            gateway: options.gateway.clone(),
            host: options.host,
            authorization,
            found: Mutex::new(found),
        }
    }

    pub fn authorization(&self) -> HeaderValue {
        self.authorization.clone()
    }

    pub fn way(&self) -> Way {
        match (self.host, &self.found().winner) {
            (_, Some(winner)) => Way::Only(winner.clone()),
            (Host::Site, None) => Way::Only(self.site.clone()),
            (Host::Gateway, None) => Way::Gateway,
            (Host::Auto, None) => Way::SiteFirst,
        }
    }

    /// The address of the site at the gateway, if the cloud id is known.
    pub fn find_gateway(&self) -> Option<Url> {
        let mut url = self.gateway.clone();
        url.set_path(&format!("/ex/jira/{}", self.found().cloud_id.as_ref()?));
        Some(url)
    }

    /// Remembers the cloud id of an answer of `tenant_info`; says whether there was one.
    pub fn note_tenant(&self, body: &[u8]) -> bool {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let is_id = |id: &&str| {
            (1..=MAX_CLOUD_ID).contains(&id.len())
                && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        let id = body.get("cloudId").and_then(Value::as_str).filter(is_id).map(str::to_owned);
        let is_there = id.is_some();
        self.found().cloud_id = id;
        is_there
    }

    /// The address has taken the token: it is asked from now on.
    pub fn settle(&self, winner: &Url) {
        self.found().winner.get_or_insert_with(|| winner.clone());
    }

    /// The host that took the token, if that is known.
    pub fn settled(&self) -> Option<Host> {
        let winner = self.found().winner.clone()?;
        Some(if winner == self.site { Host::Site } else { Host::Gateway })
    }

    pub fn cloud_id(&self) -> Option<String> {
        self.found().cloud_id.clone()
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        // No code panics while it holds the lock.
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
