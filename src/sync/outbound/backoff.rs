//! What a failed request means for its site: how long to wait, and whether a person must act.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use chrono::TimeDelta;

use crate::destinations::operations::client::{Disposition, JiraError};
use crate::domain::Timestamp;
use crate::store::Backoff;

/// Jira's advice is to start at 2 s and double; a background queue may go on longer than its cap of 30 s.
const FIRST_WAIT: Duration = Duration::from_secs(2);
const LONGEST_WAIT: Duration = Duration::from_mins(5);
/// Doublings after which a site that says "too many requests" without a time is asked at a steady pace: every
/// 16 to 32 s, near the cap of that advice.
const SLOWEST: i64 = 3;
/// How often a site that needs a person is tried all the same.
const PROBE: TimeDelta = TimeDelta::minutes(15);
/// Clocks further apart than this explain a refused token.
const SKEW: TimeDelta = TimeDelta::seconds(60);

/// When the attempt after `failures` failures in a row may start: exponential with full jitter.
pub(in crate::sync) fn back_off(now: Timestamp, failures: i64, seed: u64) -> Timestamp {
    let nth = usize::try_from(failures).unwrap_or(0).min(16);
    let wait = ExponentialBuilder::default()
        .with_min_delay(FIRST_WAIT)
        .with_max_delay(LONGEST_WAIT)
        .with_factor(2.0)
        .with_jitter()
        .with_jitter_seed(seed)
        .without_max_times()
        .build()
        .nth(nth)
        .unwrap_or(LONGEST_WAIT);
    now + TimeDelta::from_std(wait).unwrap_or(PROBE)
}

/// The trouble that an error means for its site. `failures` counts those in a row before this one.
pub(in crate::sync) fn of(error: &JiraError, now: Timestamp, failures: i64, seed: u64) -> Backoff {
    let park = |why: String| Backoff { wait_until: now + PROBE, parked: Some(why) };
    match &error.disposition {
        Disposition::WaitUntil { until, .. } => Backoff { wait_until: *until, parked: None },
        Disposition::SlowDown => {
            Backoff { wait_until: back_off(now, failures.min(SLOWEST), seed), parked: None }
        }
        Disposition::Retry { not_before } => {
            let wait_until = back_off(now, failures, seed).max(not_before.unwrap_or(now));
            Backoff { wait_until, parked: None }
        }
        // A new secret may be on its way to us: Jira uses it before it has heard that we have it.
        Disposition::Unauthorized if failures == 0 => {
            Backoff { wait_until: back_off(now, 0, seed), parked: None }
        }
        Disposition::Unauthorized => park(unauthorized(error)),
        Disposition::Forbidden => park(
            "Jira forbids the request: the installed app lacks the operations module or a scope; update the app on the site"
                .to_owned(),
        ),
        Disposition::Gone => park("Jira does not know the site or the API any more: check that the site still exists".to_owned()),
        Disposition::Redirected { to_host } => park(format!(
            "the site now answers as {to_host}: install the app again so that it reports its new address, and allow that host in connect.sites"
        )),
        // A request that cannot be split further and concerns no entity: the site is asked again later.
        Disposition::Split | Disposition::GiveUp => Backoff { wait_until: now + PROBE, parked: Some(error.message.clone()) },
    }
}

fn unauthorized(error: &JiraError) -> String {
    match error.date_skew {
        Some(skew) if skew.abs() > SKEW => format!(
            "Jira refuses our tokens because this machine's clock is {} s {}: set the clock (NTP)",
            skew.num_seconds().abs(),
            if skew > TimeDelta::zero() { "slow" } else { "fast" }
        ),
        _ => "Jira refuses our tokens: the app was uninstalled, or its secret changed without our hearing of it; \
              install the app again on the site"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_millis;
    use crate::destinations::operations::client::Endpoint;

    #[test]
    fn waits_grow_and_stay_bounded() {
        let now = from_millis(0);
        let wait = |failures| back_off(now, failures, 7) - now;
        assert!(wait(0) >= TimeDelta::seconds(2) && wait(0) <= TimeDelta::seconds(4));
        assert!(wait(4) >= TimeDelta::seconds(32));
        assert!(wait(1_000) <= TimeDelta::minutes(10));
    }

    #[test]
    fn a_site_that_refuses_without_a_time_is_asked_ever_less_often_and_never_less_than_twice_a_minute() {
        let now = from_millis(0);
        let error = JiraError {
            endpoint: Endpoint::LinkWorkspaces,
            status: Some(429),
            disposition: Disposition::SlowDown,
            message: String::new(),
            trace_id: None,
            date_skew: None,
        };
        let wait = |failures| of(&error, now, failures, 7).wait_until - now;
        assert!(wait(0) >= TimeDelta::seconds(2) && wait(0) <= TimeDelta::seconds(4));
        assert!(wait(3) >= TimeDelta::seconds(16) && wait(1_000) <= TimeDelta::seconds(32));
    }

    #[test]
    fn sites_that_fail_together_do_not_come_back_together() {
        let now = from_millis(0);
        assert_ne!(back_off(now, 3, 1), back_off(now, 3, 2));
    }
}
