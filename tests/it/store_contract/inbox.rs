//! Webhooks and history: written once, used once, removed in time.

use chrono::TimeDelta;
use incident_bridge::domain::{EntityId, SourceId};
use incident_bridge::store::{
    InboxEntry, InboxState, Origin, QuarantinedRow, Recorded, Report, SourceScope, StoreError, TimelineEvent,
};

use super::{World, entry, incident, source};
use crate::harness::start_time;

pub async fn a_webhook_is_kept_once_however_often_it_comes(world: World) {
    let recorded = world.store.inbox().record(&[entry("a", None), entry("b", None), entry("a", None)]).await;
    assert_eq!(recorded.expect("it records"), [Recorded::New, Recorded::New, Recorded::Duplicate]);
    let again = world.store.inbox().record(&[entry("b", None)]).await.expect("it records");
    assert_eq!(again, [Recorded::Duplicate]);
    let thrice = [entry("a", None), entry("c", None), entry("a", None), entry("a", None)];
    let thrice = world.store.inbox().record(&thrice).await.expect("it records");
    assert_eq!(thrice, [Recorded::Duplicate, Recorded::New, Recorded::Duplicate, Recorded::Duplicate]);
    let rows = world.store.inbox().list_new(&source(), 10).await.expect("it lists");
    assert_eq!(
        rows.iter().map(|row| row.delivery_id.as_deref()).collect::<Vec<_>>(),
        [Some("a"), Some("b"), Some("c")]
    );
    for (row, repeated) in rows.iter().zip([4, 1, 0]) {
        let receipt = world.store.inbox().find_receipt(&row.id).await.expect("it looks").expect("a receipt");
        assert_eq!(receipt.duplicates, repeated, "{receipt:?}");
    }
    assert_eq!(rows[0].body, entry("a", None).body);
    assert_eq!(rows[0].received_at, start_time());
}

pub async fn a_body_is_read_as_it_arrived_however_it_is_kept(world: World) {
    let long = "{\"title\":\"Checkout is slow\"} ".repeat(1_000).into_bytes();
    let inbox = world.store.inbox();
    let entries = [
        InboxEntry { body: inbox.pack(&long), ..entry("packed", Some("no id")) },
        // As earlier releases kept it.
        InboxEntry { body: long.clone().into(), ..entry("plain", Some("no id")) },
    ];
    inbox.record(&entries).await.expect("it records");
    for row in inbox.list_quarantined(&source(), 10).await.expect("it lists") {
        assert_eq!(row.body.open().expect("readable"), long);
        assert_eq!(inbox.find_quarantined_body(&row.id).await.expect("it finds"), Some(long.clone()));
        inbox.discard(std::slice::from_ref(&row.id)).await.expect("it discards");
    }
    let kept = inbox.list_bodies_after(InboxState::Done, "").await.expect("it lists");
    assert_eq!(kept.iter().map(|it| &it.body).collect::<Vec<_>>(), [&long, &long]);
    let ids: Vec<String> = kept.into_iter().map(|it| it.id).collect();
    assert_eq!(inbox.erase_bodies(&ids).await.expect("it erases"), 2);
    let erased = inbox.list_bodies_after(InboxState::Done, "").await.expect("it lists");
    assert!(erased.iter().all(|it| it.body.is_empty()));
}

pub async fn a_webhook_is_done_in_the_transaction_of_its_effect(world: World) {
    world.store.inbox().record(&[entry("a", None)]).await.expect("it records");
    let row = world.store.inbox().list_new(&source(), 1).await.expect("it lists").remove(0);
    let (id, sites) = (source(), []);
    let scope = SourceScope { source: &id, teams: false, sites: &sites };
    let observations = [incident("Q1", "One", 0)];
    let origin = Origin::Webhook { inbox_id: &row.id, verified_by: &row.verified_by, note: None };
    let report = Report { observations: &observations, ..Report::new(origin) };
    world.store.apply(&scope, &[report]).await.expect("it applies");
    assert!(world.store.inbox().list_new(&source(), 1).await.expect("it lists").is_empty());
    let story = world.store.timeline().list_of(&EntityId::from_text("pd:Q1")).await.expect("it lists");
    assert_eq!(story.len(), 1);
    assert!(matches!(story[0].event, TimelineEvent::Stored { .. }), "{story:?}");
    assert_eq!(story[0].event.webhook(), Some(row.id.as_str()));
}

