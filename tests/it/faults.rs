//! What the bridge does when Jira refuses, fails or is slow.

use std::time::Duration;

use futures::FutureExt as _;
use incident_bridge::domain::{DeliveryState, DestinationId};
use incident_bridge::simulator::{EntityKind as Kind, Fault};

use crate::harness::pagerduty::triggered;
use crate::harness::{Bridge, Setup};

const INCIDENTS: &str = "/rest/operations/1.0/bulk";

async fn parked(bridge: &Bridge) -> Option<String> {
    let rows = bridge.engine.store().sites().list_installations().await.expect("the store works");
    rows.into_iter().find_map(|row| row.parked)
}

#[tokio::test]
async fn one_refused_entity_does_not_stop_the_others_and_keeps_its_reason() {
    let bridge = Bridge::installed().await;
    bridge.jira().refuse("pd:Q2", "the summary offends somebody");
    for id in ["Q1", "Q2", "Q3"] {
        bridge.pagerduty(&triggered(id)).await;
    }
    bridge.settle().await;
    assert!(bridge.jira().incident("pd:Q1").is_some() && bridge.jira().incident("pd:Q3").is_some());
    let row = bridge.delivery("pd:Q2").await;
    assert_eq!(row.state, DeliveryState::Refused);
    assert!(row.reason.as_ref().is_some_and(|reason| reason.contains("offends somebody")), "{row:?}");
    assert!(row.trace_id.is_some(), "{row:?}");
    assert!(bridge.events("pd:Q2").await.contains(&"refused".to_owned()));

    // It stays refused until it changes, or until somebody retries it.
    let requests = bridge.jira().request_count();
    bridge.settle().await;
    assert_eq!(bridge.jira().request_count(), requests);
    bridge.jira().allow("pd:Q2");
    bridge.advance(1);
    bridge.pagerduty(&triggered("Q2").titled("Better words")).await;
    bridge.settle().await;
    assert_eq!(bridge.jira().incident("pd:Q2").expect("it arrived")["summary"], "Better words");
    bridge.finish().await;
}

#[tokio::test]
async fn a_429_is_honoured_even_by_the_next_process() {
    let mut bridge = Bridge::installed().await;
    bridge.jira().fail_next(Fault::rate_limited("jira-burst-based", Some(90)).on("POST", INCIDENTS));
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle().await;
    let requests = bridge.jira().request_count();
    bridge.restart().await;
    bridge.settle().await;
    bridge.settle_after(89).await;
    assert_eq!(bridge.jira().request_count(), requests, "not a single request before its time");
    bridge.settle_after(1).await;
    assert!(bridge.jira().incident("pd:Q1").is_some());
    bridge.finish().await;
}

#[tokio::test]
async fn a_used_up_quota_of_the_app_holds_all_sites() {
    let bridge = Setup::default().sites(2).start().await;
    for site in 0..2 {
        bridge.install_on(site).await;
    }
    bridge.settle().await;
    for site in &bridge.sites {
        site.fail_next(Fault::rate_limited("jira-quota-global-based", Some(7)).on("POST", INCIDENTS));
    }
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle().await;
    assert_eq!(bridge.sites.iter().map(|site| site.waiting_faults()).sum::<usize>(), 1, "one site was asked");
    for site in &bridge.sites {
        site.clear_faults();
    }
    bridge.settle_after(59 * 60).await;
    assert!(bridge.sites.iter().all(|site| site.incident("pd:Q1").is_none()));
    bridge.settle_after(60).await;
    assert!(bridge.sites.iter().all(|site| site.incident("pd:Q1").is_some()));
    bridge.finish().await;
}

#[tokio::test]
async fn a_used_up_quota_of_the_app_is_not_ended_by_an_answer_to_another_site() {
    let bridge = Setup::default().sites(2).start().await;
    let mut keys = Vec::new();
    for site in 0..2 {
        keys.push(DestinationId(bridge.install_on(site).await.client_key));
    }
    bridge.settle().await;
    bridge.pagerduty(&triggered("Q0")).await;
    bridge.settle().await;
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.engine.inbound().process_inbox().await.expect("the store works");
    // The answer for one site is in flight when the other learns that the quota is used up.
    bridge.sites[0].fail_next(Fault::late(Duration::from_millis(700)).on("POST", INCIDENTS));
    bridge.sites[1].fail_next(Fault::rate_limited("jira-quota-global-based", None).on("POST", INCIDENTS));
    let (slow, refused) = tokio::join!(bridge.serve(&keys[0]), bridge.serve(&keys[1]));
    assert!(slow.expect("the store works") && refused.expect("the store works"));
    assert!(bridge.sites[0].incident("pd:Q1").is_some());
    bridge.pagerduty(&triggered("Q2")).await;
    let requests = || bridge.sites.iter().map(|site| site.request_count()).sum::<u64>();
    let before = requests();
    bridge.settle_after(59 * 60).await;
    assert_eq!(requests(), before, "no site is asked before the quota is renewed");
    bridge.settle_after(60).await;
    assert!(bridge.sites.iter().all(|site| site.incident("pd:Q2").is_some()));
    bridge.finish().await;
}

