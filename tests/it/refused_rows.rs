//! Rows that the database refuses, whatever its reason: each is kept with the database's words, and the rows before
//! and after it, of its source and of others, go on.

use futures::future::join_all;
use incident_bridge::domain::{DeliveryState, SourceId};
use incident_bridge::store::InboxEntry;
use wiremock::Mock;
use wiremock::matchers::path;

use crate::harness::pagerduty::{incident, triggered};
use crate::harness::{Bridge, Setup, on_both_databases, start_time};
use crate::poll::{page, start_pagerduty};
use crate::webhooks::count_inbox;

const WORDS: &str = "not this one";
/// The incident that the database refuses, between healthy ones.
const BAD: &str = "QBAD";
const ALL: [&str; 5] = ["Q1", "Q2", BAD, "Q3", "Q4"];

async fn start(setup: Setup) -> Bridge {
    let bridge = setup.start().await;
    bridge.install().await;
    bridge.settle().await;
    bridge
}

async fn report_all(bridge: &Bridge) {
    for id in ALL {
        bridge.pagerduty(&triggered(id)).await;
    }
    bridge.tell_generic("7", "Of another source").await;
}

fn assert_healthy(bridge: &Bridge) {
    for id in ALL.iter().filter(|id| **id != BAD) {
        assert!(bridge.jira().incident(&format!("pd:{id}")).is_some(), "{id}");
    }
}

async fn reasons(bridge: &Bridge) -> Vec<String> {
    let rows = bridge.engine.operator().list_quarantine(10).await.expect("the store works");
    rows.into_iter().map(|row| row.reason.unwrap_or_default()).collect()
}

async fn a_webhook_whose_effect_is_refused_is_quarantined(setup: Setup) {
    let bridge = start(setup).await;
    bridge.refuse_rows("INSERT", "entities", "NEW.id = 'pd:QBAD'").await;
    report_all(&bridge).await;
    bridge.settle().await;
    assert_healthy(&bridge);
    assert!(bridge.jira().incident("gen:7").is_some());
    assert_eq!(count_inbox(&bridge, "new").await, 0);
    assert_eq!(reasons(&bridge).await, [format!("the database refuses what it says: {WORDS}")]);
    bridge.log.expect_error("what a webhook says cannot be stored");
    bridge.finish().await;
}

async fn a_webhook_that_cannot_be_stored_is_refused_alone(setup: Setup) {
    let bridge = start(setup).await;
    bridge.refuse_rows("INSERT", "inbox", "NEW.delivery_id = '01BAD'").await;
    let events: Vec<_> = (0..20)
        .map(|n| {
            triggered(&format!("Q{n}")).with_id(&if n == 7 { "01BAD".to_owned() } else { format!("01{n}") })
        })
        .collect();
    let answers = join_all(events.iter().map(|event| bridge.post_pagerduty(event))).await;
    for (n, answer) in answers.iter().enumerate() {
        assert_eq!(answer.status, if n == 7 { 400 } else { 202 }, "{n}: {answer:?}");
    }
    assert_eq!(answers[7].problem(), "not-storable");
    assert_eq!(count_inbox(&bridge, "new").await, 19);
    bridge.log.expect_error("the database refuses a webhook");
    bridge.finish().await;
}

async fn an_entry_of_a_page_is_skipped_and_the_cursor_moves_on(setup: Setup) {
    let server = start_pagerduty().await;
    let listed = ALL.map(|id| {
        let mut told = incident(id, "Listed", "triggered", "PCHECKOUT", start_time());
        told["updated_at"] = "2026-09-14T08:00:00Z".into();
        told
    });
    let once = Mock::given(path("/incidents")).respond_with(page(&listed, false)).up_to_n_times(1);
    once.with_priority(1).mount(&server).await;
    Mock::given(path("/incidents")).respond_with(page(&[], false)).with_priority(9).mount(&server).await;
    let source = format!(
        "[[sources]]\nid = \"pd\"\ntype = \"pagerduty\"\nwebhook_secrets = [\"pagerduty-signs-with-this\"]\n\
         api_token = \"rest-token\"\napi_url = \"{}\"\n",
        server.uri()
    );
    let bridge = start(setup.sources(&source)).await;
    bridge.refuse_rows("INSERT", "entities", "NEW.id = 'pd:QBAD'").await;
    let source = bridge.engine.registry().find("pd").expect("it is configured").clone();
    let outcome = bridge.engine.inbound().poll(&source, |_, _| {}).await.expect("the store works");
    assert!(outcome.done, "{outcome:?}");
    bridge.settle().await;
    bridge.settle_after(60).await;
    assert_healthy(&bridge);
    let cursor = bridge.engine.store().polls().find(source.id()).await.expect("the store works");
    assert!(cursor.is_some_and(|state| state.cursor.is_some() && state.caught_up && state.failures == 0));
    assert_eq!(reasons(&bridge).await, [format!("polled incident QBAD: the database refuses it: {WORDS}")]);
    bridge.log.expect_error("the database refuses an entry of a listing");
    bridge.engine.store().inbox().replay(None).await.expect("the store works");
    bridge.settle().await;
    assert!(reasons(&bridge).await[0].contains("sync --source pd --full"), "a replay says what helps");
    bridge.finish().await;
}

