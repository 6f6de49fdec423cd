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

/// Longest wait where something waits for a server that may be back at any moment.
const LONGEST_PROBE: Duration = Duration::from_secs(15);

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

/// When to ask a server again that failed without saying for how long, with one request: from 2 s after the failed
/// one, doubling to [`LONGEST_PROBE`], less a part that `seed` decides. `started` is when the failed request began.
pub(in crate::sync) fn next_probe(started: Timestamp, failures: i64, seed: u64) -> Timestamp {
    let doublings = u32::try_from(failures.clamp(0, 8)).unwrap_or_default();
    let longest = FIRST.saturating_mul(1 << doublings).min(LONGEST_PROBE);
    let millis = u64::try_from(longest.as_millis()).unwrap_or_default();
    let less = Duration::from_millis(seed % (millis / 2).max(1));
    started + TimeDelta::from_std(longest.saturating_sub(less)).unwrap_or_default()
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
    fn a_server_that_may_be_back_is_asked_every_quarter_of_a_minute() {
        let now = from_millis(0);
        for seed in 0..50_000 {
            let wait = |failures| next_probe(now, failures, seed) - now;
            assert!((TimeDelta::seconds(1)..=TimeDelta::seconds(2)).contains(&wait(0)));
            for failures in [3, 4, 1_000, i64::MAX] {
                assert!((TimeDelta::milliseconds(7_500)..=TimeDelta::seconds(15)).contains(&wait(failures)));
            }
        }
    }

    #[test]
    fn those_that_fail_together_do_not_come_back_together() {
        let now = from_millis(0);
        assert_ne!(next_attempt(now, 3, 1), next_attempt(now, 3, 2));
    }
}
