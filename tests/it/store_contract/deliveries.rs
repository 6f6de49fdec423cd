//! What each site should hold, and what it has acknowledged.

use chrono::TimeDelta;
use incident_bridge::clock::from_millis;
use incident_bridge::domain::{DeliveryState, EntityId, EntityKind, Observation, Verdict};
use incident_bridge::store::{Backoff, Pace, ReadbackResult};

use super::first_sync::poll;
use super::{World, component, incident, outcome, rules, since_start, source};
use crate::harness::start_time;

pub async fn a_delivery_goes_from_waiting_to_confirmed(world: World) {
    let site = world.install("key", "a secret of enough bytes").await;
    world.apply(&[incident("Q1", "One", 0)]).await;
    assert_eq!(world.list_with_work().await, std::slice::from_ref(&site));
    assert_eq!(world.state_of("pd:Q1").await, DeliveryState::Waiting);
    assert_eq!(world.deliver(&site, true).await, ["pd:Q1"]);
    assert_eq!(world.state_of("pd:Q1").await, DeliveryState::Accepted);
    let due = world.store.deliveries().list_readbacks(&site, 10).await.expect("it lists");
    assert_eq!((due.len(), due[0].deleted, due[0].attempts), (1, false, 0));
    let later = world.clock.now() + TimeDelta::seconds(4);
    world
        .store
        .deliveries()
        .record_readbacks(&site, &[(due[0].clone(), ReadbackResult::Later(later))])
        .await
        .expect("it records");
    assert!(world.list_with_work().await.is_empty());
    world.clock.advance(TimeDelta::seconds(4));
    let due = world.store.deliveries().list_readbacks(&site, 10).await.expect("it lists");
    assert_eq!(due[0].attempts, 1);
    world
        .store
        .deliveries()
        .record_readbacks(&site, &[(due[0].clone(), ReadbackResult::Confirmed)])
        .await
        .expect("it records");
    assert_eq!(world.state_of("pd:Q1").await, DeliveryState::Confirmed);
    assert!(world.list_with_work().await.is_empty());
    assert_eq!(world.store.deliveries().recheck_confirmed(&site, 10).await.expect("it marks"), 1);
    let again = world.store.deliveries().list_readbacks(&site, 10).await.expect("it lists");
    let lost = ReadbackResult::SendAgain { reason: "lost".to_owned() };
    world.store.deliveries().record_readbacks(&site, &[(again[0].clone(), lost)]).await.expect("it records");
    assert_eq!(world.state_of("pd:Q1").await, DeliveryState::Waiting);
}

pub async fn a_change_on_the_way_keeps_its_delivery_waiting(world: World) {
    let site = world.install("key", "a secret of enough bytes").await;
    world.apply(&[incident("Q1", "One", 0)]).await;
    let batch = world
        .store
        .deliveries()
        .find_next_batch(&site, &rules(10, Pace::Everything))
        .await
        .expect("it finds")
        .expect("something is due");
    world.apply(&[incident("Q1", "Two", 1)]).await;
    let id = batch.entities[0].id.clone();
    let version = batch.entities[0].version;
    for verdict in [Verdict::Refused { reason: "old".to_owned(), trace_id: None }, Verdict::Accepted] {
        let outcomes = [outcome(&id, version, verdict)];
        world
            .store
            .deliveries()
            .record_outcomes(&since_start(&site), batch.kind, &outcomes, Some(world.clock.now()))
            .await
            .expect("it records");
        assert_eq!(world.state_of("pd:Q1").await, DeliveryState::Waiting);
    }
    assert!(world.store.deliveries().list_readbacks(&site, 10).await.expect("it lists").is_empty());
    let row = world.store.deliveries().list_of(&id).await.expect("it lists").remove(0);
    assert_eq!((row.acknowledged, row.wanted > version), (version, true));
}

