//! What ties a request to its log lines and to the traces of whoever sent it.
//!
//! Header fields are taken over only in a form that cannot spoil a log line or another system's header.

use std::net::IpAddr;
use std::rc::Rc;

use actix_web::HttpMessage;
use actix_web::http::Method;
use actix_web::http::header::{HeaderMap, HeaderName};

use crate::clock::Clock;

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");

/// Longest id that is taken from a caller: two UUIDs would fit.
const LONGEST_ID: usize = 80;

/// The ids of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trail {
    /// The caller's `x-request-id` if it is short and plain, else a new one.
    pub request_id: String,
    /// The trace that the caller's `traceparent` names (W3C Trace Context).
    pub trace_id: Option<String>,
}

/// A request, as its log lines name it.
pub(super) struct Asked {
    pub method: Method,
    /// The pattern of the route: paths can carry tokens.
    pub path: String,
    pub peer: IpAddr,
    pub trail: Rc<Trail>,
}

impl Trail {
    pub fn read(headers: &HeaderMap, clock: &Clock) -> Self {
        let text = |name| headers.get(name)?.to_str().ok();
        let given = text(REQUEST_ID).filter(|id| is_plain(id)).map(str::to_owned);
        Self {
            request_id: given.unwrap_or_else(|| clock.new_id()),
            trace_id: text(TRACE_PARENT).and_then(trace_id).map(str::to_owned),
        }
    }

    /// That of a request that `finish` surrounds.
    pub fn of(request: &impl HttpMessage) -> Option<Rc<Self>> {
        request.extensions().get::<Rc<Self>>().cloned()
    }
}

fn is_plain(id: &str) -> bool {
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_.:+/=@".contains(&b);
    (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(is_allowed)
}

/// `{version}-{trace id}-{parent id}-{flags}`, all in small hexadecimal digits.
fn trace_id(field: &str) -> Option<&str> {
    let mut parts = field.split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let is_zero = |part: &str| part.bytes().all(|b| b == b'0');
    let is_form = is_hex(version, 2) && is_hex(trace, 32) && is_hex(parent, 16) && is_hex(flags, 2);
    (is_form && version != "ff" && !is_zero(trace) && !is_zero(parent)).then_some(trace)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;
    use crate::clock::from_millis;

    fn read(fields: &[(HeaderName, &str)]) -> Trail {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.insert(name.clone(), HeaderValue::from_str(value).expect("a value"));
        }
        Trail::read(&headers, &Clock::manual(from_millis(0)))
    }

    #[test]
    fn only_a_short_and_plain_id_is_taken_over() {
        for id in ["a", "7c1f1c6e-2d7b-4a3c-9f2e-0a1b2c3d4e5f", "Root=1-67891233-abcdef012345678912345678"] {
            assert_eq!(read(&[(REQUEST_ID, id)]).request_id, id);
        }
        let made = read(&[]).request_id;
        for id in ["", "two words", "a\"b", "<b>", "a{b}", &"x".repeat(81), "a;b"] {
            assert_eq!(read(&[(REQUEST_ID, id)]).request_id, made, "{id}");
        }
    }

    #[test]
    fn a_trace_is_named_only_by_a_valid_traceparent() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let of = |field: String| read(&[(TRACE_PARENT, &field)]).trace_id;
        assert_eq!(of(format!("00-{trace}-00f067aa0ba902b7-01")).as_deref(), Some(trace));
        assert_eq!(of(format!("cc-{trace}-00f067aa0ba902b7-01-later")).as_deref(), Some(trace));
        for field in [
            format!("ff-{trace}-00f067aa0ba902b7-01"),
            format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
            format!("00-{}-00f067aa0ba902b7-01", trace.to_uppercase()),
            format!("00-{trace}-0000000000000000-01"),
            format!("00-{trace}-00f067aa0ba902b7"),
            trace.to_owned(),
        ] {
            assert_eq!(of(field.clone()), None, "{field}");
        }
    }
}
