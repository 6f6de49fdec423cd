//! Why a request to Jira did not succeed, and what the delivery engine must do about it.
//!
//! Must never carry a token, a query string or an unbounded text: these errors end in logs and tables.

use reqwest::StatusCode;
use serde_json::Value;

use super::auth::AuthError;
use super::budget::UsedUp;
use super::endpoint::Endpoint;
use super::scope::Scope;
use crate::destinations::jira::{
    FailedAnswer, Failure, Meta, Throttled, clean, clean_trace_id, find_retry_after, read_throttle,
};
use crate::domain::Timestamp;
use crate::http::TransportFault;

/// Most messages kept of one answer.
const MAX_MESSAGES: usize = 5;

/// What to do about a failed request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disposition {
    /// Nothing is wrong with the request: send it again after a backoff, and not before `not_before`
    /// (`Retry-After` of a 503).
    Retry { not_before: Option<Timestamp> },
    /// A limit is used up: hold back what `scope` says until then.
    WaitUntil { until: Timestamp, scope: Scope },
    /// A burst limit is used up, and Jira does not say for how long: wait longer each time.
    SlowDown,
    /// Too large, or refused as a whole because of one entity: send it in two halves.
    Split,
    /// Permanent: sending the same again gives the same answer.
    GiveUp,
    /// Jira does not accept our token: wrong secret, wrong clock (see `date_skew`), or uninstalled.
    Unauthorized,
    /// The app lacks the module or the scope; permanent until an admin changes it.
    Forbidden,
    /// There is no such site, or it does not know the API.
    Gone,
    /// The site answers under another name. Not followed: clients turn a redirected `POST` into a `GET`.
    Redirected { to_host: String },
}

/// A request to Jira that did not succeed.
pub type JiraError = Failure<Endpoint, Disposition>;

impl JiraError {
    /// An answer with an error status. `items` is the number of entities (or ids) that the request carried.
    pub(super) fn from_answer(endpoint: Endpoint, answer: &FailedAnswer<'_>, items: usize) -> Self {
        let (messages, trace_id) = read_messages(answer.body);
        let status = answer.status.as_u16();
        let message = if messages.is_empty() {
            format!("Jira answered {status}")
        } else {
            format!("Jira answered {status}: {}", messages.join("; "))
        };
        let head = (answer.status, Meta::read(answer.headers, answer.now));
        let failure = Self::answered(endpoint, classify(answer, items), message, head);
        Self { trace_id: trace_id.or(failure.trace_id), ..failure }
    }

    /// No answer, or an incomplete one.
    pub(super) fn transport(endpoint: Endpoint, fault: &TransportFault) -> Self {
        Self::unreachable(endpoint, Disposition::Retry { not_before: None }, fault)
    }

    /// A success whose body is not what the API documents. Submitting again is harmless: an update with a
    /// known sequence number changes nothing.
    pub(super) fn not_documented(endpoint: Endpoint, status: StatusCode, meta: Meta) -> Self {
        Self::unreadable(endpoint, Disposition::Retry { not_before: None }, (status, meta))
    }

    /// Held back on our side, below Jira's burst limit.
    pub(super) fn paced(endpoint: Endpoint, until: Timestamp) -> Self {
        let disposition = Disposition::WaitUntil { until, scope: Scope::Endpoint };
        Self::new(endpoint, disposition, "held back to stay below Jira's burst limit")
    }

    /// The points of this hour are used up.
    pub(super) fn used_up(endpoint: Endpoint, used_up: UsedUp) -> Self {
        let UsedUp { until, whole_app } = used_up;
        let scope = if whole_app { Scope::AllSites } else { Scope::Site };
        let disposition = Disposition::WaitUntil { until, scope };
        Self::new(endpoint, disposition, "held back: the hourly points that Jira grants are spent")
    }

    pub(super) fn unsigned(endpoint: Endpoint, error: &AuthError) -> Self {
        Self::new(endpoint, Disposition::Unauthorized, &error.to_string())
    }

    pub(super) fn unserializable(endpoint: Endpoint, error: &serde_json::Error) -> Self {
        Self::new(endpoint, Disposition::GiveUp, &format!("the body cannot be written: {error}"))
    }
}

fn classify(answer: &FailedAnswer<'_>, items: usize) -> Disposition {
    match answer.status.as_u16() {
        300..=399 => answer
            .find_redirect()
            .map_or(Disposition::Retry { not_before: None }, |to_host| Disposition::Redirected { to_host }),
        401 => Disposition::Unauthorized,
        403 => Disposition::Forbidden,
        404 | 410 => Disposition::Gone,
        429 => {
            let Throttled { reason, until } = read_throttle(answer.headers, answer.now);
            let wait = |until| Disposition::WaitUntil { until, scope: reason.into() };
            until.map_or(Disposition::SlowDown, wait)
        }
        408 | 409 | 425 => Disposition::Retry { not_before: None },
        400..=499 if items > 1 => Disposition::Split,
        400..=499 => Disposition::GiveUp,
        _ => Disposition::Retry { not_before: find_retry_after(answer.headers, answer.now) },
    }
}

/// Messages and trace id of an error body: the array `ErrorMessages`, or Jira's older `errorMessages`.
fn read_messages(body: &[u8]) -> (Vec<String>, Option<String>) {
    let Ok(body) = serde_json::from_slice::<Value>(body) else { return (Vec::new(), None) };
    let errors = body.get("errorMessages").unwrap_or(&body);
    let errors = errors.as_array().map_or_else(|| std::slice::from_ref(errors), Vec::as_slice);
    read_errors(errors)
}

