//! An hour of each kind of outage, and what follows when it is over. `examples/outage.rs` does the same in
//! real time.

use chrono::TimeDelta;
use incident_bridge::domain::Timestamp;
use incident_bridge::simulator::{Fault, RequestRecord};

use crate::harness::pagerduty::triggered;
use crate::harness::{Bridge, Setup};

/// Longest time between two attempts when Jira names none.
const LONGEST: TimeDelta = TimeDelta::seconds(15);
/// Within this time of Jira's return everything that waits is there.
const SOON: TimeDelta = TimeDelta::seconds(30);

/// More than a request carries that may fail.
const INCIDENTS: usize = 30;

/// Until when the site must not be asked.
async fn wait_until(bridge: &Bridge) -> Timestamp {
    let mut rows = bridge.engine.store().sites().list_installations().await.expect("the store works");
    assert_eq!(rows.len(), 1);
    rows.remove(0).wait_until
}

/// Lets time pass up to the next attempt and makes it. Returns how long that was.
async fn attempt(bridge: &Bridge) -> TimeDelta {
    let wait = wait_until(bridge).await - bridge.clock.now();
    assert!(wait > TimeDelta::zero(), "it waits");
    bridge.clock.advance(wait - TimeDelta::milliseconds(1));
    let before = bridge.jira().request_count();
    bridge.settle().await;
    assert_eq!(bridge.jira().request_count(), before, "nothing before its time");
    bridge.clock.advance(TimeDelta::milliseconds(1));
    bridge.settle().await;
    wait
}

/// A bridge with a backlog, and its site out of order in this way.
async fn fail(fault: Fault, config: &str) -> Bridge {
    let bridge = Setup::default().config(config).start().await;
    bridge.install().await;
    bridge.pagerduty(&triggered("Q0")).await;
    bridge.settle().await;
    bridge.settle_after(10).await;
    bridge.jira().fail_next(fault.times(u32::MAX));
    for n in 1..=INCIDENTS {
        bridge.pagerduty(&triggered(&format!("Q{n}"))).await;
    }
    bridge.settle().await;
    bridge
}

/// The requests that failed.
fn failed(bridge: &Bridge) -> Vec<RequestRecord> {
    bridge.jira().requests().into_iter().filter(|request| request.fault).collect()
}

/// The site works again: everything must be there in time.
async fn recover(bridge: Bridge, what: &str) {
    bridge.jira().clear_faults();
    let back = bridge.clock.now();
    attempt(&bridge).await;
    for n in 1..=INCIDENTS {
        assert!(bridge.jira().incident(&format!("pd:Q{n}")).is_some(), "{what}: Q{n}");
    }
    assert!(bridge.clock.now() - back <= SOON, "{what}: {}", bridge.clock.now() - back);
    bridge.settle_after(5).await;
    bridge.finish().await;
}

/// Attempts over this time; none may be later than `longest` after the one before.
async fn attempts(bridge: &Bridge, lasting: TimeDelta, longest: TimeDelta) -> usize {
    let (start, mut count) = (bridge.clock.now(), 1);
    while bridge.clock.now() - start < lasting {
        let wait = attempt(bridge).await;
        assert!(wait <= longest, "{wait} after attempt {count}");
        count += 1;
    }
    count
}

#[tokio::test]
async fn after_an_hour_without_a_word_of_how_long_everything_arrives_within_half_a_minute() {
    for (what, fault) in [
        ("503", Fault::status(503)),
        ("a broken connection", Fault::dropped()),
        ("429 without a time", Fault::rate_limited("jira-burst-based", None)),
    ] {
        let bridge = fail(fault, "").await;
        let attempts = attempts(&bridge, TimeDelta::hours(1), LONGEST).await;
        assert!((235..=310).contains(&attempts), "{what}: {attempts} in an hour");
        let failed = failed(&bridge);
        assert_eq!(failed.len(), attempts, "{what}: one request each time");
        let sizes = failed.iter().skip(1).map(|request| request.entities);
        assert!(sizes.max() <= Some(20), "{what}: {failed:?}");
        recover(bridge, what).await;
    }
}

#[tokio::test]
async fn after_an_hour_in_which_jira_names_a_time_it_is_obeyed_and_then_everything_arrives() {
    let quota = |reason| Fault::rate_limited(reason, Some(5));
    for (what, fault, longest, most) in [
        ("429", Fault::rate_limited("jira-burst-based", Some(600)), 600, 7),
        ("503", Fault::status(503).header("Retry-After", "600"), 600, 7),
        ("a quota of the site", quota("jira-quota-tenant-based"), 3600, 2),
        ("a quota of the app", quota("jira-quota-global-based"), 3600, 2),
    ] {
        let bridge = fail(fault, "").await;
        let attempts = attempts(&bridge, TimeDelta::minutes(59), TimeDelta::seconds(longest)).await;
        assert!(attempts <= most, "{what}: {attempts}");
        assert_eq!(failed(&bridge).len(), attempts, "{what}: one request each time");
        bridge.jira().clear_faults();
        // What Jira has announced is over.
        let wait = wait_until(&bridge).await - bridge.clock.now();
        bridge.clock.advance(wait - TimeDelta::milliseconds(1));
        recover(bridge, what).await;
    }
}

#[tokio::test]
async fn a_jira_that_does_not_listen_or_does_not_answer_is_asked_as_often() {
    let mut bridge = fail(Fault::status(503), "").await;
    let gone = bridge.sites.remove(0);
    let (jira, address) = (gone.simulator().clone(), gone.addr());
    gone.stop().await.expect("it stops");
    for _ in 0..250 {
        let wait = wait_until(&bridge).await - bridge.clock.now();
        assert!(wait > TimeDelta::zero() && wait <= LONGEST, "{wait}");
        bridge.clock.advance(wait);
        bridge.settle().await;
    }
    bridge.sites.push(jira.listen_again(address).expect("the address is free"));
    recover(bridge, "refused connections").await;

    let bridge = fail(Fault::hang(), "[delivery]\ntimeout = \"2s\"").await;
    for _ in 0..4 {
        let wait = attempt(&bridge).await;
        assert!(wait <= LONGEST, "{wait}");
    }
    recover(bridge, "time-outs").await;
}