pub async fn a_refusal_is_kept_until_retry_discard_or_change(world: World) {
    let site = world.install("key", "a secret of enough bytes").await;
    let refuse = async || {
        let batch = world
            .store
            .deliveries()
            .find_next_batch(&site, &rules(10, Pace::Everything))
            .await
            .expect("it finds")
            .expect("something is due");
        let refused = Verdict::Refused { reason: "bad words".to_owned(), trace_id: Some("t1".to_owned()) };
        let outcomes = [outcome(&batch.entities[0].id, batch.entities[0].version, refused)];
        world
            .store
            .deliveries()
            .record_outcomes(&since_start(&site), batch.kind, &outcomes, None)
            .await
            .expect("it records");
    };
    world.apply(&[incident("Q1", "One", 0)]).await;
    refuse().await;
    let rows = world.store.deliveries().list(Some(DeliveryState::Refused), 10).await.expect("it lists");
    assert_eq!((rows[0].reason.as_deref(), rows[0].trace_id.as_deref()), (Some("bad words"), Some("t1")));
    assert_eq!(world.store.deliveries().list(None, 10).await.expect("it lists").len(), 1);
    assert!(world.list_with_work().await.is_empty());
    let id = EntityId::from_text("pd:Q1");
    assert_eq!(world.store.deliveries().retry(Some(std::slice::from_ref(&id))).await.expect("it retries"), 1);
    assert_eq!(world.state_of("pd:Q1").await, DeliveryState::Waiting);
    refuse().await;
    assert_eq!(world.store.deliveries().discard(std::slice::from_ref(&id)).await.expect("it discards"), 1);
    assert_eq!(world.state_of("pd:Q1").await, DeliveryState::Discarded);
    assert_eq!(world.store.deliveries().retry(None).await.expect("it retries"), 0);
    assert_eq!(world.state_of("pd:Q1").await, DeliveryState::Discarded, "it was given up by name");
    world.apply(&[incident("Q1", "Two", 1)]).await;
    assert_eq!(world.state_of("pd:Q1").await, DeliveryState::Waiting);
}

pub async fn components_are_due_first_and_kinds_never_mix(world: World) {
    let site = world.install("key", "a secret of enough bytes").await;
    world.apply(&[incident("Q1", "One", 0), component("S1", 0), incident("Q2", "Two", 0)]).await;
    let first = world
        .store
        .deliveries()
        .find_next_batch(&site, &rules(10, Pace::Everything))
        .await
        .expect("it finds")
        .expect("something is due");
    assert_eq!((first.kind, first.entities.len()), (EntityKind::Component, 1));
    let mut sent = world.deliver(&site, false).await;
    assert_eq!(sent.remove(0), "pd:S1");
    sent.sort();
    assert_eq!(sent, ["pd:Q1", "pd:Q2"]);
    world.apply(&(0..5).map(|n| incident(&format!("R{n}"), "Many", 1)).collect::<Vec<_>>()).await;
    let batch = world
        .store
        .deliveries()
        .find_next_batch(&site, &rules(3, Pace::Everything))
        .await
        .expect("it finds")
        .expect("something is due");
    assert_eq!(batch.entities.len(), 3);
}

pub async fn a_deletion_is_delivered_as_one(world: World) {
    let site = world.install("key", "a secret of enough bytes").await;
    world.apply(&[component("S1", 0), component("S2", 0)]).await;
    world.deliver(&site, false).await;
    let gone =
        Observation::deleted(EntityKind::Component, "S1".to_owned(), start_time() + TimeDelta::seconds(1));
    world.apply(&[gone, component("S3", 1)]).await;
    let mut deleted = Vec::new();
    while let Some(batch) =
        world.store.deliveries().find_next_batch(&site, &rules(10, Pace::Everything)).await.expect("it finds")
    {
        assert_eq!(batch.entities.len(), 1);
        assert_eq!(batch.deleted, batch.entities[0].content.is_none());
        deleted.push((batch.entities[0].id.to_string(), batch.deleted));
        let outcomes = [outcome(&batch.entities[0].id, batch.entities[0].version, Verdict::Accepted)];
        world
            .store
            .deliveries()
            .record_outcomes(&since_start(&site), batch.kind, &outcomes, None)
            .await
            .expect("it records");
    }
    deleted.sort();
    assert_eq!(deleted, [("pd:S1".to_owned(), true), ("pd:S3".to_owned(), false)]);
    let listed =
        world.store.entities().list(&source(), EntityKind::Component, "", 10).await.expect("it lists");
    assert_eq!(listed.iter().map(|it| it.provider_id.as_str()).collect::<Vec<_>>(), ["S2", "S3"]);
}

