//! How long to wait after a failure: exponential, with jitter so that what fails together is not retried
//! together.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use chrono::TimeDelta;

use crate::clock::Clock;
use crate::domain::Timestamp;

/// Jira's advice is to start at 2 s and to double.
const FIRST: Duration = Duration::from_secs(2);
/// A background queue may exceed the cap of that advice, 30 s.
const LONGEST: Duration = Duration::from_mins(5);

/// When the attempt after `failures` failures in a row may start. `seed` decides the jitter.
pub(in crate::sync) fn next_attempt(now: Timestamp, failures: i64, seed: u64) -> Timestamp {
    let nth = usize::try_from(failures).unwrap_or(0).min(16);
    let wait = ExponentialBuilder::default()
        .with_min_delay(FIRST)
        .with_max_delay(LONGEST)
        .with_factor(2.0)
        .with_jitter()
        .with_jitter_seed(seed)
        .without_max_times()
        .build()
        .nth(nth)
        .unwrap_or(LONGEST);
    now + TimeDelta::from_std(wait).unwrap_or(TimeDelta::minutes(5))
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
    use super::*;
    use crate::clock::from_millis;

    #[test]
    fn waits_grow_and_stay_bounded() {
        let now = from_millis(0);
        let wait = |failures| next_attempt(now, failures, 7) - now;
        assert!(wait(0) >= TimeDelta::seconds(2) && wait(0) <= TimeDelta::seconds(4));
        assert!(wait(4) >= TimeDelta::seconds(32));
        assert!(wait(1_000) <= TimeDelta::minutes(10));
    }

    #[test]
    fn those_that_fail_together_do_not_come_back_together() {
        let now = from_millis(0);
        assert_ne!(next_attempt(now, 3, 1), next_attempt(now, 3, 2));
    }
}
