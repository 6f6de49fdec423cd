//! How often a tool is polled: less and less while nothing is new, on its schedule as soon as something is,
//! and never twice at once.

use std::sync::Mutex;
use std::time::Duration;

use chrono::TimeDelta;
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, Request};

use crate::harness::pagerduty::{incident, triggered};
use crate::harness::{Bridge, Setup, fresh_postgres, start_time};
use crate::poll::{page, start_pagerduty};

/// Seconds from one instant of the schedule to the next.
const PAUSE: i64 = 300;
/// Pages of a first sync that takes four leases.
const PAGES: usize = 5;

fn pagerduty(server: &MockServer, more: &str) -> String {
    format!(
        "[[sources]]\nid = \"pd\"\ntype = \"pagerduty\"\nwebhook_secrets = [\"pagerduty-signs-with-this\"]\n\
         api_token = \"rest-token\"\napi_url = \"{}\"\n{more}\n",
        server.uri()
    )
}

/// A PagerDuty without incidents, and a bridge that has just polled it for the first time.
async fn start(more: &str) -> (MockServer, Bridge) {
    let server = start_pagerduty().await;
    Mock::given(path("/incidents")).respond_with(page(&[], false)).with_priority(9).mount(&server).await;
    let bridge = Setup::default().sources(&pagerduty(&server, more)).start().await;
    bridge.install().await;
    assert!(is_polled(&bridge).await, "the first poll waits for nothing");
    (server, bridge)
}

/// What the schedule does at this instant.
async fn is_polled(bridge: &Bridge) -> bool {
    let source = bridge.engine.registry().find("pd").expect("it is configured").clone();
    let polled = bridge.engine.inbound().poll_on_schedule(&source).await.expect("the store works");
    bridge.settle().await;
    polled.is_some_and(|outcome| outcome.done)
}

/// At which of the next instants of the schedule the tool is polled, counted from 1.
async fn polled_at(bridge: &Bridge, instants: usize) -> Vec<usize> {
    let mut polled = Vec::new();
    for n in 1..=instants {
        bridge.advance(PAUSE);
        if is_polled(bridge).await {
            polled.push(n);
        }
    }
    polled
}

async fn hear(bridge: &Bridge, incident: &str) {
    bridge.pagerduty(&triggered(incident)).await;
    bridge.settle().await;
}

/// A source that has been quiet for so long that it is polled as rarely as possible.
async fn start_quiet(more: &str) -> (MockServer, Bridge) {
    let (server, bridge) = start(more).await;
    hear(&bridge, "Q1").await;
    assert_eq!(polled_at(&bridge, 11).await, [1, 2, 4, 7, 11]);
    (server, bridge)
}

#[tokio::test]
async fn while_nothing_is_new_the_pause_grows_to_its_bound_and_no_further() {
    let (_server, bridge) = start_quiet("").await;
    assert_eq!(polled_at(&bridge, 12).await, [4, 8, 12]);
    bridge.finish().await;
}

#[tokio::test]
async fn the_bound_is_the_operators() {
    let (_server, bridge) = start("poll_slowdown = 2").await;
    hear(&bridge, "Q1").await;
    assert_eq!(polled_at(&bridge, 8).await, [1, 2, 4, 6, 8]);
    let (_server, never) = start("poll_slowdown = 1").await;
    hear(&never, "Q1").await;
    assert_eq!(polled_at(&never, 6).await, [1, 2, 3, 4, 5, 6]);
    never.finish().await;
    bridge.finish().await;
}

#[tokio::test]
async fn a_source_that_sends_no_webhooks_keeps_its_schedule() {
    let (_server, bridge) = start("").await;
    assert_eq!(polled_at(&bridge, 8).await, [1, 2, 3, 4, 5, 6, 7, 8]);
    bridge.finish().await;
}

#[tokio::test]
async fn a_webhook_a_change_and_a_sync_each_bring_the_schedule_back_at_once() {
    let (server, bridge) = start_quiet("").await;
    bridge.advance(PAUSE);
    hear(&bridge, "Q2").await;
    assert_eq!(polled_at(&bridge, 7).await, [1, 2, 4, 7], "after a webhook");

    let mut found = incident("Q3", "Nobody told", "triggered", "PCHECKOUT", start_time());
    found["updated_at"] = "2026-09-14T08:00:00Z".into();
    let once = Mock::given(path("/incidents")).respond_with(page(&[found], false)).up_to_n_times(1);
    once.with_priority(1).mount(&server).await;
    assert_eq!(polled_at(&bridge, 11).await, [4, 5, 6, 8, 11], "after a change that a poll found");
    assert!(bridge.jira().incident("pd:Q3").is_some());

    bridge.advance(PAUSE);
    let source = bridge.engine.registry().find("pd").expect("it is configured").clone();
    assert!(bridge.engine.inbound().poll(&source, |_, _| {}).await.expect("the store works").done);
    assert_eq!(polled_at(&bridge, 4).await, [1, 2, 4], "after a sync");
    bridge.finish().await;
}

#[tokio::test]
async fn the_wait_survives_a_restart_and_not_a_clock_that_is_set_back() {
    let (_server, mut bridge) = start_quiet("").await;
    bridge.restart().await;
    assert_eq!(polled_at(&bridge, 4).await, [4]);
    bridge.advance(-3600);
    assert!(is_polled(&bridge).await);
    bridge.finish().await;
}

