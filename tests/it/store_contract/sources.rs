//! What is known about a tool: entities, cursors, memory.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::TimeDelta;
use incident_bridge::domain::{Component, Entity, Observation, UnmappedValue, ValueKind};
use incident_bridge::store::{Applied, Origin, PollFailure, Report, SourceScope, StoreError};

use super::{World, component, entry, incident, service, source};
use crate::harness::start_time;

pub async fn only_changes_make_a_new_version(world: World) {
    let counts = |changed, unchanged, stale| Applied { changed, unchanged, stale };
    assert_eq!(world.apply(&[incident("Q1", "One", 10)]).await, counts(1, 0, 0));
    assert_eq!(world.apply(&[incident("Q1", "One", 20)]).await, counts(0, 1, 0));
    assert_eq!(world.apply(&[incident("Q1", "Older", 15)]).await, counts(0, 0, 1));
    assert_eq!(world.apply(&[incident("Q1", "Two", 20)]).await, counts(1, 0, 0));
    let found = world.store.entities().find("Q1").await.expect("it finds");
    assert_eq!(found, world.store.entities().find("pd:Q1").await.expect("it finds"));
    let Some(Entity::Incident(stored)) = &found[0].content else { panic!("no incident: {found:?}") };
    assert_eq!(stored.summary, "Two");
    assert_eq!(found[0].version, (start_time() + TimeDelta::seconds(20)).timestamp_millis());
    assert_eq!(world.apply(&[incident("Q1", "Three", 20)]).await, counts(1, 0, 0));
    assert_eq!(world.store.entities().find("Q1").await.expect("it finds")[0].version, found[0].version + 1);
}

/// What a tool says of incident `Q1` this many microseconds after the start.
fn told_at(summary: &str, micros: i64) -> Observation {
    let mut told = incident("Q1", summary, 0);
    told.event_time = start_time() + TimeDelta::microseconds(micros);
    told
}

async fn summary(world: &World) -> String {
    let found = world.store.entities().find("Q1").await.expect("it finds");
    let Some(Entity::Incident(stored)) = &found[0].content else { panic!("no incident: {found:?}") };
    stored.summary.clone()
}

pub async fn order_within_a_millisecond_is_kept(world: World) {
    world.apply(&[told_at("Resolved", 1_600)]).await;
    world.apply(&[told_at("Open", 1_400)]).await;
    assert_eq!(summary(&world).await, "Resolved");
    world.apply(&[told_at("Resolved", 1_800)]).await;
    world.apply(&[told_at("Between", 1_700)]).await;
    assert_eq!(summary(&world).await, "Resolved", "what was said again counts from then on");
    world.apply(&[told_at("Reopened", 1_900)]).await;
    assert_eq!(summary(&world).await, "Reopened");
    // A tool that tells only milliseconds, or seconds, may mean the same instant.
    world.apply(&[told_at("By the millisecond", 1_000)]).await;
    assert_eq!(summary(&world).await, "By the millisecond");
}

pub async fn a_time_ahead_of_ours_holds_nothing_up(world: World) {
    // As an earlier release has stored it.
    world.apply(&[incident("Q1", "Ahead", 2 * 3600)]).await;
    world.clock.advance(TimeDelta::seconds(10));
    world.apply(&[incident("Q1", "Right", 10)]).await;
    assert_eq!(summary(&world).await, "Right");
    world.apply(&[incident("Q1", "Late", 9)]).await;
    assert_eq!(summary(&world).await, "Right");
    // Unchanged content takes the right time too.
    world.apply(&[incident("Q1", "Same", 2 * 3600)]).await;
    world.apply(&[incident("Q1", "Same", 11)]).await;
    world.apply(&[incident("Q1", "Late", 10)]).await;
    assert_eq!(summary(&world).await, "Same");
}

pub async fn a_mention_gives_way_to_first_hand_knowledge(world: World) {
    let (id, sites) = (source(), []);
    let scope = SourceScope { source: &id, teams: false, sites: &sites };
    let mention = async |name: &str, seconds| {
        let mentioned = [Component { name: name.to_owned(), ..service("S1", seconds) }];
        let report = Report { mentioned: &mentioned, ..Report::new(Origin::Fetch) };
        world.store.apply(&scope, &[report]).await.expect("it applies");
    };
    let name = async || {
        let containers = world.store.entities().list_containers(None, 10).await.expect("it lists").0;
        assert_eq!(containers.len(), 1);
        containers[0].component.name.clone()
    };
    mention("As mentioned", 100).await;
    assert_eq!(name().await, "As mentioned");
    assert!(world.store.entities().list_listed_components(&source()).await.expect("it lists").is_empty());
    world.apply(&[component("S1", 5)]).await;
    assert_eq!(name().await, "Service S1");
    mention("As mentioned later", 200).await;
    assert_eq!(name().await, "Service S1");
    assert_eq!(world.store.entities().list_listed_components(&source()).await.expect("it lists"), ["S1"]);
}