/// Everything is delivered but the one of which the database refuses to store what happened.
async fn keeps_the_delivery_as_refused(setup: Setup, event: &str) {
    let bridge = start(setup).await;
    let refused = format!("NEW.entity_id = 'pd:QBAD' AND NEW.event = '{event}'");
    bridge.refuse_rows("INSERT", "timeline", &refused).await;
    report_all(&bridge).await;
    bridge.settle().await;
    bridge.settle_after(5).await;
    for id in ALL {
        let row = bridge.delivery(&format!("pd:{id}")).await;
        if id == BAD {
            assert_eq!(row.state, DeliveryState::Refused, "{row:?}");
            assert!(row.reason.as_ref().is_some_and(|reason| reason.contains(WORDS)), "{row:?}");
        } else {
            assert_eq!(row.state, DeliveryState::Confirmed, "{row:?}");
        }
    }
    bridge.log.expect_error("the database refuses what happened to a delivery");
    bridge.finish().await;
}

async fn an_outcome_that_is_refused_keeps_its_delivery_alone(setup: Setup) {
    keeps_the_delivery_as_refused(setup, "accepted").await;
}

async fn a_read_back_that_is_refused_keeps_its_delivery_alone(setup: Setup) {
    keeps_the_delivery_as_refused(setup, "confirmed").await;
}

async fn content_that_cannot_be_read_keeps_its_delivery_alone(setup: Setup) {
    let mut bridge = start(setup).await;
    report_all(&bridge).await;
    bridge.engine.inbound().process_inbox().await.expect("the store works");
    bridge.execute("UPDATE entities SET content = '{' WHERE id IN ('pd:QBAD', 'pd:PCHECKOUT')").await;
    bridge.restart().await;
    bridge.settle().await;
    assert_healthy(&bridge);
    let row = bridge.delivery("pd:QBAD").await;
    assert_eq!(row.state, DeliveryState::Refused);
    assert!(row.reason.is_some_and(|reason| reason.contains("cannot be read")));
    while bridge.log.errors().iter().any(|line| line.contains("cannot be read")) {
        bridge.log.expect_error("cannot be read");
    }
    bridge.finish().await;
}

async fn a_removal_that_is_refused_keeps_no_other_from_its_turn(setup: Setup) {
    let mut bridge = start(setup).await;
    report_all(&bridge).await;
    bridge.settle_after(5).await;
    bridge.config.sources.retain(|source| source.id.as_str() == "am");
    bridge.restart().await;
    bridge.refuse_rows("DELETE", "removals", "OLD.source = 'gen'").await;
    let removed = bridge.engine.outbound().remove_due(true).await;
    assert!(removed.expect_err("one was refused").to_string().contains(WORDS));
    assert!(bridge.deliveries("pd:Q1").await.is_empty());
    assert_eq!(bridge.deliveries("gen:7").await.len(), 1);
    assert!(bridge.log.contains("the others go on"));
}

async fn a_link_that_is_refused_keeps_no_other_site_from_its_turn(setup: Setup) {
    let bridge = setup.sites(2).config("[connect]\nauto_link = true").start().await;
    let first = bridge.install_on(0).await;
    bridge.install_on(1).await;
    let refused = format!("NEW.destination = '{}'", first.client_key);
    bridge.refuse_rows("INSERT", "links", &refused).await;
    bridge.engine.directory().refresh().await.expect("the store works");
    assert!(bridge.engine.outbound().link_workspaces().await.is_err());
    assert_eq!(bridge.sites[1].linked_workspaces().len(), 3);
    assert_eq!(bridge.count("SELECT COUNT(*) FROM links").await, 3);
}

/// Two sources share a batch of 256.
async fn a_flood_of_one_source_delays_another_by_its_share_of_a_batch(setup: Setup) {
    let bridge = start(setup).await;
    let entry = |source: &str, id: String, body: String| InboxEntry {
        source: SourceId::parse(source).expect("valid"),
        delivery_key: id,
        delivery_id: None,
        received_at: start_time(),
        verified_by: "test".to_owned(),
        headers: "[]".to_owned(),
        body: body.into_bytes().into(),
        quarantine: None,
    };
    let noise = |n: usize| {
        let body = serde_json::json!({ "id": n, "title": "Noise", "state": "open", "link": "https://tool.example.com/",
            "opened": "2026-09-14T07:59:00Z", "changed": "2026-09-14T08:00:00Z" });
        entry("gen", n.to_string(), body.to_string())
    };
    let mut flood: Vec<_> = (0..1_000).map(noise).collect();
    flood.push(entry("pd", "quiet".to_owned(), triggered("Q1").body(&bridge.clock)));
    bridge.engine.store().inbox().record(&flood).await.expect("the store works");
    bridge.engine.inbound().process_inbox().await.expect("the store works");
    assert_eq!(count_inbox(&bridge, "new").await, 0);
    let before = bridge
        .count(
            "SELECT COUNT(*) FROM timeline WHERE event = 'stored' AND kind = 'incident' AND entity_id LIKE 'gen:%' \
             AND id < (SELECT MIN(id) FROM timeline WHERE entity_id = 'pd:Q1')",
        )
        .await;
    assert!(before <= 128, "{before} webhooks of the flood went first");
}

on_both_databases! {
    a_webhook_whose_effect_is_refused_is_quarantined
    a_webhook_that_cannot_be_stored_is_refused_alone
    an_entry_of_a_page_is_skipped_and_the_cursor_moves_on
    an_outcome_that_is_refused_keeps_its_delivery_alone
    a_read_back_that_is_refused_keeps_its_delivery_alone
    content_that_cannot_be_read_keeps_its_delivery_alone
    a_removal_that_is_refused_keeps_no_other_from_its_turn
    a_link_that_is_refused_keeps_no_other_site_from_its_turn
    a_flood_of_one_source_delays_another_by_its_share_of_a_batch
}
