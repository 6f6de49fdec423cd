//! One request: address, credentials, limits, and the outcome as our types.
//!
//! Must not wait, must not repeat a request except on the other host after a 401, which did nothing, and must not follow
//! redirects.

use std::sync::Arc;

use reqwest::header::{ACCEPT, ACCEPT_LANGUAGE, AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Method, Response, StatusCode};
use serde::Serialize;
use url::Url;

use super::access::{Access, Way};
use super::endpoint::Endpoint;
use super::error::{CallError, Fault};
use super::pacing::{Held, Pacing};
use crate::clock::Clock;
use crate::destinations::issues::options::{Host, Options, browse_url};
use crate::destinations::jira::{FailedAnswer, Meta, find_limit_left, read_throttle};
use crate::http::{HttpClient, ObservedRequest, TransportFault, read_body};

/// Longest answer that is read, unpacked.
const MAX_ANSWER: usize = 8 * 1024 * 1024;

const JSON: &str = "application/json";

/// Client of one site for one destination. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    http: HttpClient,
    clock: Clock,
    access: Arc<Access>,
    pacing: Arc<Pacing>,
}

/// A request before it has an address.
pub(super) struct Call {
    pub endpoint: Endpoint,
    /// Ids for the path, in order.
    pub ids: Vec<String>,
    pub query: Vec<(&'static str, String)>,
    pub body: Option<Vec<u8>>,
    /// The issue whose limit counts.
    pub issue: Option<String>,
    /// Whether a 400 has a body that says what came of each part.
    pub reads_400: bool,
}

impl Call {
    pub fn new(endpoint: Endpoint, ids: &[&str]) -> Self {
        let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        Self { endpoint, ids, query: Vec::new(), body: None, issue: None, reads_400: false }
    }

    /// One that concerns an issue.
    pub fn of_issue(endpoint: Endpoint, ids: &[&str]) -> Self {
        Self { issue: ids.first().map(|id| (*id).to_owned()), ..Self::new(endpoint, ids) }
    }

    pub fn query(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.query.push((key, value.into()));
        self
    }

    pub fn body(mut self, body: &impl Serialize) -> Result<Self, CallError> {
        let written = serde_json::to_vec(body);
        self.body = Some(written.map_err(|fault| {
            CallError::new(self.endpoint, Fault::NotSent, &format!("the body cannot be written: {fault}"))
        })?);
        Ok(self)
    }
}

/// A successful answer before its body is understood.
pub(super) struct Reply {
    pub endpoint: Endpoint,
    pub status: StatusCode,
    pub meta: Meta,
    pub body: Vec<u8>,
}

impl Client {
    /// A client with limits of its own.
    #[must_use]
    pub fn new(http: HttpClient, clock: Clock, options: &Options) -> Self {
        let pacing = Arc::new(Pacing::new(&clock, options.writes_per_second));
        Self { http, clock, access: Arc::new(Access::new(options)), pacing }
    }

    /// The same client on shared limits.
    #[must_use]
    pub fn with_pacing(self, pacing: Arc<Pacing>) -> Self {
        Self { pacing, ..self }
    }

    /// What holds this call back now; `issue` is the id of the issue that it concerns.
    #[must_use]
    pub fn find_held(&self, endpoint: Endpoint, issue: Option<&str>) -> Option<Held> {
        self.pacing.find_held(endpoint, issue)
    }

    /// How many changes may begin at once now.
    #[must_use]
    pub fn find_room(&self) -> usize {
        self.pacing.find_room()
    }

    /// The host that took the token, once one has.
    #[must_use]
    pub fn settled_host(&self) -> Option<Host> {
        self.access.settled()
    }

    /// Id of the site at the gateway, once it is known.
    #[must_use]
    pub fn cloud_id(&self) -> Option<String> {
        self.access.cloud_id()
    }

    /// Where people open a work item.
    #[must_use]
    pub fn browse_url(&self, key: &str) -> String {
        browse_url(&self.access.site, key)
    }