#[tokio::test]
async fn a_used_up_quota_of_the_app_leaves_a_parked_site_its_reason() {
    let bridge = Setup::default().sites(2).start().await;
    for site in 0..2 {
        bridge.install_on(site).await;
    }
    bridge.settle().await;
    bridge.sites[0].fail_next(Fault::status(403).on("POST", INCIDENTS));
    bridge.sites[1].fail_next(Fault::status(503).on("POST", INCIDENTS));
    bridge.sites[1].fail_next(Fault::rate_limited("jira-quota-global-based", Some(60)).on("POST", INCIDENTS));
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle().await;
    bridge.settle_after(60).await;
    bridge.log.expect_error("lacks the operations module");
    let why = parked(&bridge).await.expect("it is still parked");
    assert!(why.contains("lacks the operations module"), "{why}");
    bridge.settle_after(3600).await;
    assert!(bridge.sites.iter().all(|site| site.incident("pd:Q1").is_some()));
    assert_eq!(parked(&bridge).await, None);
    bridge.finish().await;
}

#[tokio::test]
async fn an_answer_to_an_older_version_after_that_to_a_newer_one_turns_nothing_back() {
    let bridge = Bridge::installed().await;
    bridge.pagerduty(&triggered("Q1").titled("First")).await;
    bridge.settle().await;
    bridge.advance(1);
    bridge.pagerduty(&triggered("Q1").titled("Second")).await;
    bridge.engine.inbound().process_inbox().await.expect("the store works");
    let key = DestinationId(bridge.jira().find_installation().expect("it is installed").client_key);
    bridge.jira().fail_next(Fault::late(Duration::from_millis(700)).on("POST", INCIDENTS));
    // Two tasks serve the site, as when a lease has ended before its holder did.
    let newer = async {
        crate::harness::program::eventually("the older one is at Jira", async || {
            (bridge.jira().waiting_faults() == 0).then_some(())
        })
        .await;
        bridge.advance(1);
        bridge.pagerduty(&triggered("Q1").titled("Third")).await;
        bridge.engine.inbound().process_inbox().await.expect("the store works");
        bridge.serve(&key).await.expect("the store works");
        assert_eq!(bridge.jira().incident("pd:Q1").expect("it is there")["summary"], "Third");
    };
    let (older, ()) = tokio::join!(bridge.serve(&key), newer);
    older.expect("the store works");
    bridge.settle().await;
    bridge.settle_after(5).await;
    assert_eq!(bridge.jira().incident("pd:Q1").expect("it is there")["summary"], "Third");
    let versions = bridge.jira().submitted_versions(Kind::Incident, "pd:Q1");
    assert!(versions.is_sorted(), "{versions:?}");
    assert_eq!(bridge.delivery("pd:Q1").await.state, DeliveryState::Confirmed);
    bridge.finish().await;
}

#[tokio::test]
async fn a_401_parks_the_site_with_a_reason_and_a_reinstall_heals_it() {
    let bridge = Bridge::installed().await;
    // The site has a new secret that the bridge does not know.
    bridge.jira().uninstall_silently();
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle().await;
    assert_eq!(parked(&bridge).await, None, "once may be a secret that is on its way to us");
    bridge.settle_after(10).await;
    bridge.log.expect_error("install the app again on the site");
    assert!(parked(&bridge).await.is_some_and(|why| why.contains("install the app again")));
    let requests = bridge.jira().request_count();
    bridge.settle_after(60).await;
    assert_eq!(bridge.jira().request_count(), requests, "a parked site is left alone");
    bridge.install().await;
    assert_eq!(parked(&bridge).await, None);
    bridge.settle().await;
    assert!(bridge.jira().incident("pd:Q1").is_some());
    bridge.finish().await;
}

