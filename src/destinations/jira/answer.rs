//! What every answer of Jira says besides its content: how close the limits are, how the clocks differ.
//!
//! Must read headers leniently: all of them are optional, and none may fail a request that succeeded.

use chrono::TimeDelta;
use reqwest::header::{DATE, HeaderMap, HeaderName};

use crate::domain::Timestamp;
use crate::http::parse_http_date;

/// A successful answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer<T> {
    pub value: T,
    pub meta: Meta,
}

/// The information in an answer's headers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Meta {
    /// `X-RateLimit-NearLimit`: under 20 % of the tightest limit is left.
    pub near_limit: bool,
    /// `Atl-Traceid`: what to quote to Atlassian's support.
    pub trace_id: Option<String>,
    /// Jira's `Date` minus the local clock, to the second.
    pub date_skew: Option<TimeDelta>,
}

const NEAR_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-nearlimit");
const LIMIT_LEFT: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const TRACE_ID: HeaderName = HeaderName::from_static("atl-traceid");

/// Longest trace id that is kept.
const MAX_TRACE_ID: usize = 64;

impl Meta {
    pub(in crate::destinations) fn read(headers: &HeaderMap, now: Timestamp) -> Self {
        Self {
            near_limit: text(headers, &NEAR_LIMIT).is_some_and(|value| value.eq_ignore_ascii_case("true")),
            trace_id: text(headers, &TRACE_ID).and_then(clean_trace_id),
            date_skew: text(headers, &DATE)
                .and_then(parse_http_date)
                .map(|date| TimeDelta::seconds(date.signed_duration_since(now).num_seconds())),
        }
    }
}

/// What Jira says is left of the site's tightest limit.
pub(in crate::destinations) fn find_limit_left(headers: &HeaderMap) -> Option<i64> {
    text(headers, &LIMIT_LEFT)?.parse().ok()
}

/// The header's value, trimmed; `None` when absent, empty or not text.
pub(in crate::destinations) fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim).filter(|value| !value.is_empty())
}

/// A trace id short and plain enough for a log line.
pub(in crate::destinations) fn clean_trace_id(text: &str) -> Option<String> {
    let id: String = text.chars().filter(char::is_ascii_graphic).take(MAX_TRACE_ID).collect();
    (!id.is_empty()).then_some(id)
}