pub async fn a_cursor_moves_with_its_page_and_survives(world: World) {
    let backfill = Duration::from_hours(24);
    let state = world.store.polls().find_or_begin(&source(), backfill).await.expect("it is made");
    assert_eq!((state.cursor, state.caught_up), (None, false));
    assert_eq!(state.backfill_from, start_time() - TimeDelta::days(1));
    let (id, sites) = (source(), []);
    let scope = SourceScope { source: &id, teams: false, sites: &sites };
    let observations = [incident("Q1", "One", 0)];
    let page = async |cursor: &str, caught_up| {
        let origin = Origin::Poll { cursor: Some(cursor), caught_up, total: Some(9) };
        let report = Report { observations: &observations, ..Report::new(origin) };
        world.store.apply(&scope, &[report]).await.expect("it applies");
    };
    page("\"page 2\"", false).await;
    let failure = PollFailure {
        wait_until: world.clock.now() + TimeDelta::seconds(30),
        message: "busy".to_owned(),
        start_over: false,
        refused: false,
    };
    world.store.polls().record_failure(&source(), &failure).await.expect("it records");
    world.clock.advance(TimeDelta::hours(1));
    let state = world.store.polls().find_or_begin(&source(), backfill).await.expect("it is there");
    assert_eq!(
        (state.cursor.as_deref(), state.failures, state.failure.as_deref()),
        (Some("\"page 2\""), 1, Some("busy"))
    );
    assert_eq!((state.read_count, state.total), (1, Some(9)));
    assert_eq!(state.backfill_from, start_time() - TimeDelta::days(1), "it does not move with time");
    page("\"end\"", true).await;
    page("\"next run\"", false).await;
    let state = world.store.polls().find_or_begin(&source(), backfill).await.expect("it is there");
    assert_eq!((state.caught_up, state.failures, state.failure), (true, 0, None));
    let expired = PollFailure { start_over: true, ..failure };
    world.store.polls().record_failure(&source(), &expired).await.expect("it records");
    assert_eq!(
        world.store.polls().find_or_begin(&source(), backfill).await.expect("it is there").cursor,
        None
    );
    world.store.polls().restart(&source(), start_time()).await.expect("it restarts");
    let state = world.store.polls().find_or_begin(&source(), backfill).await.expect("it is there");
    assert_eq!((state.backfill_from, state.caught_up, state.read_count), (start_time(), false, 0));
}

pub async fn a_refusal_is_waited_out_unless_a_person_may_have_fixed_it(world: World) {
    world.store.polls().find_or_begin(&source(), Duration::from_hours(24)).await.expect("it begins");
    let until = world.clock.now() + TimeDelta::minutes(15);
    for (refused, still_waits) in [(true, false), (false, true)] {
        let failure = PollFailure { wait_until: until, message: "no".to_owned(), start_over: false, refused };
        world.store.polls().record_failure(&source(), &failure).await.expect("it records");
        let waits = async || {
            let state = world.store.polls().find(&source()).await.expect("it looks").expect("it is there");
            state.wait_until > world.clock.now()
        };
        assert!(waits().await);
        world.store.polls().forget_refusals().await.expect("it forgets");
        assert_eq!(waits().await, still_waits);
    }
}

pub async fn memory_is_written_with_the_findings(world: World) {
    let (id, sites) = (source(), []);
    let scope = SourceScope { source: &id, teams: false, sites: &sites };
    let remember = async |changes: &[(&str, Option<&str>)]| {
        let memory: BTreeMap<String, Option<String>> =
            changes.iter().map(|(key, value)| ((*key).to_owned(), value.map(str::to_owned))).collect();
        let report = Report { memory: Some(&memory), ..Report::new(Origin::Fetch) };
        world.store.apply(&scope, &[report]).await.expect("it applies");
    };
    remember(&[("a", Some("1")), ("b", Some("2"))]).await;
    remember(&[("a", Some("3")), ("b", None)]).await;
    let all = world.store.polls().load_memory(&source(), None).await.expect("it loads");
    assert_eq!(all, BTreeMap::from([("a".to_owned(), "3".to_owned())]));
    let some = world.store.polls().load_memory(&source(), Some(&["b".to_owned()])).await.expect("it loads");
    assert!(some.is_empty());
}