/// Messages (bounded) and the first trace id of a list of `ErrorMessage`.
pub(super) fn read_errors(errors: &[Value]) -> (Vec<String>, Option<String>) {
    let message = |error: &Value| Some(clean(error.as_str().or_else(|| error.get("message")?.as_str())?));
    let messages =
        errors.iter().filter_map(message).filter(|text| !text.is_empty()).take(MAX_MESSAGES).collect();
    let trace_id = errors.iter().find_map(|error| clean_trace_id(error.get("errorTraceId")?.as_str()?));
    (messages, trace_id)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use serde_json::json;
    use url::Url;

    use super::*;
    use crate::domain::{EntityKind, parse_timestamp};

    fn error_of(status: u16, items: usize, headers: &[(&'static str, &str)], body: &Value) -> JiraError {
        let headers = headers
            .iter()
            .map(|(name, value)| (reqwest::header::HeaderName::from_static(name), value.parse().unwrap()))
            .collect();
        let body = body.to_string();
        let answer = FailedAnswer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: &headers,
            body: body.as_bytes(),
            url: &Url::parse("https://acme.atlassian.net/rest/operations/1.0/bulk").unwrap(),
            now: parse_timestamp("2026-04-03T09:12:00Z").unwrap(),
        };
        JiraError::from_answer(Endpoint::Find(EntityKind::Incident), &answer, items)
    }

    fn disposition(status: u16, items: usize) -> Disposition {
        error_of(status, items, &[], &json!(null)).fault
    }

    #[test]
    fn each_status_has_its_disposition() {
        let retry = Disposition::Retry { not_before: None };
        for (status, items, expected) in [
            (400, 1, Disposition::GiveUp),
            (400, 2, Disposition::Split),
            (413, 2, Disposition::Split),
            (413, 1, Disposition::GiveUp),
            (401, 9, Disposition::Unauthorized),
            (403, 9, Disposition::Forbidden),
            (404, 9, Disposition::Gone),
            (410, 1, Disposition::Gone),
            (408, 9, retry.clone()),
            (500, 9, retry.clone()),
            (503, 9, retry.clone()),
            (304, 9, retry),
        ] {
            assert_eq!(disposition(status, items), expected, "{status} with {items}");
        }
    }

    #[test]
    fn a_busy_site_names_the_earliest_next_attempt() {
        let error = error_of(503, 1, &[("retry-after", "30")], &json!(null));
        let not_before = parse_timestamp("2026-04-03T09:12:30Z");
        assert_eq!(error.fault, Disposition::Retry { not_before });
    }

    #[test]
    fn a_renamed_site_is_named_with_its_port() {
        for (location, host) in [
            ("https://new.atlassian.net/rest/operations/1.0/bulk", "new.atlassian.net"),
            ("http://localhost:8081/x", "localhost:8081"),
            ("/login.jsp", "acme.atlassian.net"),
        ] {
            let error = error_of(302, 1, &[("location", location)], &json!(null));
            assert_eq!(error.fault, Disposition::Redirected { to_host: host.to_owned() });
        }
    }

    #[test]
    fn every_form_of_error_body_gives_its_messages() {
        for body in [
            json!([{ "message": "bad id", "errorTraceId": "t1" }]),
            json!({ "message": "bad id", "errorTraceId": "t1" }),
            json!({ "errorMessages": ["bad id"] }),
        ] {
            assert_eq!(error_of(400, 1, &[], &body).message, "Jira answered 400: bad id", "{body}");
        }
        assert_eq!(error_of(400, 1, &[], &json!("")).message, "Jira answered 400");
        assert_eq!(error_of(400, 1, &[], &json!({ "x": 1 })).message, "Jira answered 400");
    }

    #[test]
    fn the_trace_id_comes_from_the_body_or_else_from_the_header() {
        let header = [("atl-traceid", "h1")];
        let body = json!([{ "message": "x" }, { "message": "y", "errorTraceId": "b1" }]);
        assert_eq!(error_of(500, 1, &header, &body).trace_id.as_deref(), Some("b1"));
        assert_eq!(error_of(500, 1, &header, &json!(null)).trace_id.as_deref(), Some("h1"));
    }

    #[test]
    fn a_refused_token_shows_how_far_the_clocks_are_apart() {
        let error = error_of(401, 1, &[("date", "Fri, 03 Apr 2026 09:17:00 GMT")], &json!(null));
        assert_eq!(error.date_skew, Some(TimeDelta::minutes(5)));
    }

    #[test]
    fn messages_are_bounded_and_hold_no_token() {
        let long = json!([{ "message": "x".repeat(10_000) }]);
        assert!(error_of(400, 1, &[], &long).message.len() < 600);
        let many: Vec<_> = (0..100).map(|n| json!({ "message": n.to_string() })).collect();
        assert_eq!(error_of(400, 1, &[], &json!(many)).message, "Jira answered 400: 0; 1; 2; 3; 4");
        let echo = json!([{ "message": "cannot\nread JWT=eyJhbGciOiJIUzI1NiJ9.e30.x now" }]);
        assert_eq!(error_of(401, 1, &[], &echo).message, "Jira answered 401: cannot read [token] now");
    }
}
