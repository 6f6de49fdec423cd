//! What a refused request means for its destination: how long to wait, and whether a person must act.

use super::waits::{PARKED_PROBE, SLOWEST_DOUBLINGS};
use crate::destinations::{Refusal, Remedy};
use crate::domain::Timestamp;
use crate::store::Backoff;
use crate::sync::backoff::next_attempt;

/// The backoff after a refusal. `failures` counts those in a row before this one.
pub(in crate::sync) fn after(refusal: &Refusal, now: Timestamp, failures: i64, seed: u64) -> Backoff {
    let wait = |wait_until| Backoff { wait_until, parked: None };
    let park = |why: &str| Backoff { wait_until: now + PARKED_PROBE, parked: Some(why.to_owned()) };
    match &refusal.remedy {
        Remedy::WaitUntil { until, .. } => wait(*until),
        Remedy::SlowDown => wait(next_attempt(now, failures.min(SLOWEST_DOUBLINGS), seed)),
        Remedy::Retry { not_before } => {
            wait(next_attempt(now, failures, seed).max(not_before.unwrap_or(now)))
        }
        Remedy::Park { may_pass: true, .. } if failures == 0 => wait(next_attempt(now, 0, seed)),
        Remedy::Park { advice, .. } => park(advice),
        // It cannot be split further and concerns no entity: the destination is asked again later.
        Remedy::Split | Remedy::GiveUp => park(&refusal.message),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::clock::from_millis;

    fn refusal(remedy: Remedy) -> Refusal {
        Refusal { remedy, message: "no".to_owned(), trace_id: None, label: "test", was_sent: true }
    }

    #[test]
    fn one_that_slows_us_down_is_asked_ever_less_often_and_never_less_than_twice_a_minute() {
        let now = from_millis(0);
        let wait = |failures| after(&refusal(Remedy::SlowDown), now, failures, 7).wait_until - now;
        assert!(wait(0) >= TimeDelta::seconds(2) && wait(0) <= TimeDelta::seconds(4));
        assert!(wait(3) >= TimeDelta::seconds(16) && wait(1_000) <= TimeDelta::seconds(32));
    }

    #[test]
    fn what_may_pass_by_itself_parks_only_the_second_time() {
        let now = from_millis(0);
        let parks = |may_pass, failures| {
            let remedy = Remedy::Park { advice: "act".to_owned(), may_pass };
            after(&refusal(remedy), now, failures, 7).parked.is_some()
        };
        assert!(!parks(true, 0) && parks(true, 1) && parks(false, 0));
    }
}