/// A bridge whose site refuses it, with an incident that waits.
async fn start_parked() -> Bridge {
    let bridge = Bridge::installed().await;
    bridge.jira().fail_next(Fault::status(403).on("POST", INCIDENTS));
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle().await;
    bridge.log.expect_error("lacks the operations module");
    bridge.settle_after(60).await;
    assert!(parked(&bridge).await.is_some() && bridge.jira().incident("pd:Q1").is_none());
    bridge
}

#[tokio::test]
async fn a_parked_site_is_tried_every_five_minutes() {
    let bridge = start_parked().await;
    bridge.settle_after(239).await;
    assert!(bridge.jira().incident("pd:Q1").is_none());
    bridge.settle_after(1).await;
    assert!(bridge.jira().incident("pd:Q1").is_some());
    assert_eq!(parked(&bridge).await, None);
    bridge.finish().await;
}

#[tokio::test]
async fn a_parked_site_is_tried_at_once_when_it_calls() {
    for lifecycle in [false, true] {
        let bridge = start_parked().await;
        if lifecycle {
            bridge.jira().disable().await.expect("the bridge answers");
            bridge.jira().enable().await.expect("the bridge answers");
        } else {
            bridge.jira().search_containers("", None).await.expect("the bridge answers");
        }
        let calls = bridge.task("calls");
        calls.signal().await;
        calls.run().await.expect("the store works");
        bridge.settle().await;
        assert!(bridge.jira().incident("pd:Q1").is_some(), "lifecycle: {lifecycle}");
        bridge.finish().await;
    }
}

#[tokio::test]
async fn a_call_of_a_site_shortens_no_wait_that_it_asked_for() {
    let bridge = Bridge::installed().await;
    bridge.jira().fail_next(Fault::rate_limited("jira-burst-based", Some(600)).on("POST", INCIDENTS));
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle().await;
    bridge.jira().search_containers("", None).await.expect("the bridge answers");
    bridge.task("calls").run().await.expect("the store works");
    bridge.settle_after(599).await;
    assert!(bridge.jira().incident("pd:Q1").is_none());
    bridge.settle_after(1).await;
    assert!(bridge.jira().incident("pd:Q1").is_some());
    bridge.finish().await;
}

#[tokio::test]
async fn news_that_arrives_while_a_site_rests_is_sent_though_the_interval_ends_its_lingering() {
    let bridge = Bridge::installed().await;
    let deliver = bridge.task("deliver");
    let serve = async || {
        deliver.run().await.expect("the store works");
        deliver.finish().await;
    };
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle().await;
    // Reading back must pause, so there is nothing to do for the site, and it rests.
    bridge.jira().fail_next(Fault::rate_limited("jira-burst-based", Some(60)).on("GET", "/rest/operations"));
    bridge.advance(1);
    serve().await;
    assert_eq!(bridge.jira().waiting_faults(), 0, "it was read back");
    bridge.pagerduty(&triggered("Q2")).await;
    bridge.engine.inbound().process_inbox().await.expect("the store works");
    assert!(deliver.signal().now_or_never().is_none(), "it lingers");
    serve().await;
    assert!(bridge.jira().incident("pd:Q2").is_some());
    bridge.advance(60);
    bridge.finish().await;
}

#[tokio::test]
async fn a_renamed_site_is_not_followed_and_the_operator_is_told() {
    let bridge = Bridge::installed().await;
    bridge.jira().fail_next(
        Fault::renamed_to("https://new.atlassian.net/rest/operations/1.0/bulk").on("POST", INCIDENTS),
    );
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle().await;
    bridge.log.expect_error("new.atlassian.net");
    assert!(parked(&bridge).await.is_some_and(|why| why.contains("new.atlassian.net")));
    bridge.settle_after(15 * 60).await;
    assert!(bridge.jira().incident("pd:Q1").is_some(), "it is tried again all the same");
    assert_eq!(parked(&bridge).await, None);
    bridge.finish().await;
}

#[tokio::test]
async fn a_request_that_is_too_large_is_split() {
    let bridge = Bridge::installed().await;
    bridge.jira().fail_next(Fault::status(413).on("POST", INCIDENTS).times(3));
    for n in 0..8 {
        bridge.pagerduty(&triggered(&format!("Q{n}"))).await;
    }
    bridge.settle().await;
    assert_eq!(bridge.jira().count(Kind::Incident), 8);
    let sizes: Vec<usize> = bridge
        .jira()
        .requests()
        .iter()
        .filter(|request| request.path == INCIDENTS && request.status == 202)
        .map(|request| request.entities)
        .collect();
    assert_eq!(sizes.iter().sum::<usize>(), 8);
    assert!(sizes.len() >= 3, "{sizes:?}");
    bridge.finish().await;
}

