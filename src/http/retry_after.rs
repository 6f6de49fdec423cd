//! `Retry-After` and dates, as HTTP writes them (RFC 9110).
//!
//! Must read leniently, because a header that is wrong must not fail a request, and must bound every wait,
//! because it must not stop the work for good either.

use std::time::Duration;

use chrono::DateTime;
use reqwest::header::{HeaderMap, RETRY_AFTER};

use crate::domain::Timestamp;

/// The longest wait that a header may ask for. Quotas reset every hour; twice that is more than any honest
/// one needs.
pub const LONGEST_WAIT: Duration = Duration::from_hours(2);

/// How long `Retry-After` asks to wait, as seconds or as a date; at most [`LONGEST_WAIT`], and zero for a
/// date that is over. `None` when it is absent or unreadable.
#[must_use]
pub fn find_retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => parse_http_date(text)?.signed_duration_since(now).to_std().unwrap_or_default(),
    };
    Some(wait.min(LONGEST_WAIT))
}

/// A date in one of the three forms of RFC 9110, for example `Fri, 03 Apr 2026 09:12:00 GMT`. Some servers
/// write `UTC` or an offset in place of `GMT`; these are understood.
#[must_use]
pub fn parse_http_date(text: &str) -> Option<Timestamp> {
    let in_gmt = text.strip_suffix("UTC").map_or_else(|| text.to_owned(), |start| format!("{start}GMT"));
    let with_offset = || DateTime::parse_from_rfc2822(&in_gmt).ok().map(|date| date.to_utc());
    httpdate::parse_http_date(&in_gmt).ok().map(Timestamp::from).or_else(with_offset)
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;
    use crate::domain::parse_timestamp;

    fn now() -> Timestamp {
        parse_timestamp("2026-04-03T09:12:00Z").unwrap()
    }

    fn wait(value: &'static str) -> Option<Duration> {
        find_retry_after(&HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(value))]), now())
    }

    #[test]
    fn a_date_is_read_in_every_form_that_servers_write() {
        for text in [
            "Fri, 03 Apr 2026 09:12:00 GMT",
            "Fri, 03 Apr 2026 09:12:00 UTC",
            "Fri, 03 Apr 2026 09:12:00 +0000",
            "Fri, 3 Apr 2026 11:12:00 +0200",
            "Friday, 03-Apr-26 09:12:00 GMT",
            "Fri Apr  3 09:12:00 2026",
        ] {
            assert_eq!(parse_http_date(text), Some(now()), "{text}");
        }
        for text in ["", "UTC", "soon", "2026-04-03T09:12:00Z", "Fri, 33 Apr 2026 09:12:00 GMT", "Fri, é"] {
            assert_eq!(parse_http_date(text), None, "{text}");
        }
    }

    #[test]
    fn seconds_and_dates_say_how_long_to_wait() {
        for (value, seconds) in [
            ("60", 60),
            (" 7 ", 7),
            ("0", 0),
            ("Fri, 03 Apr 2026 09:13:30 GMT", 90),
            ("Fri, 03 Apr 2026 09:12:05 UTC", 5),
        ] {
            assert_eq!(wait(value), Some(Duration::from_secs(seconds)), "{value}");
        }
        assert_eq!(wait("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
    }

    #[test]
    fn what_cannot_be_read_says_nothing() {
        for value in ["", "soon", "-5", "1.5", "99999999999999999999999"] {
            assert_eq!(wait(value), None, "{value}");
        }
        assert_eq!(find_retry_after(&HeaderMap::new(), now()), None);
    }

    #[test]
    fn no_header_asks_for_longer_than_two_hours() {
        for value in ["7201", "4000000000", "18446744073709551615", "Fri, 31 Dec 9999 23:59:59 GMT"] {
            assert_eq!(wait(value), Some(LONGEST_WAIT), "{value}");
        }
    }
}
