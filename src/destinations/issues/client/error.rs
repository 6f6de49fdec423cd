//! Why a call did not succeed, and above all whether Jira may have done it nevertheless.
//!
//! Must never carry a token, a query string or an unbounded text, and must never parse the body of an error by a schema:
//! only the names of refused fields mean anything, the texts are translated.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::endpoint::Endpoint;
use super::pacing::{Held, Scope};
use crate::destinations::jira::{FailedAnswer, Failure, Meta, Reason, clean, find_retry_after};
use crate::domain::Timestamp;
use crate::http::{TransportCause, TransportFault};

/// Most messages and fields that are kept of one answer.
const MAX_MESSAGES: usize = 5;
const MAX_FIELDS: usize = 50;

/// Longest name of a field, in characters.
const MAX_FIELD: usize = 100;

/// What Jira says to a token that is good but may not do this.
const SCOPE_MISMATCH: &str = "scope does not match";

/// A refusal that repeating would not change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rejection {
    pub status: u16,
    /// By the id of the field.
    pub fields: BTreeMap<String, String>,
    pub messages: Vec<String>,
}

impl Rejection {
    /// What an error body says, however it is built.
    #[must_use]
    pub fn read(status: u16, body: &Value) -> Self {
        let messages =
            body.get("errorMessages").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let messages = messages.iter().chain(body.get("message")).filter_map(Value::as_str).map(clean);
        let fields = body.get("errors").and_then(Value::as_object).into_iter().flatten();
        let fields = fields.map(|(field, text)| {
            let field = field.chars().filter(|c| !c.is_control()).take(MAX_FIELD).collect();
            (field, clean(text.as_str().unwrap_or_default()))
        });
        Self {
            status,
            fields: fields.take(MAX_FIELDS).collect(),
            messages: messages.filter(|message| !message.is_empty()).take(MAX_MESSAGES).collect(),
        }
    }

    /// The fields that Jira names.
    #[must_use]
    pub fn field_names(&self) -> BTreeSet<String> {
        self.fields.keys().cloned().collect()
    }

    fn sentence(&self) -> String {
        let fields = self.fields.iter().map(|(field, text)| format!("{field}: {text}"));
        let parts: Vec<String> = self.messages.iter().cloned().chain(fields).take(MAX_MESSAGES).collect();
        let status = self.status;
        let told = if parts.is_empty() { String::new() } else { format!(": {}", parts.join("; ")) };
        format!("Jira answered {status}{told}{}", self.advice())
    }

    /// What a person should do about a status that has one cause only.
    fn advice(&self) -> &'static str {
        match self.status {
            422 => " (the project's configuration does not allow it: ask an administrator of the project)",
            410 | 415 => " (a fault of this program: please report it)",
            _ => "",
        }
    }
}

/// What a failure means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Nothing was done: no connection, or no address to send to.
    NotSent,
    /// Nothing was done: we held it back ourselves.
    HeldBack(Held),
    /// Nothing was done, and repeating would not change that.
    Rejected(Box<Rejection>),
    /// The token is not taken.
    Unauthorized {
        /// It is good, but lacks the scope of the call.
        lacks_scope: bool,
    },
    Forbidden,
    /// There is no such thing, or this account may not see it.
    NotFound,
    /// Somebody else was writing at the same time.
    Conflict,
    /// The issue holds as many of these as it can.
    IssueFull,
    /// Nothing was done: a limit is used up.
    RateLimited {
        reason: Reason,
        held: Held,
    },
    /// It may have been done or not.
    Unclear {
        /// Jira asks not to come back before.
        not_before: Option<Timestamp>,
    },
    /// Nothing was done: the site answers under another name.
    Redirected {
        to_host: String,
    },
}

/// A call that did not succeed.
pub type CallError = Failure<Endpoint, Fault>;

impl CallError {
    /// One that we hold back ourselves.
    #[must_use]
    pub fn held(endpoint: Endpoint, held: Held) -> Self {
        let what = match held.scope {
            Scope::Issue => "held back, so that the issue is not written too often",
            Scope::Call | Scope::Endpoint => "held back to stay below Jira's limit for this operation",
            Scope::Site => "held back to keep the pace of writes to this site",
        };
        Self::new(endpoint, Fault::HeldBack(held), what)
    }

    /// No answer, or an incomplete one.
    pub(super) fn transport(endpoint: Endpoint, fault: &TransportFault) -> Self {
        let meaning =
            if was_sent(&fault.cause) { Fault::Unclear { not_before: None } } else { Fault::NotSent };
        Self::unreachable(endpoint, meaning, fault)
    }

    /// An answer with an error status. `limited` is the pause that a 429 leads to.
    pub(super) fn refused(
        endpoint: Endpoint,
        answer: &FailedAnswer<'_>,
        limited: Option<(Reason, Held)>,
    ) -> Self {
        let body = serde_json::from_slice(answer.body).unwrap_or_default();
        let rejection = Rejection::read(answer.status.as_u16(), &body);
        let message = clean(&rejection.sentence());
        let head = (answer.status, Meta::read(answer.headers, answer.now));
        Self::answered(endpoint, meaning(answer, rejection, limited), message, head)
    }

    /// Whether Jira may have done it: only then must nobody simply repeat a creation.
    #[must_use]
    pub fn may_have_worked(&self) -> bool {
        matches!(self.fault, Fault::Unclear { .. })
    }
}

fn meaning(answer: &FailedAnswer<'_>, rejection: Rejection, limited: Option<(Reason, Held)>) -> Fault {
    let unclear = || Fault::Unclear { not_before: find_retry_after(answer.headers, answer.now) };
    match (answer.status.as_u16(), limited) {
        (429, Some((reason, held))) => Fault::RateLimited { reason, held },
        (300..=399, _) => {
            answer.find_redirect().map_or_else(unclear, |to_host| Fault::Redirected { to_host })
        }
        (401, _) => {
            let body = String::from_utf8_lossy(answer.body).to_ascii_lowercase();
            Fault::Unauthorized { lacks_scope: body.contains(SCOPE_MISMATCH) }
        }
        (403, _) => Fault::Forbidden,
        (404, _) => Fault::NotFound,
        (409, _) => Fault::Conflict,
        (413, _) => Fault::IssueFull,
        // A proxy's words for an answer that it did not wait for.
        (408 | 425, _) => unclear(),
        (400..=499, _) => Fault::Rejected(Box::new(rejection)),
        _ => unclear(),
    }
}

/// Whether the request may have reached Jira.
fn was_sent(cause: &TransportCause) -> bool {
    match cause {
        TransportCause::AnswerTimeout | TransportCause::BrokeOff { .. } | TransportCause::TooLarge { .. } => {
            true
        }
        TransportCause::NameNotFound { .. }
        | TransportCause::ConnectionRefused
        | TransportCause::ConnectTimeout
        | TransportCause::CertificateExpired
        | TransportCause::CertificateNotYetValid
        | TransportCause::CertificateNotTrusted
        | TransportCause::CertificateForOtherName { .. }
        | TransportCause::CertificateInvalid { .. }
        | TransportCause::Proxy { .. }
        | TransportCause::NotConnected { .. } => false,
    }
}

#[cfg(test)]
#[path = "error_tests.rs"]
mod tests;