    /// Sends a request once, to the host that takes the token.
    pub(super) async fn send(&self, call: &Call) -> Result<Reply, CallError> {
        let taken = self.pacing.take(call.endpoint, call.issue.as_deref());
        taken.map_err(|held| CallError::held(call.endpoint, held))?;
        match self.access.way() {
            Way::Only(base) => self.attempt(&base, call).await,
            Way::Gateway => self.attempt(&self.gateway(call.endpoint).await?, call).await,
            Way::SiteFirst => {
                let refused = match self.attempt(&self.access.site, call).await {
                    Err(error) if matches!(error.fault, Fault::Unauthorized { .. }) => error,
                    answer => return answer,
                };
                match self.gateway(call.endpoint).await {
                    Ok(gateway) => self.attempt(&gateway, call).await,
                    // Without a gateway, the site's refusal is all there is to say.
                    Err(error) if error.status.is_some() => Err(refused),
                    Err(error) => Err(error),
                }
            }
        }
    }

    /// The address of the site at the gateway. A failure sent nothing, whatever it was.
    async fn gateway(&self, endpoint: Endpoint) -> Result<Url, CallError> {
        if let Some(gateway) = self.access.find_gateway() {
            return Ok(gateway);
        }
        let call = Call::new(Endpoint::TenantInfo, &[]);
        let host = self.access.site.host_str().unwrap_or_default();
        let fault = |status, what: &str| CallError {
            status,
            ..CallError::new(
                endpoint,
                Fault::NotSent,
                &format!("the cloud id of {host} was not found, check `site` or set `cloud_id`: {what}"),
            )
        };
        let reply = self.attempt(&self.access.site, &call).await;
        let reply = reply.map_err(|error| CallError {
            unreachable: error.unreachable.clone(),
            ..fault(error.status, &error.message)
        })?;
        if !self.access.note_tenant(&reply.body) {
            return Err(fault(Some(reply.status.as_u16()), "the answer has none"));
        }
        self.access.find_gateway().ok_or_else(|| fault(None, "it was forgotten"))
    }

    async fn attempt(&self, base: &Url, call: &Call) -> Result<Reply, CallError> {
        let endpoint = call.endpoint;
        let ids: Vec<&str> = call.ids.iter().map(String::as_str).collect();
        let mut url = endpoint.url(base, &ids);
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        let mut request = self.http.request(endpoint.method(), url.clone()).header(ACCEPT, JSON);
        if endpoint != Endpoint::TenantInfo {
            request =
                request.header(AUTHORIZATION, self.access.authorization()).header(ACCEPT_LANGUAGE, "en");
        }
        if endpoint.method() != Method::GET {
            // Jira answers 415 to some without it, body or not.
            request = request.header(CONTENT_TYPE, JSON);
        }
        if let Some(body) = &call.body {
            request = request.body(body.clone());
        }
        let mut observed = ObservedRequest::begin(|| endpoint.to_string());
        let response = request.send().await.map_err(|error| {
            observed.failed();
            CallError::transport(endpoint, &TransportFault::of(&error))
        })?;
        let answer = self.judge(call, &url, response, &mut observed).await;
        if answer.is_ok() && !matches!(endpoint, Endpoint::TenantInfo | Endpoint::ServerInfo) {
            // Anybody may ask those two.
            self.access.settle(base);
        }
        answer
    }

    async fn judge(
        &self,
        call: &Call,
        url: &Url,
        mut response: Response,
        observed: &mut ObservedRequest,
    ) -> Result<Reply, CallError> {
        let (endpoint, issue) = (call.endpoint, call.issue.as_deref());
        let (now, status) = (self.clock.now(), response.status());
        let read = read_body(&mut response, MAX_ANSWER).await;
        let is_good = status.is_success() || (call.reads_400 && status == StatusCode::BAD_REQUEST);
        if is_good && read.is_err() {
            observed.failed();
        } else {
            observed.answered(status);
        }
        if let Some(left) = find_limit_left(response.headers()) {
            observed.has_left(self.access.site.authority(), left);
        }
        let limited = (status == StatusCode::TOO_MANY_REQUESTS).then(|| {
            let throttled = read_throttle(response.headers(), now);
            (throttled.reason, self.pacing.pause(endpoint, issue, throttled))
        });
        if limited.is_none() {
            self.pacing.note_success(endpoint, issue);
        }
        if is_good {
            let body = read.map_err(|fault| CallError::transport(endpoint, &fault))?;
            return Ok(Reply { endpoint, status, meta: Meta::read(response.headers(), now), body });
        }
        // The status says what it means; if the body breaks off, only Jira's message is lost.
        let body = read.unwrap_or_default();
        let answer = FailedAnswer { status, headers: response.headers(), body: &body, url, now };
        Err(CallError::refused(endpoint, &answer, limited))
    }
}