pub async fn facts_that_have_changed_since_a_page_was_read_refuse_it(world: World) {
    let (id, sites) = (source(), []);
    let scope = SourceScope { source: &id, teams: false, sites: &sites };
    let facts = |value: &str| BTreeMap::from([("a".to_owned(), value.to_owned())]);
    let changes = |value: &str| BTreeMap::from([("a".to_owned(), Some(value.to_owned()))]);
    let apply = async |before: Option<&BTreeMap<String, String>>, value: &str| {
        let memory = changes(value);
        let observations = [incident("Q1", value, 0)];
        let report = Report {
            memory: Some(&memory),
            facts: before,
            observations: &observations,
            ..Report::new(Origin::Fetch)
        };
        world.store.apply(&scope, &[report]).await
    };
    apply(Some(&BTreeMap::new()), "1").await.expect("nothing was remembered");
    apply(Some(&facts("1")), "2").await.expect("it is as it was read");
    let fault = apply(Some(&facts("1")), "3").await.expect_err("it has changed");
    assert!(matches!(fault, StoreError::Overtaken(_)) && !fault.blames_data(), "{fault}");
    let kept = world.store.polls().load_memory(&source(), None).await.expect("it loads");
    assert_eq!(kept, facts("2"));
    assert_eq!(
        world
            .store
            .timeline()
            .list_of(&incident_bridge::domain::EntityId::from_text("pd:Q1"))
            .await
            .expect("it lists")
            .len(),
        2
    );
}

pub async fn what_was_named_is_fetched_until_it_is_stored(world: World) {
    let (id, sites) = (source(), []);
    let scope = SourceScope { source: &id, teams: false, sites: &sites };
    let name = async |ids: &[&str]| {
        let refetch: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        let report = Report { refetch: &refetch, ..Report::new(Origin::Fetch) };
        world.store.apply(&scope, &[report]).await.expect("it applies");
    };
    name(&["Q7"]).await;
    let listed = async || world.store.polls().list_refetches(&source(), 10).await.expect("it lists");
    let seen = listed().await.remove(0);
    assert_eq!(seen.provider_id, "Q7");
    // Named again while it was fetched: once more.
    name(&["Q7", "Q8"]).await;
    world.store.polls().finish_refetches(&source(), &[seen]).await.expect("it finishes");
    let both = listed().await;
    assert_eq!(both.iter().map(|it| it.provider_id.as_str()).collect::<Vec<_>>(), ["Q7", "Q8"]);
    world.store.polls().put_off_refetch(&source(), &both[0], world.clock.now()).await.expect("it puts off");
    assert_eq!(listed().await[0], both[1], "what was refused goes last");
    world.store.polls().finish_refetches(&source(), &both).await.expect("it finishes");
    assert!(listed().await.is_empty());
}

pub async fn what_was_refused_is_put_off_until_it_is_named_again(world: World) {
    let (id, sites) = (source(), []);
    let scope = SourceScope { source: &id, teams: false, sites: &sites };
    let name = async || {
        let refetch = ["Q7".to_owned()];
        let report = Report { refetch: &refetch, ..Report::new(Origin::Fetch) };
        world.store.apply(&scope, &[report]).await.expect("it applies");
    };
    let listed = async || world.store.polls().list_refetches(&source(), 10).await.expect("it lists");
    let put_off = async || {
        let until = world.clock.now() + TimeDelta::minutes(15);
        world.store.polls().put_off_refetch(&source(), &listed().await[0], until).await.expect("it puts off");
        assert!(listed().await.is_empty());
    };
    name().await;
    put_off().await;
    world.clock.advance(TimeDelta::minutes(15));
    put_off().await;
    name().await;
    put_off().await;
    world.clock.set(TimeDelta::hours(-1));
    assert_eq!(listed().await.len(), 1, "the clock was set back");
}

