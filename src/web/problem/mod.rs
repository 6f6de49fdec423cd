//! The only place where an error becomes HTTP: `application/problem+json` (RFC 9457).
//!
//! Each problem has a stable `type`, which is the address of its explanation in the manual, a sentence that says
//! what to do, and the request's id, which is in the log with the real reason. None reveals whether a tenant exists.

mod finish;
mod kind;
mod log;

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::{HttpResponse, ResponseError};
use serde_json::json;
use url::Url;

use crate::connect::descriptor::base_url_text;
use crate::connect::install_keys::InstallKeyError;
use crate::connect::jwt::JwtError;
use crate::connect::lifecycle::LifecycleError;
use crate::connect::sites::SiteRefused;
use crate::sources::{Rejection, Unmappable};
use crate::sync::{IngestError, SyncError};

pub(super) use self::finish::finish;
pub(super) use self::kind::Kind;
pub use self::log::ProblemLog;

const RETRY_AFTER: Duration = Duration::from_secs(5);
/// Characters of an id that names no source, in the log. A source's own has at most 32.
const LONGEST_SHOWN_ID: usize = 40;
/// Ids of sources that are listed beside it.
const MOST_SHOWN_IDS: usize = 20;

/// An error to be sent to a caller.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{detail}")]
pub struct Problem {
    status: StatusCode,
    kind: Kind,
    detail: String,
    allow: Option<&'static str>,
    /// Boxed, because few problems have them.
    notes: Box<Notes>,
    retry_after: Option<Duration>,
    /// Whether the connection ends with the answer.
    closes: bool,
}

/// What only some problems have.
#[derive(Debug, Clone, Default)]
struct Notes {
    /// For the log only.
    reason: Option<String>,
    /// The source that is concerned, or the id that names none. For the log only.
    source_id: Option<String>,
    /// The ids of the sources that there are, for the log of a webhook that names none.
    known_sources: Option<String>,
    /// How a caller can prove who it is, each as in `WWW-Authenticate`.
    challenges: Vec<String>,
}

impl Problem {
    fn new(status: StatusCode, kind: Kind, detail: impl Into<String>) -> Self {
        // Who is refused has to connect again, and what it still sends is not read.
        let closes = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        Self {
            status,
            kind,
            detail: detail.into(),
            allow: None,
            notes: Box::default(),
            retry_after: None,
            closes,
        }
    }

    fn because(mut self, reason: &(impl ToString + ?Sized)) -> Self {
        self.notes.reason = Some(reason.to_string());
        self
    }

    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, Kind::NotFound, "There is nothing at this address; check the path.")
    }

    /// The same for a webhook whose address names no source: the stranger learns nothing, and the log everything.
    pub(super) fn unknown_source<'a>(id: &str, known: impl Iterator<Item = &'a str>) -> Self {
        let shown = id.chars().filter(char::is_ascii_graphic).take(LONGEST_SHOWN_ID).collect();
        let known = known.take(MOST_SHOWN_IDS).collect::<Vec<_>>().join(", ");
        let notes = Notes { source_id: Some(shown), known_sources: Some(known), ..Notes::default() };
        Self { notes: Box::new(notes), ..Self::not_found() }
    }

    /// A webhook that its source does not take; `challenges` are what it takes.
    pub(super) fn webhook_rejected(rejection: Rejection, source: &str, challenges: Vec<String>) -> Self {
        let mut problem = Self::from(rejection);
        problem.notes.source_id = Some(source.to_owned());
        if problem.status == StatusCode::UNAUTHORIZED {
            // A source without a credential takes nothing; what it could take is a token.
            let none = challenges.is_empty();
            problem.notes.challenges = if none { vec!["Bearer".to_owned()] } else { challenges };
        }
        problem
    }

    pub(super) fn method_not_allowed(allow: &'static str) -> Self {
        let detail = format!("This address takes {allow} only.");
        Self {
            allow: Some(allow),
            ..Self::new(StatusCode::METHOD_NOT_ALLOWED, Kind::MethodNotAllowed, detail)
        }
    }

    pub(super) fn too_large(limit: usize) -> Self {
        let detail = format!("The body is larger than {limit} bytes; send less, or raise server.max_body.");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, Kind::BodyTooLarge, detail)
    }

    pub(super) fn body_too_slow() -> Self {
        let detail = "The body did not arrive in time; send it again, faster.";
        Self { closes: true, ..Self::new(StatusCode::REQUEST_TIMEOUT, Kind::BodyTooSlow, detail) }
    }

    pub(super) fn no_room_for_body() -> Self {
        let detail = "Too many large bodies are arriving at once; send it again later.";
        Self { closes: true, ..Self::unavailable(Kind::BodiesWaiting, detail, detail) }
    }

    pub(super) fn took_too_long() -> Self {
        let detail = "The request could not be answered in time; send it again later.";
        Self { closes: true, ..Self::unavailable(Kind::TookTooLong, detail, detail) }
    }

    pub(super) fn too_many_refused() -> Self {
        let detail =
            "Too many requests of this address were refused in the last minute; try again in a minute.";
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, Kind::TooManyRefused, detail);
        Self { retry_after: Some(Duration::from_mins(1)), closes: true, ..problem }
    }

    pub(super) fn misdirected() -> Self {
        let detail = "This listener does not answer under that name; ask by address, or add the name to operator.hosts.";
        Self::new(StatusCode::MISDIRECTED_REQUEST, Kind::HostNotKnown, detail)
    }

    pub(super) fn not_for_browsers() -> Self {
        let detail = "This address is not for pages in a browser; use `incident-bridge reload`.";
        Self::new(StatusCode::FORBIDDEN, Kind::NotForBrowsers, detail)
    }

    pub(super) fn unreadable_body() -> Self {
        Self::new(StatusCode::BAD_REQUEST, Kind::BodyUnreadable, "The body broke off; send it again.")
    }

    pub(super) fn unsupported_media_type(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, Kind::UnsupportedMediaType, detail)
    }

    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Kind::BadRequest, detail)
    }

    /// Says no more than that the token was refused; the reason goes to the log.
    pub(super) fn token_refused(reason: &(impl ToString + ?Sized)) -> Self {
        let detail =
            "The token was refused. If this is Jira calling, see this bridge's log under the request id.";
        let mut problem = Self::new(StatusCode::UNAUTHORIZED, Kind::TokenRefused, detail).because(reason);
        problem.notes.challenges.push("JWT".to_owned());
        problem
    }

    pub(super) fn unavailable(kind: Kind, detail: &'static str, reason: &(impl ToString + ?Sized)) -> Self {
        let retry_after = Some(RETRY_AFTER);
        Self { retry_after, ..Self::new(StatusCode::SERVICE_UNAVAILABLE, kind, detail).because(reason) }
    }

    fn render(&self, request_id: &str, base_url: &Url) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        if self.closes {
            response.force_close();
        }
        if let Some(allow) = self.allow {
            response.insert_header((header::ALLOW, allow));
        }
        if let Some(wait) = self.retry_after {
            response.insert_header((header::RETRY_AFTER, wait.as_secs()));
        }
        for challenge in &self.notes.challenges {
            response.append_header((header::WWW_AUTHENTICATE, challenge.as_str()));
        }
        response.content_type("application/problem+json").json(json!({
            "type": format!("{}/docs/problems#{}", base_url_text(base_url), self.kind.name()),
            "title": self.kind.title(),
            "status": self.status.as_u16(),
            "detail": self.detail,
            "request_id": request_id,
        }))
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    /// Without its id; `finish` renders it again with one.
    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::new(self.status);
        response.extensions_mut().insert(self.clone());
        response
    }
}

