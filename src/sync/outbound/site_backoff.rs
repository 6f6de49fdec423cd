//! What a refused request means for its destination: how long to wait, and whether a person must act.

use super::waits::{PARKED_PROBE, SHORTEST_PAUSE};
use crate::destinations::{Refusal, Remedy};
use crate::domain::Timestamp;
use crate::store::Backoff;
use crate::sync::backoff::next_attempt;

/// The backoff after a refusal, now, of an attempt that began at `began`. `failures` counts those in a row
/// before this one.
pub(in crate::sync) fn after(
    refusal: &Refusal,
    began: Timestamp,
    now: Timestamp,
    failures: i64,
    seed: u64,
) -> Backoff {
    // If the clock was set back meanwhile, `began` says nothing.
    let again = |failures| next_attempt(began.min(now), failures, seed).max(now + SHORTEST_PAUSE);
    let wait = |wait_until| Backoff { wait_until, parked: None };
    let park = |why: &str| Backoff { wait_until: now + PARKED_PROBE, parked: Some(why.to_owned()) };
    match &refusal.remedy {
        Remedy::WaitUntil { until, .. } => wait(*until),
        Remedy::SlowDown => wait(again(failures)),
        Remedy::Retry { not_before } => wait(again(failures).max(not_before.unwrap_or(now))),
        Remedy::Park { may_pass: true, .. } if failures == 0 => wait(again(0)),
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
        Refusal { remedy, message: "no".to_owned(), trace_id: None, was_sent: true }
    }

    #[test]
    fn one_that_fails_is_asked_ever_less_often_and_at_least_every_fifteen_seconds() {
        let now = from_millis(0);
        for remedy in [Remedy::SlowDown, Remedy::Retry { not_before: None }] {
            let wait = |failures| after(&refusal(remedy.clone()), now, now, failures, 7).wait_until - now;
            assert!(wait(0) <= TimeDelta::seconds(2) && wait(2) > TimeDelta::seconds(4));
            assert!(wait(3) > TimeDelta::seconds(10) && wait(1_000) <= TimeDelta::seconds(15));
        }
    }

    #[test]
    fn an_attempt_that_took_long_is_followed_by_the_next_one_soon() {
        let (began, now) = (from_millis(0), from_millis(25_000));
        let wait = after(&refusal(Remedy::SlowDown), began, now, 8, 7).wait_until - now;
        assert_eq!(wait, TimeDelta::seconds(1));
    }

    #[test]
    fn what_may_pass_by_itself_parks_only_the_second_time() {
        let now = from_millis(0);
        let parks = |may_pass, failures| {
            let remedy = Remedy::Park { advice: "act".to_owned(), may_pass };
            after(&refusal(remedy), now, now, failures, 7).parked.is_some()
        };
        assert!(!parks(true, 0) && parks(true, 1) && parks(false, 0));
    }
}