pub async fn a_webhook_that_is_done_is_not_applied_again(world: World) {
    world.store.inbox().record(&[entry("a", None)]).await.expect("it records");
    let row = world.store.inbox().list_new(&source(), 1).await.expect("it lists").remove(0);
    let (id, sites) = (source(), []);
    let scope = SourceScope { source: &id, teams: false, sites: &sites };
    let apply = async |summary: &str| {
        let observations = [incident("Q1", summary, 0)];
        let origin = Origin::Webhook { inbox_id: &row.id, verified_by: &row.verified_by, note: None };
        let report = Report { observations: &observations, ..Report::new(origin) };
        world.store.apply(&scope, &[report]).await
    };
    apply("One").await.expect("it is new");
    let fault = apply("Two").await.expect_err("it is done");
    assert!(matches!(fault, StoreError::Overtaken(_)) && !fault.blames_data(), "{fault}");
    let story = world.store.timeline().list_of(&EntityId::from_text("pd:Q1")).await.expect("it lists");
    assert_eq!(story.len(), 1, "nothing was written: {story:?}");
}

pub async fn a_quarantined_webhook_keeps_its_reason_until_it_is_replayed(world: World) {
    world.store.inbox().record(&[entry("a", Some("no id")), entry("b", None)]).await.expect("it records");
    let new = world.store.inbox().list_new(&source(), 10).await.expect("it lists");
    world.store.inbox().quarantine(&[(&new[0].id, "no url")]).await.expect("it quarantines");
    let kept = world.store.inbox().list_quarantined(&source(), 10).await.expect("it lists");
    assert_eq!(
        kept.iter().map(|row| row.note.as_deref()).collect::<Vec<_>>(),
        [Some("no id"), Some("no url")]
    );
    assert_eq!(world.store.inbox().replay(None).await.expect("it replays"), 2);
    assert_eq!(world.store.inbox().list_new(&source(), 10).await.expect("it lists").len(), 2);
}

pub async fn old_webhooks_and_history_are_removed_in_steps(world: World) {
    world.store.inbox().record(&[entry("done", None)]).await.expect("it records");
    let row = world.store.inbox().list_new(&source(), 1).await.expect("it lists").remove(0);
    let (id, sites) = (source(), []);
    let scope = SourceScope { source: &id, teams: false, sites: &sites };
    let observations = [incident("Q1", "One", 0), incident("Q2", "Two", 0), incident("Q3", "Three", 0)];
    let origin = Origin::Webhook { inbox_id: &row.id, verified_by: "x", note: None };
    let report = Report { observations: &observations, ..Report::new(origin) };
    world.store.apply(&scope, &[report]).await.expect("it applies");
    world
        .store
        .inbox()
        .record(&[entry("waiting", None), entry("aside", Some("no id"))])
        .await
        .expect("it records");
    let before = world.clock.now() + TimeDelta::seconds(1);
    assert_eq!(world.store.inbox().remove_old(world.clock.now(), 10).await.expect("it removes"), 0);
    assert_eq!(world.store.inbox().remove_old(before, 10).await.expect("it removes"), 1);
    assert_eq!(
        world.store.inbox().count().await.expect("it counts").iter().map(|row| row.count).sum::<i64>(),
        2
    );
    let steps = [2, 1, 0];
    for step in steps {
        assert_eq!(world.store.timeline().remove_old(before, 2).await.expect("it removes"), step);
    }
}

pub async fn a_receipt_says_how_often_a_webhook_came_until_it_is_removed(world: World) {
    let thrice = [entry("a", None), entry("b", None), entry("a", None), entry("a", None)];
    world.store.inbox().record(&thrice).await.expect("it records");
    let rows = world.store.inbox().list_new(&source(), 10).await.expect("it lists");
    for (row, duplicates) in rows.iter().zip([2, 0]) {
        let receipt =
            world.store.inbox().find_receipt(&row.id).await.expect("it looks").expect("it is there");
        assert_eq!((&receipt.id, &receipt.delivery_id), (&row.id, &row.delivery_id));
        assert_eq!((receipt.received_at, receipt.duplicates), (start_time(), duplicates));
        assert_eq!(receipt.verified_by, "webhook_secrets[0]");
    }
    assert!(world.store.inbox().find_receipt("another").await.expect("it looks").is_none());
}