pub async fn failures_beside_pages_are_counted_apart(world: World) {
    let polls = world.store.polls();
    polls.find_or_begin(&source(), Duration::from_hours(24)).await.expect("it begins");
    let until = world.clock.now() + TimeDelta::minutes(5);
    let failure = |message: &str| PollFailure {
        wait_until: until,
        message: message.to_owned(),
        start_over: false,
        refused: false,
    };
    let state = async || polls.find(&source()).await.expect("it looks").expect("it is there");
    for _ in 0..3 {
        polls.record_catalogue_failure(&source(), &failure("no services")).await.expect("it records");
    }
    polls.record_fetch_failure(&source(), &failure("no incident")).await.expect("it records");
    let failed = state().await;
    assert_eq!((failed.failures, failed.catalogue_failures, failed.fetch_failures), (0, 3, 1));
    assert_eq!((failed.catalogue_wait_until, failed.fetch_wait_until), (until, until));
    assert!(failed.wait_until < world.clock.now(), "pages wait for neither");
    assert_eq!(failed.failure.as_deref(), Some("no services"));
    polls.end_fetch_failures(&source()).await.expect("it ends");
    let (id, sites) = (source(), []);
    let scope = SourceScope { source: &id, teams: false, sites: &sites };
    world.store.apply(&scope, &[Report::new(Origin::Catalogue)]).await.expect("it applies");
    let read = state().await;
    assert_eq!((read.catalogue_failures, read.fetch_failures, read.failure), (0, 0, None));
    assert!(read.catalogue_wait_until < world.clock.now() && read.fetch_wait_until < world.clock.now());
}

fn word(kind: ValueKind, word: &str) -> UnmappedValue {
    UnmappedValue { kind, value: word.to_owned() }
}

async fn tell_words(world: &World, words: &[UnmappedValue]) {
    let (id, sites) = (source(), []);
    let scope = SourceScope { source: &id, teams: false, sites: &sites };
    let words: BTreeSet<UnmappedValue> = words.iter().cloned().collect();
    let report = Report { unmapped: Some(&words), ..Report::new(Origin::Fetch) };
    world.store.apply(&scope, &[report]).await.expect("it applies");
}

pub async fn unknown_words_are_few_and_are_forgotten_when_they_do_not_come_back(world: World) {
    let list = async || world.store.polls().list_unmapped(&source()).await.expect("it lists");
    let [blocker, napping] = [word(ValueKind::Severity, "Blocker"), word(ValueKind::Status, "Napping")];
    tell_words(&world, &[napping.clone(), blocker.clone()]).await;
    tell_words(&world, std::slice::from_ref(&blocker)).await;
    assert_eq!(list().await, [blocker.clone(), napping]);
    world.clock.advance(TimeDelta::days(1));
    tell_words(&world, std::slice::from_ref(&blocker)).await;
    let removed = world.store.polls().remove_old_unmapped(start_time() + TimeDelta::hours(1)).await;
    assert_eq!((removed.expect("it removes"), list().await), (1, vec![blocker.clone()]));
    let many: Vec<UnmappedValue> =
        (0..100).map(|n| word(ValueKind::Severity, &format!("word {n:02}"))).collect();
    tell_words(&world, &many).await;
    assert_eq!(list().await.len(), 50);
    // A full list still notes that its values are in use.
    world.clock.advance(TimeDelta::days(1));
    tell_words(&world, std::slice::from_ref(&blocker)).await;
    world.store.polls().remove_old_unmapped(start_time() + TimeDelta::hours(30)).await.expect("it removes");
    assert_eq!(list().await, [blocker]);
}

pub async fn a_webhook_ends_the_quiet_even_during_a_poll(world: World) {
    let backfill = Duration::from_hours(24);
    let state = async || world.store.polls().find_or_begin(&source(), backfill).await.expect("it is there");
    let due = world.clock.now() + TimeDelta::minutes(20);
    let before = state().await;
    world.store.polls().record_quiet(&source(), &before, Some(due)).await.expect("it records");
    let quiet = state().await;
    assert_eq!((quiet.quiet, quiet.due_at, quiet.webhook_at), (1, due, before.webhook_at));
    let (id, sites) = (source(), []);
    let scope = SourceScope { source: &id, teams: false, sites: &sites };
    world.store.inbox().record(&[entry("a", None)]).await.expect("it records");
    let row = world.store.inbox().list_new(&source(), 1).await.expect("it lists").remove(0);
    let origin = Origin::Webhook { inbox_id: &row.id, verified_by: "test", note: None };
    world.store.apply(&scope, &[Report::new(origin)]).await.expect("it applies");
    assert_eq!((state().await.quiet, state().await.webhook_at), (0, start_time()));
    world.store.polls().record_quiet(&source(), &quiet, Some(due)).await.expect("it records");
    assert_eq!(state().await.quiet, 0, "the poll began before the webhook came");
    world.store.polls().record_quiet(&source(), &state().await, Some(due)).await.expect("it records");
    world.store.polls().end_quiet(&source()).await.expect("it ends");
    assert_eq!((state().await.quiet, state().await.due_at.timestamp_millis()), (0, 0));
}
