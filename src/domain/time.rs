//! Instants in the many formats that tools use, and in the one that Jira reads.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, TimeDelta, Utc};

use super::Timestamp;

/// Instants apart from others. Those that chrono cannot hold become the last or first that it can.
pub trait Shift {
    #[must_use]
    fn later_by(self, time: TimeDelta) -> Self;
    #[must_use]
    fn earlier_by(self, time: TimeDelta) -> Self;
}

impl Shift for Timestamp {
    fn later_by(self, time: TimeDelta) -> Self {
        self.checked_add_signed(time).unwrap_or(Self::MAX_UTC)
    }

    fn earlier_by(self, time: TimeDelta) -> Self {
        self.checked_sub_signed(time).unwrap_or(Self::MIN_UTC)
    }
}

/// Parses an instant: RFC 3339 with any offset and 0 to 9 fraction digits, the same with a space for `T`
/// or without offset (taken as UTC), or a bare date. Empty text and years before 1970, which some tools
/// send for "never", are `None`, like everything else that is not an instant.
#[must_use]
pub fn parse_timestamp(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let instant = DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%#z"))
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%#z"))
        .map(|instant| instant.with_timezone(&Utc))
        .or_else(|_| {
            NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f")
                .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f"))
                .or_else(|_| NaiveDate::parse_from_str(text, "%Y-%m-%d").map(|d| d.and_time(NaiveTime::MIN)))
                .map(|naive| naive.and_utc())
        })
        .ok()?;
    (instant.year() >= 1970).then_some(instant)
}

/// RFC 3339 in UTC with `Z` and milliseconds, for example `2026-04-03T09:12:00.000Z`.
#[must_use]
pub fn format_timestamp(instant: Timestamp) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_one_instant_is_that_instant() {
        for text in [
            "2026-04-03T09:12:00Z",
            "2026-04-03T11:12:00+02:00",
            "2026-04-03T11:12:00.000000000+0200",
            "2026-04-03 09:12:00",
            "2026-04-03T09:12:00",
            " 2026-04-03T09:12:00.000Z ",
        ] {
            assert_eq!(
                parse_timestamp(text).map(format_timestamp).as_deref(),
                Some("2026-04-03T09:12:00.000Z"),
                "{text}"
            );
        }
    }

    #[test]
    fn never_and_nonsense_are_absent() {
        for text in ["", "0001-01-01T00:00:00Z", "yesterday", "2026-13-01T00:00:00Z", "1789374067"] {
            assert_eq!(parse_timestamp(text), None, "{text}");
        }
    }
}
