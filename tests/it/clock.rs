//! The machine's clock is set, an hour forward and an hour back: nothing is lost, nothing waits for that
//! hour.

use chrono::TimeDelta;
use incident_bridge::domain::DeliveryState;
use incident_bridge::simulator::{EntityKind as Kind, Fault};
use tokio_util::sync::CancellationToken;

use crate::harness::pagerduty::triggered;
use crate::harness::{Bridge, Setup, fresh_postgres};

const INCIDENTS: &str = "/rest/operations/1.0/bulk";
const HOUR: TimeDelta = TimeDelta::hours(1);

#[tokio::test]
async fn jira_refuses_the_tokens_of_a_wrong_clock_until_it_is_right() {
    for (wrong, word) in [(HOUR, "fast"), (-HOUR, "slow")] {
        let bridge = Setup::default().own_time().start().await;
        bridge.install().await;
        bridge.settle().await;
        bridge.clock.set(wrong);
        bridge.pagerduty(&triggered("Q1")).await;
        bridge.settle().await;
        bridge.settle_after(10).await;
        bridge.log.expect_error(&format!("this machine's clock is 3600 s {word}"));
        assert!(bridge.jira().incident("pd:Q1").is_none());
        bridge.clock.set(-wrong);
        bridge.settle().await;
        assert!(bridge.jira().incident("pd:Q1").is_some(), "{word}: at once, not after the wait");
        bridge.finish().await;
    }
}

/// What stores a future instant: Jira's behaviour, and the configuration for it.
fn holds() -> Vec<(&'static str, Fault, &'static str)> {
    let quota = |reason| Fault::rate_limited(reason, None);
    vec![
        ("Retry-After", Fault::status(503).header("Retry-After", "1800"), ""),
        ("a burst", Fault::rate_limited("jira-burst-based", Some(1800)), ""),
        ("a quota of the site", quota("jira-quota-tenant-based"), ""),
        ("a quota of the app", quota("jira-quota-global-based"), ""),
        ("a warning", Fault::with_header("X-RateLimit-NearLimit", "true"), ""),
        ("our own count of points", Fault::status(503), "[delivery]\nhourly_points = 6"),
        ("our own count of a site's points", Fault::status(503), "[delivery]\nhourly_points_per_site = 6"),
    ]
}

#[tokio::test]
async fn what_was_noted_while_the_clock_was_ahead_holds_nothing_up_when_it_is_right_again() {
    for (what, fault, config) in holds() {
        let bridge = Setup::default().config(config).start().await;
        bridge.install().await;
        bridge.settle().await;
        bridge.clock.set(HOUR);
        bridge.pagerduty(&triggered("Q1")).await;
        bridge.settle().await;
        bridge.jira().fail_next(fault.on("POST", INCIDENTS));
        for n in 0..4 {
            bridge.advance(5);
            bridge.pagerduty(&triggered("Q1").titled(&format!("Ahead {n}"))).await;
            bridge.settle().await;
        }
        assert_eq!(bridge.delivery("pd:Q1").await.state, DeliveryState::Waiting, "{what} holds it up");
        let before = bridge.jira().submitted_versions(Kind::Incident, "pd:Q1");
        bridge.clock.set(-HOUR);
        bridge.jira().clear_faults();
        bridge.advance(1);
        // Only its text changes: this is not news, which would overtake a warning.
        bridge.pagerduty(&triggered("Q1").titled("Right again").at(bridge.clock.now() + HOUR)).await;
        bridge.settle().await;
        assert_eq!(bridge.jira().incident("pd:Q1").expect(what)["summary"], "Right again", "{what}");
        let after = bridge.jira().submitted_versions(Kind::Incident, "pd:Q1");
        assert!(after.is_sorted() && after.len() > before.len(), "{what}: {before:?} {after:?}");
        bridge.settle_after(5).await;
        let state = bridge.delivery("pd:Q1").await.state;
        // Nothing is read back with the last points.
        assert!(
            state == DeliveryState::Confirmed || state == DeliveryState::Accepted && !config.is_empty(),
            "{what}: {state}"
        );
        bridge.finish().await;
    }
}