#[tokio::test]
async fn a_source_is_never_polled_twice_at_once_by_one_process() {
    let (server, bridge) = start("").await;
    bridge.advance(PAUSE);
    let before = count(&server, "/incidents").await;
    let source = bridge.engine.registry().find("pd").expect("it is configured").clone();
    let (by_hand, scheduled) = tokio::join!(
        bridge.engine.inbound().poll(&source, |_, _| {}),
        bridge.engine.inbound().poll_on_schedule(&source)
    );
    let (by_hand, scheduled) =
        (by_hand.expect("it works"), scheduled.expect("it works").expect("it was due"));
    assert!(by_hand.done != scheduled.done, "{by_hand:?} {scheduled:?}");
    assert_eq!(by_hand.pages.min(scheduled.pages), 0, "{by_hand:?} {scheduled:?}");
    let both = count(&server, "/incidents").await - before;
    bridge.advance(PAUSE);
    assert!(is_polled(&bridge).await);
    assert_eq!(
        count(&server, "/incidents").await - before,
        2 * both,
        "as many requests as one poll alone makes"
    );
    bridge.finish().await;
}

/// A first sync of many pages, each of which takes longer than a lease: it is renewed before the next one is asked for,
/// or the other process would take the source over in the middle.
#[tokio::test]
async fn a_poll_that_takes_longer_than_its_lease_keeps_the_source() {
    let server = start_pagerduty().await;
    let bridge =
        Setup::default().store(fresh_postgres().await).sources(&pagerduty(&server, "")).start().await;
    bridge.install().await;
    let clock = bridge.clock.clone();
    // Each page waits until another process has tried to take the source; then the lease ends.
    let (asked, mut asks) = tokio::sync::mpsc::unbounded_channel();
    let (go_on, waits) = std::sync::mpsc::channel();
    let state = Mutex::new((0, waits));
    let slow = Mock::given(path("/incidents")).respond_with(move |request: &Request| {
        let mut state = state.lock().expect("no page panicked");
        clock.advance(TimeDelta::minutes(4));
        asked.send(()).expect("the test is listening");
        state.1.recv().expect("the test answers each page");
        state.0 += 1;
        let offset = request.url.query_pairs().find(|(key, _)| key == "offset");
        let offset: usize = offset.and_then(|(_, value)| value.parse().ok()).unwrap_or_default();
        let id = format!("Q{offset}");
        page(&[incident(&id, "Long ago", "resolved", "PCHECKOUT", start_time())], state.0 <= PAGES)
    });
    slow.mount(&server).await;
    let engine = bridge.engine.clone();
    let source = engine.registry().find("pd").expect("it is configured").clone();
    let (mut claims, mut taken) = (0, 0);
    let claiming = async {
        while asks.recv().await.is_some() {
            let lease = engine.store().leases().claim("poll/pd", Duration::from_mins(5)).await;
            claims += 1;
            taken += usize::from(lease.expect("the store works").is_some());
            bridge.execute("UPDATE leases SET until = 1").await;
            go_on.send(()).expect("the page waits");
        }
    };
    let outcome = tokio::select! {
        outcome = engine.inbound().poll(&source, |_, _| {}) => outcome.expect("the store works"),
        () = claiming => unreachable!("the server lives longer than the poll"),
    };
    assert!(outcome.done && outcome.pages > PAGES && claims > PAGES, "{outcome:?}, {claims} claims");
    assert_eq!(taken, 0);
    bridge.finish().await;
}

async fn count(server: &MockServer, path: &str) -> usize {
    let requests = server.received_requests().await.expect("it records");
    requests.iter().filter(|request| request.url.path() == path).count()
}

#[tokio::test]
async fn each_source_has_its_own_delay_behind_its_schedule() {
    let table = |id: &str, poll: &str| {
        format!("[[sources]]\nid = \"{id}\"\ntype = \"pagerduty\"\napi_token = \"x\"\npoll = \"{poll}\"\n")
    };
    let ids = ["a", "b", "c", "d"];
    let tables = ids.map(|id| table(id, "0 */5 * * * *")).join("") + &table("quick", "*/2 * * * * *");
    let mut bridge = Setup::default().sources(&(tables + &table("office", "0 */5 8-17 * * *"))).start().await;
    let delay = |bridge: &Bridge, id: &str| {
        bridge.engine.inbound().poll_delay(&bridge.engine.registry().find(id).expect("it is configured"))
    };
    let delays = ids.map(|id| delay(&bridge, id));
    assert!(delays.iter().all(|delay| *delay < Duration::from_secs(270)), "{delays:?}");
    let different: std::collections::BTreeSet<_> = delays.iter().collect();
    assert_eq!(different.len(), ids.len(), "{delays:?}");
    assert!(delay(&bridge, "quick") < Duration::from_secs(2));
    bridge.restart().await;
    assert_eq!(ids.map(|id| delay(&bridge, id)), delays, "the same after a restart");
    let by_day = delay(&bridge, "office");
    // From the last instant of this day to the first of the next it is a long pause.
    bridge.advance(9 * 3600 + 3300);
    assert_eq!((delay(&bridge, "office"), by_day < Duration::from_secs(270)), (by_day, true));
}