pub async fn one_confirmed_sample_confirms_its_batch(world: World) {
    let site = world.install("key", "a secret of enough bytes").await;
    world.apply(&(0..60).map(|n| incident(&format!("Q{n}"), "Many", 0)).collect::<Vec<_>>()).await;
    assert_eq!(world.deliver(&site, true).await.len(), 60);
    let sample = world.store.deliveries().list_readbacks(&site, 100).await.expect("it lists");
    assert!((10..=20).contains(&sample.len()), "{}", sample.len());
    let (last, rest) = sample.split_last().expect("a sample");
    for readback in rest {
        world
            .store
            .deliveries()
            .record_readbacks(&site, &[(readback.clone(), ReadbackResult::Confirmed)])
            .await
            .expect("it records");
    }
    let confirmed = async || {
        let counts = world.store.deliveries().count().await.expect("it counts");
        counts.iter().find(|row| row.state == DeliveryState::Confirmed).map_or(0, |row| row.count)
    };
    assert_eq!(confirmed().await, i64::try_from(rest.len()).expect("small"));
    world
        .store
        .deliveries()
        .record_readbacks(&site, &[(last.clone(), ReadbackResult::Confirmed)])
        .await
        .expect("it records");
    assert_eq!(confirmed().await, 60);
}

pub async fn a_backoff_holds_a_site_back_and_an_answer_ends_it(world: World) {
    let site = world.install("key", "a secret of enough bytes").await;
    world.apply(&[incident("Q1", "One", 0)]).await;
    let backoff = Backoff {
        wait_until: world.clock.now() + TimeDelta::seconds(90),
        parked: Some("install it again".to_owned()),
    };
    for failures in 1..=2 {
        world.store.sites().record_site_backoff(&since_start(&site), &backoff).await.expect("it records");
        assert_eq!(world.store.sites().find_failures(&site).await.expect("it counts"), failures);
    }
    assert!(world.list_with_work().await.is_empty());
    assert!(world.store.sites().list_ready().await.expect("it lists").is_empty());
    world.clock.advance(TimeDelta::seconds(90));
    assert_eq!(world.list_with_work().await.len(), 1);
    world.deliver(&site, false).await;
    let row = world.store.sites().list_installations().await.expect("it lists").remove(0);
    assert_eq!((row.failures, row.parked, row.last_contact_at), (0, None, Some(world.clock.now())));
}

pub async fn a_lost_sample_has_its_whole_batch_read_back(world: World) {
    let site = world.install("key", "a secret of enough bytes").await;
    world.apply(&(0..60).map(|n| incident(&format!("Q{n}"), "Many", 0)).collect::<Vec<_>>()).await;
    world.deliver(&site, true).await;
    let sample = world.store.deliveries().list_readbacks(&site, 100).await.expect("it lists");
    let lost = ReadbackResult::SendAgain { reason: "lost".to_owned() };
    world.store.deliveries().record_readbacks(&site, &[(sample[0].clone(), lost)]).await.expect("it records");
    assert_eq!(world.store.deliveries().list_readbacks(&site, 100).await.expect("it lists").len(), 59);
}

pub async fn live_news_goes_first_and_refreshes_can_be_held_back(world: World) {
    let site = world.install("key", "a secret of enough bytes").await;
    let polled = async |id, summary, seconds| poll(&world, &[incident(id, summary, seconds)], false).await;
    polled("OLD", "Backfilled", 0).await;
    world.clock.advance(TimeDelta::seconds(1));
    world.apply(&[incident("LIVE", "Just now", 1)]).await;
    assert_eq!(world.deliver(&site, false).await, ["pd:LIVE", "pd:OLD"]);
    polled("OLD", "Another text, the same status", 2).await;
    let refreshes_before = world.clock.now() - TimeDelta::minutes(5);
    let due = async |pace| {
        world.store.deliveries().find_next_batch(&site, &rules(10, pace)).await.expect("it finds")
    };
    assert!(due(Pace::NewsFirst { refreshes_before }).await.is_none());
    assert!(due(Pace::NewsFirst { refreshes_before: world.clock.now() }).await.is_some());
    assert!(due(Pace::Everything).await.is_some());
}

pub async fn a_clock_that_is_set_back_holds_nothing_up(world: World) {
    let site = world.install("key", "a secret of enough bytes").await;
    world.apply(&[incident("Q1", "One", 0)]).await;
    let backoff = Backoff { wait_until: world.clock.now() + TimeDelta::seconds(90), parked: None };
    world.store.sites().record_site_backoff(&since_start(&site), &backoff).await.expect("it records");
    world.clock.set(TimeDelta::hours(-1));
    assert_eq!(world.list_with_work().await.len(), 1);
    assert_eq!(
        world.store.sites().list_installations().await.expect("it lists")[0].wait_until,
        from_millis(0)
    );
    world.deliver(&site, true).await;
    world.clock.set(TimeDelta::hours(-1));
    let due = async || world.store.deliveries().list_readbacks(&site, 10).await.expect("it lists");
    assert_eq!(due().await.len(), 1);
    let later = ReadbackResult::Later(world.clock.now() + TimeDelta::minutes(1));
    world
        .store
        .deliveries()
        .record_readbacks(&site, &[(due().await[0].clone(), later)])
        .await
        .expect("it records");
    assert!(due().await.is_empty());
    world.clock.set(TimeDelta::hours(-1));
    assert_eq!(due().await.len(), 1);
}

