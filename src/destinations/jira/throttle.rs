//! What a 429 says: which limit is used up, and until when.
//!
//! Follows "Rate limiting" of Jira Cloud's documentation (October 2026). Bounds every wait, because a wrong
//! header must not stop a site for good.

use std::time::Duration;

use chrono::{DateTime, DurationRound, TimeDelta};
use reqwest::header::{HeaderMap, HeaderName};

use super::answer::text;
use crate::domain::{Shift, Timestamp, parse_timestamp};
use crate::http::{self, LONGEST_WAIT};

/// What is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The requests per second of one operation.
    Burst,
    /// The writes to one issue.
    Issue,
    /// The tenant's hourly quota.
    Tenant,
    /// The app's hourly quota, one pool for all sites.
    App,
    /// Jira did not say.
    Unnamed,
}

/// What a 429 says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throttled {
    pub reason: Reason,
    /// Until when to wait, if Jira says so.
    pub until: Option<Timestamp>,
}

const REASON: HeaderName = HeaderName::from_static("ratelimit-reason");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// What a 429 says. `Retry-After` is a lower bound; a used-up quota waits for its reset, which without a header is the
/// next full hour in UTC.
pub(in crate::destinations) fn read_throttle(headers: &HeaderMap, now: Timestamp) -> Throttled {
    let reason = match text(headers, &REASON).unwrap_or_default().to_ascii_lowercase().as_str() {
        "jira-quota-global-based" => Reason::App,
        "jira-burst-based" => Reason::Burst,
        "jira-per-issue-on-write" => Reason::Issue,
        quota if quota.starts_with("jira-quota-") => Reason::Tenant,
        _ => Reason::Unnamed,
    };
    let asked = find_retry_after(headers, now);
    let reset = text(headers, &RESET).and_then(parse_reset);
    let until = match reason {
        Reason::Burst | Reason::Issue | Reason::Unnamed => asked.or(reset),
        Reason::Tenant | Reason::App => asked.max(Some(reset.unwrap_or_else(|| next_full_hour(now)))),
    };
    let until = until.filter(|until| *until > now).map(|until| until.min(after(now, LONGEST_WAIT)));
    Throttled { reason, until }
}

/// `Retry-After` of a 429 or 503: seconds, or an HTTP date; bounded like every wait.
pub(in crate::destinations) fn find_retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Timestamp> {
    Some(after(now, http::find_retry_after(headers, now)?))
}

fn after(now: Timestamp, wait: Duration) -> Timestamp {
    now.later_by(TimeDelta::from_std(wait).unwrap_or(TimeDelta::MAX))
}

/// `X-RateLimit-Reset`: ISO 8601, seen without seconds, or epoch seconds as elsewhere.
fn parse_reset(value: &str) -> Option<Timestamp> {
    let without_seconds = || {
        let (minutes, offset) = value.split_at_checked("2026-04-03T09:12".len())?;
        parse_timestamp(&format!("{minutes}:00{offset}"))
    };
    let epoch_seconds = || DateTime::from_timestamp(value.parse().ok()?, 0);
    parse_timestamp(value).or_else(without_seconds).or_else(epoch_seconds)
}

fn next_full_hour(now: Timestamp) -> Timestamp {
    now.duration_trunc(TimeDelta::hours(1)).unwrap_or(now).later_by(TimeDelta::hours(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        parse_timestamp("2026-04-03T09:12:00Z").unwrap()
    }

    fn read_headers(pairs: &[(&'static str, &str)]) -> (String, Reason) {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(HeaderName::from_static(name), value.parse().unwrap());
        }
        let Throttled { reason, until } = read_throttle(&headers, now());
        (until.map_or_else(|| "unknown".to_owned(), |until| until.format("%F %T").to_string()), reason)
    }

    #[test]
    fn each_reason_is_told_apart() {
        for (name, reason) in [
            ("jira-burst-based", Reason::Burst),
            ("Jira-Per-Issue-On-Write", Reason::Issue),
            ("jira-something-new", Reason::Unnamed),
        ] {
            assert_eq!(
                read_headers(&[("ratelimit-reason", name), ("retry-after", "7")]),
                ("2026-04-03 09:12:07".to_owned(), reason)
            );
        }
        assert_eq!(read_headers(&[("ratelimit-reason", "jira-quota-something-new")]).1, Reason::Tenant);
    }

    #[test]
    fn without_a_usable_header_the_time_is_unknown() {
        assert_eq!(read_headers(&[]), ("unknown".to_owned(), Reason::Unnamed));
        assert_eq!(read_headers(&[("retry-after", "soon")]).0, "unknown");
        assert_eq!(read_headers(&[("retry-after", "0")]).0, "unknown");
    }

    #[test]
    fn a_used_up_quota_pauses_its_scope_until_the_reset() {
        let tenant = ("ratelimit-reason", "jira-quota-tenant-based");
        let global = ("ratelimit-reason", "jira-quota-global-based");
        for reset in ["2026-04-03T10:00Z", "2026-04-03T10:00:00Z", "2026-04-03T12:00+02:00", "1775210400"] {
            assert_eq!(
                read_headers(&[tenant, ("x-ratelimit-reset", reset), ("retry-after", "5")]),
                ("2026-04-03 10:00:00".to_owned(), Reason::Tenant),
                "{reset}"
            );
        }
        assert_eq!(read_headers(&[global]), ("2026-04-03 10:00:00".to_owned(), Reason::App));
    }

    #[test]
    fn retry_after_is_a_lower_bound_of_the_reset() {
        let quota = ("ratelimit-reason", "jira-quota-tenant-based");
        let headers = [quota, ("x-ratelimit-reset", "2026-04-03T09:13:00Z"), ("retry-after", "120")];
        assert_eq!(read_headers(&headers).0, "2026-04-03 09:14:00");
    }

    #[test]
    fn retry_after_may_be_a_date() {
        let headers = [("retry-after", "Fri, 03 Apr 2026 09:20:00 GMT")];
        assert_eq!(read_headers(&headers).0, "2026-04-03 09:20:00");
    }

    #[test]
    fn no_header_can_stop_a_site_for_longer_than_two_hours() {
        assert_eq!(read_headers(&[("retry-after", "4000000000")]).0, "2026-04-03 11:12:00");
        assert_eq!(read_headers(&[("x-ratelimit-reset", "2999-01-01T00:00:00Z")]).0, "2026-04-03 11:12:00");
    }
}
