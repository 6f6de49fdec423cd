//! Asks a tool's REST API for JSON and turns every failure into a [`PollError`] that says what to do.
//!
//! Knows HTTP, rate limits and paging, but no tool. Only reads (`GET`, or `POST` of a query); follows what
//! the shared client allows. Error messages name the path, never a query, a header or an answer's content.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LINK, RETRY_AFTER};
use reqwest::{RequestBuilder, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

use super::reader::{ReadFault, read_json};
use crate::config::SourceConfig;
use crate::domain::Timestamp;
use crate::http::{self, ObservedRequest, TransportCause, TransportFault};
use crate::sources::{BuildError, PollError};

/// Largest answer that is read, unpacked; a longer one is refused, never cut. The largest pages that tools are asked
/// for have a few hundred KiB.
const MAX_ANSWER: usize = 8 * 1024 * 1024;
/// A request that began just before a tool came back must not hold up the next one for longer than half a minute.
const TIMEOUT: Duration = Duration::from_secs(25);

/// Query parameters in order; names may repeat.
pub(in crate::sources) type Query = Vec<(&'static str, String)>;

/// One tool's API with its credentials.
pub(in crate::sources) struct Api {
    http: reqwest::Client,
    base: Url,
    headers: HeaderMap,
    /// The tool's name and how to get a working credential, for error messages.
    tool: &'static str,
    fix: &'static str,
}

/// What a tool answered.
#[derive(Debug, PartialEq)]
pub(in crate::sources) struct Answer {
    pub value: Value,
    /// Whether the `Link` field (RFC 8288) names a next page.
    pub has_next: bool,
    /// Bytes that were read, unpacked.
    pub size: usize,
}

impl Api {
    pub(in crate::sources) fn new(
        http: reqwest::Client,
        base: Url,
        tool: &'static str,
        fix: &'static str,
    ) -> Self {
        Self { http, base, headers: HeaderMap::new(), tool, fix }
    }

    /// Sends this header with every request.
    pub(in crate::sources) fn with_header(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.insert(name, HeaderValue::from_static(value));
        self
    }

    /// Sends this header, whose value comes from the configuration, with every request.
    ///
    /// # Errors
    /// When the value has characters that no header may have.
    pub(in crate::sources) fn with_field(
        mut self,
        name: &'static str,
        value: &str,
    ) -> Result<Self, BuildError> {
        let mut value = HeaderValue::try_from(value)
            .map_err(|_| BuildError::from(format!("the value for {name} has a control character in it")))?;
        value.set_sensitive(true);
        self.headers.insert(HeaderName::from_static(name), value);
        Ok(self)
    }

    /// Sends `Authorization: {scheme}{credential}` with every request.
    ///
    /// # Errors
    /// When the credential has characters that no header may have.
    pub(in crate::sources) fn with_credential(
        mut self,
        scheme: &str,
        credential: &SecretString,
    ) -> Result<Self, BuildError> {
        let mut value = HeaderValue::try_from(format!("{scheme}{}", credential.expose_secret().trim()))
            .map_err(|_| {
                BuildError::from("`api_token` has a line break or a control character in it".to_owned())
            })?;
        value.set_sensitive(true);
        self.headers.insert(AUTHORIZATION, value);
        Ok(self)
    }

    /// The JSON at `path` below the base address.
    pub(in crate::sources) async fn get(
        &self,
        path: &str,
        query: &Query,
        now: Timestamp,
    ) -> Result<Value, PollError> {
        Ok(self.get_answer(path, query, now).await?.value)
    }

    /// Like [`Api::get`], with what else is known of the answer.
    pub(super) async fn get_answer(
        &self,
        path: &str,
        query: &Query,
        now: Timestamp,
    ) -> Result<Answer, PollError> {
        self.find_answer(path, query, &[], now).await?.ok_or_else(|| self.unreadable(path, "nothing"))
    }

    /// Like [`Api::get`], for an answer that must have a list at `items`.
    pub(in crate::sources) async fn get_list(
        &self,
        path: &str,
        items: &str,
        query: &Query,
        now: Timestamp,
    ) -> Result<Value, PollError> {
        let answer = self.get(path, query, now).await?;
        self.items_of(&answer, items, path)?;
        Ok(answer)
    }

    /// Like [`Api::get`], but `None` when the tool answers one of the statuses in `absent`.
    pub(in crate::sources) async fn find(
        &self,
        path: &str,
        query: &Query,
        absent: &[u16],
        now: Timestamp,
    ) -> Result<Option<Value>, PollError> {
        Ok(self.find_answer(path, query, absent, now).await?.map(|answer| answer.value))
    }

    /// Like [`Api::find`], with what else is known of the answer.
    pub(in crate::sources) async fn find_answer(
        &self,
        path: &str,
        query: &Query,
        absent: &[u16],
        now: Timestamp,
    ) -> Result<Option<Answer>, PollError> {
        self.answer(path, self.http.get(self.address(path, query)), absent, now).await
    }

    /// What the remote procedure at `path` answers to `query`, for tools that read by `POST`.
    pub(in crate::sources) async fn call(
        &self,
        path: &str,
        query: &Value,
        absent: &[u16],
        now: Timestamp,
    ) -> Result<Option<Value>, PollError> {
        self.search(path, &Query::new(), query, absent, now).await
    }

    /// The same with parameters in the address, for tools that filter in the body and page in the address.
    pub(in crate::sources) async fn search(
        &self,
        path: &str,
        query: &Query,
        filter: &Value,
        absent: &[u16],
        now: Timestamp,
    ) -> Result<Option<Value>, PollError> {
        let request = self.http.post(self.address(path, query));
        let request = request.header(CONTENT_TYPE, "application/json").body(filter.to_string());
        Ok(self.answer(path, request, absent, now).await?.map(|answer| answer.value))
    }

    async fn answer(
        &self,
        path: &str,
        request: RequestBuilder,
        absent: &[u16],
        now: Timestamp,
    ) -> Result<Option<Answer>, PollError> {
        let request = request.headers(self.headers.clone()).timeout(TIMEOUT);
        let mut observed = ObservedRequest::begin(|| http::endpoint_of(path));
        let sent = request.send().await.map_err(|error| TransportFault::of(&error));
        let mut response = sent.map_err(|fault| {
            observed.failed();
            self.unreachable(path, &fault)
        })?;
        observed.answered(response.status());
        if absent.contains(&response.status().as_u16()) {
            return Ok(None);
        }
        self.check_status(path, &response, now)?;
        let links = response.headers().get_all(LINK).iter().filter_map(|value| value.to_str().ok());
        let has_next =
            links.into_iter().any(|text| text.contains("rel=\"next\"") || text.contains("rel=next"));
        let body = http::read_body(&mut response, MAX_ANSWER).await;
        let body = body.map_err(|fault| {
            observed.failed();
            self.unreachable(path, &fault)
        })?;
        match read_json(&body) {
            Ok(value) => Ok(Some(Answer { value, has_next, size: body.len() })),
            Err(ReadFault::Json(_)) => Err(self.unreadable(path, "something that is no JSON")),
            Err(fault @ ReadFault::TooManyValues) => {
                Err(self.unreadable(path, &format!("something that {fault}")))
            }
        }
    }

    /// The list at `items` of a page, which must be there.
    pub(in crate::sources) fn items_of<'a>(
        &self,
        answer: &'a Value,
        items: &str,
        path: &str,
    ) -> Result<&'a [Value], PollError> {
        let list = answer.pointer(items).and_then(Value::as_array);
        list.map(Vec::as_slice).ok_or_else(|| self.unreadable(path, &format!("without a list at {items}")))
    }

    fn address(&self, path: &str, query: &Query) -> Url {
        let mut address = self.base.clone();
        if let Ok(mut segments) = address.path_segments_mut() {
            segments.pop_if_empty().extend(path.split('/'));
        }
        if !query.is_empty() {
            address.query_pairs_mut().extend_pairs(query);
        }
        address
    }

    fn check_status(&self, path: &str, response: &Response, now: Timestamp) -> Result<(), PollError> {
        let (tool, status) = (self.tool, response.status());
        match status {
            _ if status.is_success() => Ok(()),
            StatusCode::UNAUTHORIZED | StatusCode::PAYMENT_REQUIRED | StatusCode::FORBIDDEN => {
                let message = format!("{tool} refuses /{path} ({status}): {}", self.fix);
                Err(PollError::Refused { message })
            }
            StatusCode::NOT_FOUND => {
                let message = format!("{tool} has no /{path} ({status}): check `api_url`");
                Err(PollError::Refused { message })
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => {
                Err(self.retry(path, response, now))
            }
            // 420 is how some tools spell 429.
            _ if status.is_server_error() || status.as_u16() == 420 => Err(self.retry(path, response, now)),
            _ => Err(self.unreadable(path, status.as_str())),
        }
    }

    fn retry(&self, path: &str, response: &Response, now: Timestamp) -> PollError {
        PollError::Retry {
            message: format!("{} answered {} at /{path}", self.tool, response.status()),
            after: find_retry_after(response.headers(), now),
        }
    }

    fn unreachable(&self, path: &str, fault: &TransportFault) -> PollError {
        match fault.cause {
            TransportCause::TooLarge { .. } => self.unreadable(path, "more than 8 MiB"),
            _ => PollError::Retry { message: format!("{} at /{path}: {fault}", self.tool), after: None },
        }
    }

    pub(super) fn unreadable(&self, path: &str, what: &str) -> PollError {
        PollError::Unreadable { message: format!("{} answered {what} at /{path}", self.tool) }
    }
}

/// `api_url`, or the tool's usual address.
pub(in crate::sources) fn base_url(config: &SourceConfig, usual: &str) -> Result<Url, BuildError> {
    config
        .api_url
        .clone()
        .map_or_else(|| Url::parse(usual).map_err(|fault| BuildError::from(format!("{usual}: {fault}"))), Ok)
}

/// How long a tool asks to wait. A time that is over, perhaps because clocks differ, says nothing.
fn find_retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    find_wait(headers, now).filter(|wait| !wait.is_zero())
}

/// How long a tool asks to wait: `Retry-After`, else the usual rate-limit fields, in seconds from now or
/// since the epoch.
fn find_wait(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    if headers.contains_key(RETRY_AFTER) {
        return http::find_retry_after(headers, now);
    }
    let field = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let names = ["ratelimit-reset", "x-ratelimit-reset", "x-ratelimit-period-in-sec"];
    let reset = names.iter().find_map(|name| field(name)?.parse::<u64>().ok())?;
    let now = u64::try_from(now.timestamp()).unwrap_or_default();
    // A year of seconds: no tool asks to wait that long, so a larger number is an instant.
    Some(Duration::from_secs(if reset > 31_536_000 { reset.saturating_sub(now) } else { reset }))
}

#[cfg(test)]
#[path = "api_tests.rs"]
pub(super) mod tests;