#[tokio::test]
async fn a_single_entity_that_is_too_large_is_refused_with_its_reason() {
    let bridge = Bridge::installed().await;
    bridge.jira().fail_next(Fault::status(413).on("POST", INCIDENTS));
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle().await;
    let row = bridge.delivery("pd:Q1").await;
    assert_eq!(row.state, DeliveryState::Refused);
    assert!(row.reason.is_some_and(|reason| reason.contains("413")));
    bridge.finish().await;
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_repeated_without_harm() {
    let bridge = Bridge::installed().await;
    bridge.jira().fail_next(Fault::truncated().on("POST", INCIDENTS));
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle().await;
    assert_eq!(bridge.delivery("pd:Q1").await.state, DeliveryState::Waiting);
    bridge.jira().fail_next(Fault::dropped().on("POST", INCIDENTS));
    bridge.settle_after(600).await;
    bridge.jira().fail_next(Fault::html().on("POST", INCIDENTS));
    bridge.settle_after(600).await;
    bridge.settle_after(600).await;
    bridge.settle_after(1).await;
    assert_eq!(bridge.delivery("pd:Q1").await.state, DeliveryState::Confirmed);
    assert_eq!(bridge.jira().stored_versions(Kind::Incident, "pd:Q1").len(), 1, "the same version each time");
    bridge.finish().await;
}

#[tokio::test]
async fn a_limit_on_reading_holds_up_no_write() {
    let bridge = Bridge::installed().await;
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle().await;
    bridge.jira().fail_next(Fault::rate_limited("jira-burst-based", Some(60)).on("GET", "/rest/operations"));
    bridge.settle_after(1).await;
    assert_eq!(bridge.jira().waiting_faults(), 0, "it was read back");
    bridge.pagerduty(&triggered("Q2")).await;
    bridge.settle().await;
    assert!(bridge.jira().incident("pd:Q2").is_some());
    bridge.settle_after(58).await;
    assert_eq!(
        bridge.delivery("pd:Q1").await.state,
        DeliveryState::Accepted,
        "reading waits as long as Jira said"
    );
    bridge.settle_after(2).await;
    assert_eq!(bridge.delivery("pd:Q1").await.state, DeliveryState::Confirmed);
    bridge.finish().await;
}

#[tokio::test]
async fn random_refusals_lose_nothing() {
    let bridge = Bridge::installed().await;
    bridge.jira().set_rate_limit_share(0.5);
    for n in 0..30 {
        bridge.pagerduty(&triggered(&format!("Q{n}"))).await;
        bridge.settle_after(3).await;
    }
    bridge.jira().clear_faults();
    bridge.settle_after(120).await;
    assert_eq!(bridge.jira().count(Kind::Incident), 30);
    for _ in 0..3 {
        bridge.settle_after(120).await;
    }
    for n in 0..30 {
        assert_eq!(bridge.delivery(&format!("pd:Q{n}")).await.state, DeliveryState::Confirmed, "Q{n}");
    }
    bridge.finish().await;
}

#[tokio::test]
async fn an_answer_to_the_secret_before_a_reinstall_says_nothing_of_the_site() {
    let bridge = Bridge::installed().await;
    // The component is in Jira already, so that only the slow request is in flight.
    bridge.pagerduty(&triggered("Q0")).await;
    bridge.settle().await;
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.engine.inbound().process_inbox().await.expect("the store works");
    let slow = std::time::Duration::from_millis(400);
    bridge.jira().fail_next(Fault::slow(slow).on("POST", INCIDENTS));
    let site = bridge.jira().find_installation().expect("it is installed");
    let key = incident_bridge::domain::DestinationId(site.client_key);
    // The request is in flight when the site gets its new secret, so it is refused.
    bridge.advance(1);
    let (served, _) = tokio::join!(bridge.serve(&key), bridge.install());
    served.expect("the store works");
    assert_eq!(parked(&bridge).await, None);
    bridge.settle().await;
    assert!(bridge.jira().incident("pd:Q1").is_some());
    bridge.finish().await;
}
