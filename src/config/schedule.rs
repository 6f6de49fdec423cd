//! Durations and cron expressions as the configuration writes them.

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

/// A cron expression with exactly six fields, seconds first.
///
/// # Errors
/// A sentence that names the fields.
pub fn parse_cron(text: &str) -> Result<Cron, String> {
    CronParser::builder().seconds(Seconds::Required).build().parse(text).map_err(|fault| {
        format!(
            "{text:?} is not a cron expression ({fault}); it has six fields: second, minute, hour, day of month, \
             month, day of week, for example \"0 */5 * * * *\""
        )
    })
}

/// The `n`th instant of a schedule after `at`; `None` when the schedule is not valid or ends before.
#[must_use]
pub fn nth_after(schedule: &str, at: DateTime<Utc>, n: usize) -> Option<DateTime<Utc>> {
    let cron = parse_cron(schedule).ok()?;
    (0..n).try_fold(at, |at, _| cron.find_next_occurrence(&at, false).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_instants_of_a_schedule_are_counted_from_any_moment() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let (schedule, now) = ("0 */5 * * * *", at("2026-09-14T08:03:10Z"));
        assert_eq!(nth_after(schedule, now, 1), Some(at("2026-09-14T08:05:00Z")));
        assert_eq!(nth_after(schedule, now, 4), Some(at("2026-09-14T08:20:00Z")));
        assert_eq!(nth_after(schedule, at("2026-09-14T08:05:00Z"), 1), Some(at("2026-09-14T08:10:00Z")));
        assert_eq!(nth_after("soon", now, 1), None);
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
