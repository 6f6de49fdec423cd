//! A database that an earlier version of the bridge has used: it opens, and the work continues where it
//! stopped.
//!
//! `tests/fixtures/before_rooms/README.md` says what was going on when that version stopped, at 10:30. Must
//! not know the schema: these tests stay valid when it changes.

use chrono::TimeDelta;
use incident_bridge::domain::{DeliveryState, EntityId};
use incident_bridge::simulator::EntityKind as Kind;
use incident_bridge::sync::PollOutcome;
use serde_json::json;
use wiremock::matchers::{path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::harness::pagerduty::{incident, triggered};
use crate::harness::{Bridge, Earlier, Setup, fresh_postgres, start_time};
use crate::poll::{page, start_pagerduty};
use crate::webhooks::{AM, alert, count_inbox};

const SOURCES: &str = include_str!("../fixtures/before_rooms/sources.toml");
const ALERT: &str = "am:am-2f6af3210932ee93c7b682d1ff46e7715400550e-1789372680";
const STORY_OF_Q1: [&str; 8] =
    ["stored", "accepted", "confirmed", "associated", "stored", "accepted", "confirmed", "confirmed"];
const DAY: i64 = 24 * 3600;
/// Until then, Jira has said, the first site must wait.
const SECONDS_TO_WAIT: i64 = 4 * 60;

#[derive(Clone, Copy)]
enum On {
    Sqlite,
    Postgres,
}

/// This version at 11:00, on the earlier one's database.
async fn start(on: On) -> Bridge {
    start_with(on, "http://pagerduty.example.com").await
}

async fn start_with(on: On, pagerduty: &str) -> Bridge {
    let sources = SOURCES.replace("{pagerduty}", pagerduty);
    let sources = sources.replace("{alertmanager}", "http://alertmanager.example.com");
    let setup = Setup::default().sites(3).sources(&sources).earlier(Earlier("before_rooms"));
    let setup = setup.at(start_time() + TimeDelta::hours(3));
    match on {
        On::Sqlite => setup.start().await,
        On::Postgres => setup.store(fresh_postgres().await).start().await,
    }
}

/// Lets it do everything that is due.
async fn catch_up(bridge: &Bridge) {
    for seconds in [0, SECONDS_TO_WAIT, 1, 5] {
        bridge.settle_after(seconds).await;
    }
}

fn versions(bridge: &Bridge, id: &str) -> Vec<i64> {
    bridge.jira().submitted_versions(Kind::Incident, id)
}

async fn what_waited_is_delivered_when_the_wait_is_over(on: On) {
    let bridge = start(on).await;
    bridge.settle().await;
    assert!(bridge.jira().incident("pd:Q3").is_none(), "Jira asked to wait");
    assert_eq!(bridge.delivery("pd:Q3").await.state, DeliveryState::Waiting);
    catch_up(&bridge).await;
    for (id, summary, status) in [
        ("pd:Q2", "Fifth", "resolved"),
        ("pd:Q3", "Incident Q3", "open"),
        ("pd:Q7", "Incident Q7", "open"),
        ("rt:r3", "Rootly r3", "open"),
    ] {
        let shown = bridge.jira().incident(id).expect("it arrived");
        assert_eq!((&shown["summary"], &shown["status"]), (&json!(summary), &json!(status)), "{id}");
    }
    // Of all changes to Q2 meanwhile, Jira gets the last.
    let sent = versions(&bridge, "pd:Q2");
    assert!(sent.len() == 2 && sent[0] < sent[1], "{sent:?}");
    assert_eq!(bridge.jira().stored_versions(Kind::Incident, "pd:Q2"), sent);
    assert!(bridge.jira().entity(Kind::Component, "pd:PNEW").is_some());
    assert!(bridge.jira().entity(Kind::Review, "rt:r3-review").is_some());
    for id in ["pd:Q2", "pd:Q3", "pd:Q7", "pd:PNEW", "rt:r3", "rt:r3-review"] {
        let row = bridge.delivery(id).await;
        assert_eq!((row.state.as_str(), row.confirmed), ("confirmed", row.wanted), "{id}");
    }
    bridge.finish().await;
}

async fn what_was_deleted_disappears(on: On) {
    let bridge = start(on).await;
    assert!(bridge.jira().entity(Kind::Component, "pd:PGONE").is_some());
    assert!(bridge.jira().incident("rt:r1").is_some());
    catch_up(&bridge).await;
    assert!(bridge.jira().entity(Kind::Component, "pd:PGONE").is_none());
    assert!(bridge.jira().incident("rt:r1").is_none());
    assert!(bridge.jira().entity(Kind::Review, "rt:r1-review").is_some());
    for id in ["pd:PGONE", "pd:POLD", "rt:r1", "rt:r2"] {
        assert_eq!(bridge.delivery(id).await.state, DeliveryState::Confirmed, "{id}");
    }
    bridge.finish().await;
}

async fn a_webhook_that_was_taken_has_its_effect_once(on: On) {
    let bridge = start(on).await;
    assert_eq!(count_inbox(&bridge, "new").await, 2);
    assert!(bridge.deliveries("pd:Q8").await.is_empty());
    catch_up(&bridge).await;
    assert!(bridge.jira().incident("pd:Q8").is_some());
    assert_eq!(bridge.events("pd:Q8").await, ["stored", "accepted", "confirmed"]);
    // PagerDuty received no answer and sends it again.
    bridge.pagerduty(&triggered("Q8").with_id("01NEW").titled("Not looked at")).await;
    assert_eq!((count_inbox(&bridge, "new").await, count_inbox(&bridge, "quarantined").await), (0, 1));
    bridge.settle_after(5).await;
    assert_eq!(versions(&bridge, "pd:Q8").len(), 1);
    bridge.finish().await;
}

async fn what_jira_has_is_not_sent_again(on: On) {
    let bridge = start(on).await;
    assert_eq!(bridge.delivery("pd:Q6").await.state, DeliveryState::Accepted);
    catch_up(&bridge).await;
    // The tool repeats itself.
    bridge.pagerduty(&triggered("Q1").resolved()).await;
    let firing = alert("firing", "2026-09-14T07:58:00Z").to_string();
    assert_eq!(bridge.post_webhook("am", firing, &[AM]).await.status, 202);
    bridge.settle_after(5).await;
    bridge.engine.run_nightly().await.expect("the store works");
    bridge.settle_after(5).await;
    for id in ["pd:Q1", "pd:Q6", "pd:QA", "pd:QB", "gen:9", ALERT] {
        assert_eq!(versions(&bridge, id).len(), 1, "{id}");
        let row = bridge.delivery_on(0, id).await;
        assert_eq!((row.state.as_str(), row.confirmed), ("confirmed", row.wanted), "{id}");
    }
    for id in ["pd:PCHECKOUT", "am:checkout", "gen:storage", "gen:unassigned", "pd:unassigned"] {
        assert_eq!(bridge.jira().submitted_versions(Kind::Component, id).len(), 1, "{id}");
    }
    assert_eq!(bridge.jira().submitted_versions(Kind::Review, "rt:r1-review").len(), 1);
    bridge.finish().await;
}

async fn a_refusal_keeps_its_reason_and_can_be_retried(on: On) {
    let bridge = start(on).await;
    catch_up(&bridge).await;
    for (id, state, reason) in
        [("pd:Q4", "refused", "this incident is not welcome"), ("pd:Q5", "discarded", "nor is this one")]
    {
        let row = bridge.delivery(id).await;
        assert_eq!((row.state.as_str(), row.reason.as_deref()), (state, Some(reason)));
        assert!(row.trace_id.is_some());
        assert_eq!(bridge.events(id).await, ["stored", "refused"]);
        assert!(versions(&bridge, id).is_empty());
    }
    let deliveries = bridge.engine.store().deliveries();
    assert_eq!(deliveries.retry(None).await.expect("the store works"), 1, "what was given up stays so");
    let given_up = EntityId::from_text("pd:Q5");
    let named = deliveries.retry(Some(std::slice::from_ref(&given_up))).await;
    assert_eq!(named.expect("the store works"), 1);
    bridge.settle().await;
    bridge.settle_after(1).await;
    for id in ["pd:Q4", "pd:Q5"] {
        assert_eq!(bridge.delivery(id).await.state, DeliveryState::Confirmed);
        assert_eq!(versions(&bridge, id).len(), 1);
    }
    bridge.finish().await;
}

async fn the_story_so_far_is_still_told(on: On) {
    let bridge = start(on).await;
    let before = bridge.events("pd:Q1").await;
    assert_eq!(before, STORY_OF_Q1);
    catch_up(&bridge).await;
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle_after(5).await;
    let after = bridge.events("pd:Q1").await;
    assert!(after.len() > before.len() && after.starts_with(&before), "{after:?}");
    let sent = versions(&bridge, "pd:Q1");
    assert!(sent.len() == 2 && sent[0] < sent[1], "{sent:?}");
    bridge.finish().await;
}

async fn sites_are_answered_under_their_old_secrets(on: On) {
    let bridge = start(on).await;
    let answer = bridge.jira().search_containers("checkout", None).await.expect("an answer");
    assert_eq!(answer.status, 200);
    let found = answer.body["containers"].as_array().expect("a list of containers");
    assert!(found.iter().any(|container| container["id"] == "pd:PCHECKOUT"), "{found:?}");
    let linked = ["am:account", "gen:account", "old:account", "pd:PTEAM", "pd:account", "rt:account"];
    assert!(bridge.jira().linked_workspaces().iter().eq(linked));
    let stored = bridge.jira().find_stored(Kind::Incident, "pd:QB").expect("it is there");
    assert_eq!(stored.properties["workspace"], "pd:PTEAM");
    assert_eq!(bridge.jira().disassociate("pd:Q1", "10001").await.expect("an answer").status, 200);
    assert!(bridge.events("pd:Q1").await.contains(&"disassociated".to_owned()));
    bridge.finish().await;
}

async fn a_disabled_site_waits_and_an_uninstalled_one_may_come_back(on: On) {
    let bridge = start(on).await;
    catch_up(&bridge).await;
    assert_eq!(bridge.delivery_on(2, "gen:8").await.state, DeliveryState::Waiting);
    assert_eq!(bridge.sites[1].request_count(), 0);
    bridge.sites[2].enable().await.expect("it is installed");
    bridge.settle_after(5).await;
    assert!(bridge.sites[2].incident("gen:8").is_some());
    assert_eq!(bridge.sites[2].submitted_versions(Kind::Incident, "gen:7").len(), 1);
    bridge.install_on(1).await;
    bridge.settle_after(5).await;
    assert_eq!(bridge.sites[1].incidents().len(), 3);
    bridge.finish().await;
}

async fn poll(bridge: &Bridge, source: &str) -> PollOutcome {
    let source = bridge.engine.registry().find(source).expect("it is configured").clone();
    let outcome = bridge.engine.inbound().poll(&source, |_, _| {}).await.expect("the store works");
    bridge.settle().await;
    outcome
}

/// A PagerDuty that has the rest of the first sync, and the incident that somebody wrote a note on.
async fn start_tool() -> MockServer {
    let server = start_pagerduty().await;
    let mut rest = incident("QC", "Incident QC", "triggered", "PCHECKOUT", start_time());
    rest["updated_at"] = "2026-09-14T08:00:00Z".into();
    let second = Mock::given(path("/incidents")).and(query_param("offset", "2"));
    second.respond_with(page(&[rest], false)).expect(1).mount(&server).await;
    let named = incident("Q9", "Somebody wrote a note", "triggered", "PCHECKOUT", start_time());
    let named = ResponseTemplate::new(200).set_body_json(json!({ "incident": named }));
    Mock::given(path("/incidents/Q9")).respond_with(named).expect(1).mount(&server).await;
    Mock::given(path("/incidents")).respond_with(page(&[], false)).with_priority(9).mount(&server).await;
    server
}

async fn polling_goes_on_where_it_stood(on: On) {
    let server = start_tool().await;
    let bridge = start_with(on, &server.uri()).await;
    catch_up(&bridge).await;
    assert_eq!(poll(&bridge, "pd").await.pages, 0, "PagerDuty asked to wait until 11:40");
    assert_eq!(server.received_requests().await.expect("it records").len(), 0);
    bridge.advance(3600);
    assert!(poll(&bridge, "pd").await.done);
    bridge.settle_after(60).await;
    let requests = server.received_requests().await.expect("it records");
    let first = requests.iter().find(|request| request.url.path() == "/incidents").expect("it asks");
    assert!(first.url.query().is_some_and(|query| query.contains("offset=2")), "{}", first.url);
    assert!(bridge.jira().incident("pd:QC").is_some());
    assert_eq!(bridge.jira().incident("pd:Q9").expect("it was fetched")["summary"], "Somebody wrote a note");
    assert_eq!(poll(&bridge, "am").await.pages, 0, "an operator has paused it");
    bridge.finish().await;
}

async fn an_alert_that_was_firing_is_resolved(on: On) {
    let bridge = start(on).await;
    catch_up(&bridge).await;
    let resolved = alert("resolved", "2026-09-14T07:58:00Z").to_string();
    assert_eq!(bridge.post_webhook("am", resolved, &[AM]).await.status, 202);
    bridge.settle_after(5).await;
    assert_eq!(bridge.jira().incident(ALERT).expect("it is there")["status"], "resolved");
    let of_am = |it: &&serde_json::Value| it["id"].as_str().is_some_and(|id| id.starts_with("am:"));
    assert_eq!(bridge.jira().incidents().iter().filter(of_am).count(), 1);
    bridge.finish().await;
}

async fn what_a_site_may_not_see_any_more_goes_when_its_grace_is_over(on: On) {
    let bridge = start(on).await;
    catch_up(&bridge).await;
    let nightly = async |seconds: i64| {
        bridge.advance(seconds);
        bridge.engine.run_nightly().await.expect("the store works");
        bridge.settle_after(5).await;
    };
    // It was noticed at 9:50.
    nightly(DAY - 2 * 3600).await;
    assert!(bridge.jira().incident("old:1").is_some());
    nightly(3600).await;
    assert!(bridge.jira().incident("old:1").is_none());
    assert!(!bridge.jira().linked_workspaces().contains("old:account"));
    bridge.finish().await;
}

/// Each story once per database.
macro_rules! stories {
    ($($story:ident)*) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $story() {
                super::$story(super::On::Sqlite).await;
            })*
        }
        mod postgres {
            $(#[tokio::test]
            async fn $story() {
                super::$story(super::On::Postgres).await;
            })*
        }
    };
}

stories! {
    what_waited_is_delivered_when_the_wait_is_over
    what_was_deleted_disappears
    a_webhook_that_was_taken_has_its_effect_once
    what_jira_has_is_not_sent_again
    a_refusal_keeps_its_reason_and_can_be_retried
    the_story_so_far_is_still_told
    sites_are_answered_under_their_old_secrets
    a_disabled_site_waits_and_an_uninstalled_one_may_come_back
    polling_goes_on_where_it_stood
    an_alert_that_was_firing_is_resolved
    what_a_site_may_not_see_any_more_goes_when_its_grace_is_over
}
