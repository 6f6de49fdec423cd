//! How long to wait after a failure: exponential, with jitter so that what fails together is not retried
//! together, and never so long that what waits is late when the failure is over.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};

use crate::clock::{Clock, after};
use crate::domain::Timestamp;

/// Jira's advice is to start at 2 s and to double.
const FIRST: Duration = Duration::from_secs(2);

/// Whoever failed is asked at least this often, so that nothing is late when it is back.
const LONGEST: Duration = Duration::from_secs(15);

/// Nothing waits for what fails beside a server that otherwise answers.
const LONGEST_BESIDE: Duration = Duration::from_mins(5);

/// The jitter shortens a wait by up to a fifth of it.
const JITTER: f64 = 0.2;

/// When the attempt after `failures` failures in a row may start: 2 s after `began`, when the failed one started,
/// doubling to 15 s. `seed` decides the jitter.
pub(in crate::sync) fn next_attempt(began: Timestamp, failures: i64, seed: u64) -> Timestamp {
    next_within(LONGEST, began, failures, seed)
}

/// The same, doubling to 5 minutes, for what is not needed for anything that waits.
pub(in crate::sync) fn next_attempt_beside(began: Timestamp, failures: i64, seed: u64) -> Timestamp {
    next_within(LONGEST_BESIDE, began, failures, seed)
}

fn next_within(longest: Duration, began: Timestamp, failures: i64, seed: u64) -> Timestamp {
    let nth = usize::try_from(failures).unwrap_or(0).min(16);
    let wait = ExponentialBuilder::default()
        .with_min_delay(FIRST)
        .with_max_delay(longest)
        .with_factor(2.0)
        .without_max_times()
        .build()
        .nth(nth)
        .unwrap_or(longest);
    after(began, wait.mul_f64(1.0 - JITTER * share(seed)))
}

/// A number from 0 to 1 that follows from the seed.
fn share(seed: u64) -> f64 {
    f64::from(u32::try_from(seed >> 32).unwrap_or(u32::MAX)) / f64::from(u32::MAX)
}

/// A jitter seed: a new one for every failure.
pub(in crate::sync) fn fresh_seed(clock: &Clock) -> u64 {
    seed(&clock.new_id())
}

/// A jitter seed, always the same for the same text (FNV-1a).
pub(in crate::sync) fn seed(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::clock::from_millis;

    #[test]
    fn waits_grow_and_stay_bounded() {
        let now = from_millis(0);
        let wait = |failures| next_attempt(now, failures, 7) - now;
        assert!(wait(0) >= TimeDelta::milliseconds(1_600) && wait(0) <= TimeDelta::seconds(2));
        assert!(wait(2) > TimeDelta::seconds(6) && wait(2) <= TimeDelta::seconds(8));
        for failures in 3..1_000 {
            assert!(wait(failures) >= TimeDelta::seconds(12) && wait(failures) <= TimeDelta::seconds(15));
        }
    }

    #[test]
    fn what_nothing_waits_for_is_tried_every_few_minutes() {
        let now = from_millis(0);
        let wait = next_attempt_beside(now, 1_000, 7) - now;
        assert!(wait >= TimeDelta::minutes(4) && wait <= TimeDelta::minutes(5));
    }

    #[test]
    fn those_that_fail_together_do_not_come_back_together() {
        let now = from_millis(0);
        assert_ne!(next_attempt(now, 3, seed("a")), next_attempt(now, 3, seed("b")));
    }
}
