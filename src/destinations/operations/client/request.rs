//! One request to one site: address, token, limits, and the outcome as our types.
//!
//! Must not retry and must not follow redirects; both would reuse a token that is bound to one attempt.

use std::sync::Arc;

use reqwest::StatusCode;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use url::Url;

use super::auth::{AuthError, SiteAuth};
use super::endpoint::Endpoint;
use super::error::JiraError;
use super::pacing::Pacing;
use crate::clock::Clock;
use crate::destinations::jira::{FailedAnswer, Meta, find_limit_left};
use crate::domain::Timestamp;
use crate::http::{ObservedRequest, TransportFault, read_body};

/// Longest answer that is read, unpacked. A bulk answer with 1000 refusals stays far below.
const MAX_ANSWER: usize = 8 * 1024 * 1024;

/// Client of one Jira site. Cheap to clone.
#[derive(Clone)]
pub struct JiraClient {
    pub(super) http: reqwest::Client,
    pub(super) site: Url,
    pub(super) auth: Arc<dyn SiteAuth>,
    pub(super) clock: Clock,
    pub(super) pacing: Arc<Pacing>,
}

/// A request before it is signed.
pub(super) struct Call {
    pub endpoint: Endpoint,
    pub url: Url,
    /// Never on a `GET`: Jira refuses it with 403 (changelog CHANGE-2328).
    pub body: Option<Vec<u8>>,
    /// Entities or ids in the body, which decides whether a refused request can be split.
    pub items: usize,
}

/// A successful answer before its body is understood.
pub(super) struct Reply {
    pub status: StatusCode,
    pub meta: Meta,
    pub body: Vec<u8>,
}

impl JiraClient {
    /// A client with burst limits of its own; give clients of one process the same ones with
    /// [`JiraClient::with_pacing`]. `site_base_url` is `baseUrl` of the installation.
    #[must_use]
    pub fn new(http: reqwest::Client, site_base_url: Url, auth: Arc<dyn SiteAuth>, clock: Clock) -> Self {
        let pacing = Arc::new(Pacing::new(&clock));
        Self { http, site: site_base_url, auth, clock, pacing }
    }

    /// The same client on shared burst limits.
    #[must_use]
    pub fn with_pacing(self, pacing: Arc<Pacing>) -> Self {
        Self { pacing, ..self }
    }

    /// Until when the hourly points are nearly used up, if they are.
    #[must_use]
    pub fn near_quota_until(&self) -> Option<Timestamp> {
        self.pacing.budget.near_until(self.site.authority())
    }

    /// A request without a body; `id` goes into the path where the endpoint has a place for it.
    pub(super) fn call(&self, endpoint: Endpoint, id: &str) -> Call {
        Call { endpoint, url: endpoint.url(&self.site, id), body: None, items: 1 }
    }

    /// Sends a request once, with a token made for this attempt.
    pub(super) async fn send(&self, call: Call) -> Result<Reply, JiraError> {
        let Call { endpoint, url, body, items } = call;
        self.pacing
            .take(self.site.authority(), endpoint)
            .map_err(|until| JiraError::paced(endpoint, until))?;
        let spent = self.pacing.budget.spend(self.site.authority(), endpoint).await;
        spent.map_err(|used_up| JiraError::used_up(endpoint, used_up))?;
        let authorization =
            self.authorization(endpoint, &url).map_err(|error| JiraError::unsigned(endpoint, &error))?;
        let mut request = self
            .http
            .request(endpoint.method(), url.clone())
            .header(AUTHORIZATION, authorization)
            .header(ACCEPT, "application/json");
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        let mut observed = ObservedRequest::begin(|| endpoint.to_string());
        let reply = request.send().await.map_err(|error| TransportFault::of(&error));
        let mut response = reply.map_err(|fault| {
            observed.failed();
            JiraError::transport(endpoint, &fault)
        })?;
        let now = self.clock.now();
        let status = response.status();
        let read = read_body(&mut response, MAX_ANSWER).await;
        let read = read.map_err(|fault| JiraError::transport(endpoint, &fault));
        if status.is_success() && read.is_err() {
            observed.failed();
        } else {
            observed.answered(status);
        }
        if let Some(left) = find_limit_left(response.headers()) {
            observed.has_left(self.site.authority(), left);
        }
        if status.is_success() {
            return Ok(Reply { status, meta: Meta::read(response.headers(), now), body: read? });
        }
        // The status says what to do; if the body breaks off, only Jira's message is lost.
        let body = read.unwrap_or_default();
        let answer = FailedAnswer { status, headers: response.headers(), body: &body, url: &url, now };
        Err(JiraError::from_answer(endpoint, &answer, items))
    }

    fn authorization(&self, endpoint: Endpoint, url: &Url) -> Result<HeaderValue, AuthError> {
        let value = self.auth.authorization(endpoint.method().as_str(), url, self.clock.now())?;
        let mut value = HeaderValue::from_str(&value).map_err(|_| {
            AuthError("the authorization has characters that a header cannot carry".to_owned())
        })?;
        value.set_sensitive(true);
        Ok(value)
    }
}
