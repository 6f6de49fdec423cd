//! Durations, cron expressions and intervals as the configuration writes them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use croner::Cron;
use croner::parser::{CronParser, Seconds};

/// What [`parse_duration`] takes, for editors.
pub(super) const DURATION_PATTERN: &str = concat!(
    r"^\s*(0|([0-9]+(\.[0-9]+)?\s*(nanos|nsec|ns|usec|us|µs|millis|msec|ms|seconds?|secs?|s|minutes?|mins?|m|",
    r"hours?|hrs?|h|days?|d|weeks?|wks?|w|months?|M|years?|yrs?|y)\s*)+)$"
);
/// No calendar ends within this time, so that instants can be calculated from every duration.
const LONGEST_DURATION: Duration = Duration::from_hours(100 * 366 * 24);

/// What [`parse_cron`] takes, for editors: six fields, or a nickname such as `@daily`.
pub(super) const CRON_PATTERN: &str = r"^\s*(@[A-Za-z]+|(\S+\s+){5}\S+)\s*$";

/// A duration such as `30s`, `5m` or `90d`.
///
/// # Errors
/// A sentence that shows how durations are written.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text.trim()).map_err(|fault| {
        format!("{text:?} is not a duration ({fault}); write for example \"30s\", \"5m\" or \"90d\"")
    })?;
    if duration > LONGEST_DURATION {
        return Err(format!("{text:?} is longer than a hundred years, the longest that is taken"));
    }
    Ok(duration)
}

/// When something happens again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recurrence {
    /// A cron expression with six fields, read in UTC.
    Cron(String),
    /// At the multiples of this, counted from the Unix epoch.
    Every(Duration),
}

impl Recurrence {
    /// The `n`th instant after `at`; `None` when the schedule is not valid or ends before.
    #[must_use]
    pub fn nth_after(&self, at: DateTime<Utc>, n: usize) -> Option<DateTime<Utc>> {
        match self {
            Self::Cron(text) => {
                let cron = parse_cron(text).ok()?;
                (0..n).try_fold(at, |at, _| cron.find_next_occurrence(&at, false).ok())
            }
            Self::Every(interval) => {
                let (interval, n) = (i64::try_from(interval.as_millis()).ok()?, i64::try_from(n).ok()?);
                let passed = at.timestamp_millis().checked_div_euclid(interval)?;
                DateTime::from_timestamp_millis(passed.checked_add(n)?.checked_mul(interval)?)
            }
        }
    }
}

/// A cron expression with exactly six fields, seconds first.
///
/// # Errors
/// A sentence that names the fields.
pub fn parse_cron(text: &str) -> Result<Cron, String> {
    CronParser::builder().seconds(Seconds::Required).build().parse(text).map_err(|_| {
        let why = match text.split_whitespace().count() {
            6 => "a field of it is not valid".to_owned(),
            n => format!("it has {n} of the six fields"),
        };
        format!(
            "{text:?} is not a cron expression with six fields: {why}; they are second, minute, hour, day of \
             month, month and day of week, for example \"0 */5 * * * *\""
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_instants_of_a_schedule_are_counted_from_any_moment() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let now = at("2026-09-14T08:03:10Z");
        let five = Duration::from_mins(5);
        for schedule in [Recurrence::Cron("0 */5 * * * *".to_owned()), Recurrence::Every(five)] {
            assert_eq!(schedule.nth_after(now, 1), Some(at("2026-09-14T08:05:00Z")));
            assert_eq!(schedule.nth_after(now, 4), Some(at("2026-09-14T08:20:00Z")));
            assert_eq!(schedule.nth_after(at("2026-09-14T08:05:00Z"), 1), Some(at("2026-09-14T08:10:00Z")));
        }
        assert_eq!(Recurrence::Cron("soon".to_owned()).nth_after(now, 1), None);
        for never in [Duration::ZERO, Duration::MAX] {
            assert_eq!(Recurrence::Every(never).nth_after(now, 1), None);
        }
    }

    #[test]
    fn a_wrong_cron_expression_is_explained_in_our_words() {
        for (wrong, why) in [("*/5 * * * *", "it has 5 of the six fields"), ("61 * * * * *", "a field of it")]
        {
            let told = parse_cron(wrong).unwrap_err();
            assert!(told.contains(why) && !told.contains("pattern") && !told.contains("croner"), "{told}");
        }
    }

    #[test]
    fn a_cron_expression_has_six_fields() {
        assert!(parse_cron("0 */5 * * * *").is_ok());
        for wrong in ["*/5 * * * *", "61 * * * * *", "soon", ""] {
            assert!(parse_cron(wrong).is_err_and(|why| why.contains("six fields")), "{wrong:?}");
        }
    }

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(parse_duration("90d"), Ok(Duration::from_hours(90 * 24)));
        assert_eq!(parse_duration("50ms"), Ok(Duration::from_millis(50)));
        assert!(parse_duration("30").is_err_and(|why| why.contains("\"30s\"")));
    }

    #[test]
    fn durations_end_within_a_hundred_years() {
        assert!(parse_duration("100y").is_ok());
        for long in ["99999999d", "101y", "9999999999y", "18446744073709551615s"] {
            assert!(parse_duration(long).is_err(), "{long}");
        }
        assert!(parse_duration("99999999d").is_err_and(|why| why.contains("a hundred years")));
    }
}