/// As from a tool that gives no time, so that the time of arrival is used.
pub async fn news_after_a_clock_was_set_back_is_not_stale(world: World) {
    let arrives = async |summary: &str| {
        let seconds = (world.clock.now() - start_time()).num_seconds();
        world.apply(&[incident("Q1", summary, seconds)]).await
    };
    let site = world.install("key", "a secret of enough bytes").await;
    world.clock.set(TimeDelta::hours(1));
    assert_eq!(arrives("Ahead").await.changed, 1);
    world.clock.advance(TimeDelta::minutes(1));
    assert_eq!(arrives("Ahead").await.unchanged, 1);
    world.clock.set(TimeDelta::hours(-1));
    assert_eq!(arrives("Right again").await.changed, 1);
    let before = world.store.deliveries().list_of(&EntityId::from_text("pd:Q1")).await.expect("it lists");
    world.clock.advance(TimeDelta::seconds(1));
    assert_eq!(arrives("And later").await.changed, 1);
    let after = world.store.deliveries().list_of(&EntityId::from_text("pd:Q1")).await.expect("it lists");
    assert!(after[0].wanted > before[0].wanted, "{before:?} {after:?}");
    // The usual rule still applies to the tool's own time.
    assert_eq!(world.apply(&[incident("Q1", "Late", -60)]).await.stale, 1);
    assert_eq!(world.deliver(&site, false).await, ["pd:Q1"]);
}

pub async fn an_answer_does_not_end_a_wait_that_began_while_it_was_on_its_way(world: World) {
    let site = world.install("key", "a secret of enough bytes").await;
    world.apply(&[incident("Q1", "One", 0)]).await;
    let until = world.clock.now() + TimeDelta::hours(1);
    world.store.sites().hold_all("operations", until).await.expect("it holds");
    world.store.sites().hold_all("operations", until - TimeDelta::minutes(1)).await.expect("it holds");
    world.deliver(&site, false).await;
    let row = async || world.store.sites().list_installations().await.expect("it lists").remove(0);
    assert_eq!((row().await.wait_until, row().await.last_contact_at), (until, Some(world.clock.now())));
    world.clock.advance(TimeDelta::hours(1));
    world.store.sites().record_contact(&site).await.expect("it records");
    assert_eq!(row().await.wait_until, from_millis(0));
}

pub async fn a_parked_site_is_tried_again_when_a_person_says_so(world: World) {
    let site = world.install("key", "a secret of enough bytes").await;
    world.apply(&[incident("Q1", "One", 0)]).await;
    let until = world.clock.now() + TimeDelta::minutes(15);
    for (parked, tried) in [(None, 0), (Some("fix it".to_owned()), 1)] {
        let backoff = Backoff { wait_until: until, parked };
        world.store.sites().record_site_backoff(&since_start(&site), &backoff).await.expect("it records");
        assert_eq!(world.store.sites().retry_parked().await.expect("it tries"), tried);
        let ready = world.list_with_work().await.len();
        assert_eq!(u64::try_from(ready).expect("it fits"), tried);
    }
}

pub async fn an_answer_to_an_earlier_installation_counts_for_nothing(world: World) {
    let site = world.install("key", "a secret of enough bytes").await;
    world.apply(&[incident("Q1", "One", 0)]).await;
    let before = since_start(&site);
    let batch = world
        .store
        .deliveries()
        .find_next_batch(&site, &rules(10, Pace::Everything))
        .await
        .expect("it finds")
        .expect("it is due");
    world.clock.advance(TimeDelta::seconds(1));
    world.install("key", "another secret of it").await;
    let outcomes = [outcome(&batch.entities[0].id, batch.entities[0].version, Verdict::Accepted)];
    let kept = world.store.deliveries().record_outcomes(&before, batch.kind, &outcomes, None).await;
    assert!(!kept.expect("it looks"));
    assert_eq!(world.state_of("pd:Q1").await, DeliveryState::Waiting);
    let backoff = Backoff { wait_until: world.clock.now() + TimeDelta::hours(1), parked: None };
    assert!(!world.store.sites().record_site_backoff(&before, &backoff).await.expect("it looks"));
    assert_eq!(world.list_with_work().await, [site]);
}
