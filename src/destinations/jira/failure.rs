//! What is known of a call that did not succeed, whichever of Jira's APIs was called.
//!
//! Must never carry a credential, a query string or an unbounded text, and must not decide what a status means.

use chrono::TimeDelta;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, LOCATION};
use url::Url;

use super::answer::{Meta, text};
use super::message::clean;
use crate::destinations::{Evidence, Refusal, Remedy};
use crate::domain::Timestamp;
use crate::http::TransportFault;

/// A call that did not succeed: of the endpoint `E`, with the meaning `F`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{endpoint}: {message}")]
pub struct Failure<E, F> {
    pub endpoint: E,
    /// Absent when there was no answer.
    pub status: Option<u16>,
    /// What it means.
    pub fault: F,
    /// A sentence, with Jira's own message if there is one.
    pub message: String,
    /// What to quote to Atlassian's support.
    pub trace_id: Option<String>,
    /// Jira's `Date` minus the local clock.
    pub date_skew: Option<TimeDelta>,
    /// Why there was no answer, if there was none.
    pub unreachable: Option<Box<TransportFault>>,
}

impl<E, F> Failure<E, F> {
    /// One without an answer.
    pub(in crate::destinations) fn new(endpoint: E, fault: F, message: &str) -> Self {
        let message = clean(message);
        Self { endpoint, status: None, fault, message, trace_id: None, date_skew: None, unreachable: None }
    }

    /// No answer, or an incomplete one.
    pub(in crate::destinations) fn unreachable(endpoint: E, fault: F, why: &TransportFault) -> Self {
        Self { unreachable: Some(Box::new(why.clone())), ..Self::new(endpoint, fault, &why.to_string()) }
    }

    /// One with an answer; what `message` quotes of it is [clean].
    pub(in crate::destinations) fn answered(
        endpoint: E,
        fault: F,
        message: String,
        (status, meta): (StatusCode, Meta),
    ) -> Self {
        let Meta { trace_id, date_skew, .. } = meta;
        Self {
            endpoint,
            status: Some(status.as_u16()),
            fault,
            message,
            trace_id,
            date_skew,
            unreachable: None,
        }
    }

    /// A success that cannot be read.
    pub(in crate::destinations) fn unreadable(endpoint: E, fault: F, answer: (StatusCode, Meta)) -> Self {
        let status = answer.0.as_u16();
        let message = format!("Jira answered {status} with a body that is not the documented one");
        Self::answered(endpoint, fault, message, answer)
    }
}

impl<E: std::fmt::Display, F> Failure<E, F> {
    /// The same in the engine's terms.
    pub(in crate::destinations) fn into_refusal(self, remedy: Remedy, was_sent: bool) -> Refusal {
        Refusal {
            remedy,
            was_sent,
            message: format!("{}: {}", self.endpoint, self.message),
            trace_id: self.trace_id,
            evidence: Box::new(Evidence {
                status: self.status,
                unreachable: self.unreachable.map(|fault| *fault),
                clock_skew: self.date_skew,
            }),
        }
    }
}

/// An answer with an error status, as far as it was read.
pub(in crate::destinations) struct FailedAnswer<'a> {
    pub status: StatusCode,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
    /// The requested address, against which a redirect is resolved.
    pub url: &'a Url,
    pub now: Timestamp,
}

impl FailedAnswer<'_> {
    /// The host, with the port if that is unusual, that it sends to.
    pub fn find_redirect(&self) -> Option<String> {
        let target = self.url.join(text(self.headers, &LOCATION)?).ok()?;
        let host = target.host_str()?;
        Some(target.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
    }
}