/// Alertmanager gives no time for its changes: they are ordered by arrival.
#[tokio::test]
async fn news_of_a_tool_without_times_counts_after_the_clock_was_set_back() {
    let bridge = Bridge::installed().await;
    let post = async |status: &str| {
        let alert = serde_json::json!({
            "status": status, "labels": { "alertname": "Slow", "service": "checkout" },
            "annotations": { "summary": "Checkout is slow" }, "fingerprint": "a1b2",
            "startsAt": "2026-09-14T07:58:00Z", "endsAt": "2026-09-14T08:30:00Z",
            "generatorURL": "http://prometheus.example.com/graph",
        });
        let body = serde_json::json!({
            "version": "4", "groupKey": "{}:{alertname=\"Slow\"}", "truncatedAlerts": 0, "status": status,
            "receiver": "bridge", "groupLabels": { "alertname": "Slow" }, "commonLabels": {},
            "commonAnnotations": {}, "externalURL": "http://alertmanager.example.com", "alerts": [alert],
        });
        let sent =
            bridge.post_webhook("am", body.to_string(), &[("Authorization", "Bearer alertmanager-token")]);
        assert_eq!(sent.await.status, 202);
        bridge.settle().await;
        let incidents = bridge.jira().incidents();
        assert_eq!(incidents.len(), 1);
        incidents[0]["status"].as_str().expect("a status").to_owned()
    };
    bridge.clock.set(HOUR);
    assert_eq!(post("firing").await, "open");
    bridge.advance(60);
    bridge.clock.set(-HOUR);
    assert_eq!(post("resolved").await, "resolved");
    bridge.finish().await;
}

/// The tool's clock is ahead for a while; ours is right.
#[tokio::test]
async fn an_event_of_a_clock_that_is_ahead_holds_up_nothing_that_follows() {
    for postgres in [false, true] {
        let setup = Setup::default();
        let setup = if postgres { setup.store(fresh_postgres().await) } else { setup };
        let bridge = setup.start().await;
        bridge.install().await;
        bridge.pagerduty(&triggered("Q1").at(bridge.clock.now() + HOUR + HOUR)).await;
        bridge.settle().await;
        assert_eq!(bridge.jira().incident("pd:Q1").expect("it is there")["status"], "open");
        bridge.advance(1);
        bridge.pagerduty(&triggered("Q1").resolved()).await;
        bridge.settle().await;
        assert_eq!(bridge.jira().incident("pd:Q1").expect("it is there")["status"], "resolved");
        // And what is late stays late.
        bridge.pagerduty(&triggered("Q1").at(bridge.clock.now() - TimeDelta::seconds(1))).await;
        bridge.settle().await;
        assert_eq!(bridge.jira().incident("pd:Q1").expect("it is there")["status"], "resolved");
        bridge.finish().await;
    }
}

#[tokio::test]
async fn a_clock_that_is_set_winds_no_request_limit_down() {
    let bridge = Bridge::installed().await;
    for hours in [1, -1, -1, 1] {
        bridge.clock.set(TimeDelta::hours(hours));
        for n in 0..5 {
            let id = format!("Q{hours}x{n}");
            bridge.pagerduty(&triggered(&id)).await;
            bridge.settle().await;
            assert!(bridge.jira().incident(&format!("pd:{id}")).is_some(), "{id}");
        }
    }
    bridge.advance(3600);
    bridge.finish().await;
}

/// The schedule itself uses the machine's clock, so this test sees only that it is built again.
#[tokio::test]
async fn the_schedule_goes_on_after_the_clock_was_set_back() {
    let bridge = Setup::default().config("[sync]\nreconcile = \"* * * * * *\"").start().await;
    let schedule = bridge.task("schedule");
    let stop = CancellationToken::new();
    let running = tokio::spawn(bridge.runner(&stop).run(schedule));
    bridge.engine.signals().drift.notified().await;
    bridge.clock.set(-HOUR);
    let built_again = async || bridge.log.contains("the schedule starts again").then_some(());
    crate::harness::program::eventually("the schedule is built again", built_again).await;
    for _ in 0..2 {
        bridge.engine.signals().drift.notified().await;
    }
    stop.cancel();
    running.await.expect("no panic").expect("it is kept alive");
    bridge.clock.set(HOUR);
    bridge.finish().await;
}