impl From<JwtError> for Problem {
    fn from(error: JwtError) -> Self {
        Self::token_refused(&error)
    }
}

impl From<InstallKeyError> for Problem {
    fn from(error: InstallKeyError) -> Self {
        if error.is_passing() {
            let detail = "Atlassian's install key could not be fetched; install again in a minute.";
            Self::unavailable(Kind::InstallKeyUnavailable, detail, &error)
        } else {
            Self::token_refused(&error)
        }
    }
}

impl From<LifecycleError> for Problem {
    fn from(error: LifecycleError) -> Self {
        if error == LifecycleError::WrongIssuer {
            Self::token_refused(&error)
        } else {
            Self::bad_request(error.to_string())
        }
    }
}

impl From<SiteRefused> for Problem {
    fn from(error: SiteRefused) -> Self {
        Self::new(StatusCode::FORBIDDEN, Kind::SiteNotAllowed, error.to_string())
    }
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::Unauthorized(reason) | Rejection::Mismatch(reason) => {
                let detail = "The webhook's credentials were refused; compare the secret in the tool with the source's in the configuration.";
                Self::new(StatusCode::UNAUTHORIZED, Kind::WebhookRefused, detail).because(&reason)
            }
            Rejection::Malformed(reason) => Self::bad_request(reason),
            Rejection::UnsupportedMediaType(reason) => Self::unsupported_media_type(reason),
        }
    }
}

impl From<Unmappable> for Problem {
    fn from(reason: Unmappable) -> Self {
        let (status, kind) = match &reason {
            Unmappable::Malformed(_) => (StatusCode::BAD_REQUEST, Kind::BodyNotUnderstood),
            Unmappable::Incomplete(_) => (StatusCode::UNPROCESSABLE_ENTITY, Kind::BodyIncomplete),
        };
        let detail = format!(
            "The webhook was kept, but has no effect: {reason}. Fix the cause; then it can be replayed."
        );
        Self::new(status, kind, detail)
    }
}

impl From<IngestError> for Problem {
    fn from(error: IngestError) -> Self {
        if error == IngestError::Refused {
            let detail =
                "The webhook cannot be stored; sending it again does not help. The bridge's log says why.";
            return Self::new(StatusCode::BAD_REQUEST, Kind::NotStorable, detail).because(&error.to_string());
        }
        Self::unavailable(Kind::NotStored, "The webhook could not be stored; send it again later.", &error)
    }
}

impl From<SyncError> for Problem {
    fn from(error: SyncError) -> Self {
        Self::unavailable(
            Kind::StoreUnavailable,
            "The bridge cannot store this now; try again later.",
            &error,
        )
    }
}
