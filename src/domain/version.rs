//! Decides what a statement of a tool changes: the rule that keeps versions growing and outdated statements
//! out.

use chrono::TimeDelta;

use super::Timestamp;

/// How far ahead of this machine's clock the time of a statement may be, because clocks differ. A time beyond that
/// says nothing: it would make everything that follows stale until it is reached.
pub const TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// A tool's counter counts up to here at most: enough is left for every later version to be one more.
const HIGHEST_SEQUENCE: i64 = i64::MAX / 2;

/// What is known about an entity before the statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    pub version: i64,
    pub event_time: Timestamp,
    /// Of the content, or of its absence once deleted.
    pub digest: String,
    /// Known only because something else names it: any first-hand statement is better, whatever its time.
    pub mentioned: bool,
}

/// What to do with the statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Store the content as this version.
    Store { version: i64 },
    /// Nothing new in it.
    Unchanged,
    /// Something newer was applied before.
    Stale,
}

/// Compares a statement with what is known. `sequence` is the lower bound of the next version.
///
/// A statement is stale when its time lies before that of the newest one applied. Some tools give
/// milliseconds in webhooks and whole seconds when polled, so a time on the full second is compared by the
/// second; otherwise a poll right after a webhook could never bring anything new. In the same way one on the full
/// millisecond is compared by the millisecond, and all others by the microsecond.
#[must_use]
pub fn decide(known: Option<&Known>, event_time: Timestamp, sequence: i64, digest: &str) -> Decision {
    let Some(known) = known else { return Decision::Store { version: next_version(None, sequence) } };
    if is_before(event_time, known.event_time) && !known.mentioned {
        Decision::Stale
    } else if known.digest == digest {
        Decision::Unchanged
    } else {
        Decision::Store { version: next_version(Some(known.version), sequence) }
    }
}

/// Whether `time` is before `newest`, as precisely as it is told.
fn is_before(time: Timestamp, newest: Timestamp) -> bool {
    let (time, newest) = (time.timestamp_micros(), newest.timestamp_micros());
    let unit = [1_000_000, 1_000].into_iter().find(|unit| time.rem_euclid(*unit) == 0).unwrap_or(1);
    time < newest.saturating_sub(newest.rem_euclid(unit))
}

/// The version after `known`, and not below the tool's `sequence`, however large either is.
#[must_use]
pub fn next_version(known: Option<i64>, sequence: i64) -> i64 {
    let sequence = sequence.clamp(1, HIGHEST_SEQUENCE);
    known.map_or(sequence, |known| sequence.max(known.saturating_add(1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_millis;

    fn known(version: i64, time_ms: i64, digest: &str) -> Known {
        Known { version, event_time: from_millis(time_ms), digest: digest.to_owned(), mentioned: false }
    }

    #[test]
    fn the_first_statement_is_stored_with_its_own_sequence() {
        assert_eq!(decide(None, from_millis(5), 5, "a"), Decision::Store { version: 5 });
    }

    #[test]
    fn an_older_statement_never_overwrites_a_newer_one() {
        assert_eq!(decide(Some(&known(9, 9_001, "a")), from_millis(8_999), 8_999, "b"), Decision::Stale);
        assert_eq!(decide(Some(&known(9, 9_000, "a")), from_millis(8_000), 8_000, "b"), Decision::Stale);
    }

    #[test]
    fn a_version_grows_even_when_the_tools_sequence_does_not() {
        let decision = decide(Some(&known(7_412, 7_412, "a")), from_millis(7_900), 7_000, "b");
        assert_eq!(decision, Decision::Store { version: 7_413 });
    }

    #[test]
    fn a_poll_in_whole_seconds_can_follow_a_webhook_of_the_same_second() {
        assert_eq!(
            decide(Some(&known(7_412, 7_412, "a")), from_millis(7_000), 7_000, "b"),
            Decision::Store { version: 7_413 }
        );
    }

    #[test]
    fn order_within_a_millisecond_counts_where_the_tool_tells_it() {
        let at = |micros| Timestamp::from_timestamp_micros(micros).expect("an instant");
        let resolved = Known { event_time: at(7_412_600), ..known(7_412, 0, "resolved") };
        assert_eq!(decide(Some(&resolved), at(7_412_500), 7_412, "open"), Decision::Stale);
        assert_eq!(decide(Some(&resolved), at(7_412_700), 7_412, "open"), Decision::Store { version: 7_413 });
        // Told by the millisecond, or by the second: it may be as new.
        assert_eq!(decide(Some(&resolved), at(7_412_000), 7_412, "open"), Decision::Store { version: 7_413 });
        assert_eq!(decide(Some(&resolved), at(7_000_000), 7_000, "open"), Decision::Store { version: 7_413 });
        assert_eq!(decide(Some(&resolved), at(7_411_000), 7_411, "open"), Decision::Stale);
    }

    #[test]
    fn a_version_grows_after_any_number_that_a_tool_may_begin_with() {
        for sequence in [i64::MAX, i64::MAX - 1, 1 << 62, 0, -1, i64::MIN] {
            let Decision::Store { version: first } = decide(None, from_millis(5), sequence, "a") else {
                panic!("{sequence}: it is new");
            };
            assert!(first > 0, "{sequence}: what is wanted must be more than nothing");
            let again = decide(Some(&known(first, 5, "a")), from_millis(6), sequence, "b");
            assert_eq!(again, Decision::Store { version: first + 1 }, "{sequence}");
        }
    }

    #[test]
    fn equal_content_is_no_change() {
        assert_eq!(decide(Some(&known(7, 7, "a")), from_millis(9), 9, "a"), Decision::Unchanged);
    }

    #[test]
    fn first_hand_knowledge_replaces_a_mention_whatever_its_time() {
        let mention = Known { mentioned: true, ..known(100, 100_000, "a") };
        assert_eq!(decide(Some(&mention), from_millis(5), 5, "b"), Decision::Store { version: 101 });
    }

    #[test]
    fn the_largest_sequence_twice_makes_two_versions() {
        let Decision::Store { version } = decide(None, from_millis(5), i64::MAX, "a") else {
            panic!("stored")
        };
        let again = decide(Some(&known(version, 5, "a")), from_millis(6), i64::MAX, "b");
        assert_eq!(again, Decision::Store { version: version + 1 });
        assert_eq!(next_version(Some(i64::MAX), i64::MIN), i64::MAX, "it never wraps");
    }

    proptest::proptest! {
        #[test]
        fn no_order_of_statements_ever_lowers_a_version(statements in proptest::collection::vec((0i64..5_000, 0i64..5_000, 0u8..4), 1..40)) {
            let mut current: Option<Known> = None;
            for (time, sequence, content) in statements {
                let digest = content.to_string();
                if let Decision::Store { version } = decide(current.as_ref(), from_millis(time), sequence, &digest) {
                    if let Some(before) = &current {
                        proptest::prop_assert!(version > before.version);
                    }
                    current = Some(Known { version, event_time: from_millis(time), digest, mentioned: false });
                }
            }
        }
    }
}