pub async fn the_quarantine_is_searched_to_its_end_and_nothing_else_is(world: World) {
    // More than are held at once.
    let kept: Vec<_> = (0..250).map(|n| entry(&format!("k{n}"), Some("no id"))).collect();
    world.store.inbox().record(&kept).await.expect("it records");
    world.store.inbox().record(&[entry("good", None)]).await.expect("it records");
    let search = async |wanted: &str| {
        let meant = |row: &QuarantinedRow, body: &[u8]| {
            body == entry("k", None).body.open().expect("plain")
                && row.delivery_id.as_deref().is_some_and(|id| id.ends_with(wanted))
        };
        world.store.inbox().search_quarantine(meant).await.expect("it searches")
    };
    let found = search("9").await;
    assert_eq!(found.len(), 25);
    assert!(found.is_sorted_by(|a, b| a.id < b.id), "oldest first");
    assert_eq!(found[0].reason.as_deref(), Some("no id"));
    let body = world.store.inbox().find_quarantined_body(&found[0].id).await.expect("it finds");
    assert_eq!(body, Some(entry("k9", None).body.open().expect("plain")));
    assert!(search("good").await.is_empty());
    assert_eq!(search("").await.len(), 100, "whoever finds that many has seen enough");
}

pub async fn the_quarantine_is_bounded_in_rows_bytes_and_age(world: World) {
    let large = |key: &str| InboxEntry { body: vec![b'x'; 24 << 20].into(), ..entry(key, Some("no id")) };
    for key in ["first", "second", "third", "fourth"] {
        world.store.inbox().record(&[large(key)]).await.expect("it records");
    }
    let mut other = entry("another source's", Some("no id"));
    other.source = SourceId::parse("og").expect("valid");
    world.store.inbox().record(&[other]).await.expect("it records");
    let kept = async || {
        let rows = world.store.inbox().list_quarantine(20_000).await.expect("it lists");
        rows.into_iter().filter_map(|row| row.delivery_id).collect::<Vec<_>>()
    };
    assert_eq!(world.store.inbox().trim_quarantine().await.expect("it trims"), 1);
    assert_eq!(world.store.inbox().trim_quarantine().await.expect("it trims"), 0);
    assert_eq!(kept().await, ["second", "third", "fourth", "another source's"]);

    let many: Vec<_> = (0..10_007).map(|n| entry(&format!("k{n}"), Some("no id"))).collect();
    world.store.inbox().record(&many).await.expect("it records");
    while world.store.inbox().trim_quarantine().await.expect("it trims") > 0 {}
    let rows = kept().await;
    assert_eq!((rows.len(), rows[1].as_str()), (10_001, "k7"));

    let later = world.clock.now() + TimeDelta::seconds(1);
    let old = world.store.inbox().remove_old_quarantined(world.clock.now(), 20_000).await;
    assert_eq!(old.expect("it removes"), 0);
    let old = world.store.inbox().remove_old_quarantined(later, 20_000).await;
    assert_eq!(old.expect("it removes"), 10_001);
}

pub async fn a_panic_over_webhooks_writes_nothing_and_blames_them(world: World) {
    world.store.inbox().record(&[entry("a", None), entry("b", None)]).await.expect("it records");
    let id = source();
    let fault = world.store.claim_webhooks(&id, |mut claim| async move {
        let rows = claim.list_new(2).await?;
        claim.quarantine(&[(&rows[0].id, "half done")]).await?;
        Ok((claim, u8::try_from(rows.len() + 1_000).expect("a panic")))
    });
    let fault = fault.await.expect_err("it panics");
    assert!(fault.blames_data(), "they are tried one by one: {fault}");
    let again = world.store.claim_webhooks(&id, |mut claim| async move {
        let count = claim.list_new(2).await?.len();
        Ok((claim, count))
    });
    assert_eq!(again.await.expect("the claim is free"), Some(2));
}
