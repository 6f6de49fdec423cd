//! Installations with their secrets, links and associations.

use chrono::TimeDelta;
use incident_bridge::domain::{ClientKey, DeliveryState, DestinationId, EntityId};
use incident_bridge::store::{
    CallStanding, DeclaredDestination, DestinationRef, EntityAssociation, InstallationState, LifecycleCall,
    Store, Vault,
};
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::{World, component, incident};
use crate::harness::start_time;

pub async fn migrations_can_be_applied_again(world: World) {
    world.store.migrate().await.expect("it migrates again");
    assert_eq!(world.store.pending_migrations().await.expect("it counts"), 0);
    world.store.check_writable().await.expect("it takes writes");
}

pub async fn secrets_are_sealed_and_the_one_before_stays_good_for_a_while(world: World) {
    world.install("key", "the first secret").await;
    world.install("key", "the second secret").await;
    let secrets = async |store: &Store| {
        let row = store.sites().list_installations().await.expect("it lists").remove(0);
        row.secrets.iter().map(|secret| secret.expose_secret().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(secrets(&world.store).await, ["the second secret", "the first secret"]);
    // After a rotation the new vault still opens what the old key sealed; a foreign one does not.
    let rotated = Vault::new(&Vault::generate_key(), std::slice::from_ref(&world.vault_key)).expect("keys");
    let reopened =
        Store::open(&world.url.clone().into(), rotated, world.clock.clone()).await.expect("it opens");
    assert_eq!(secrets(&reopened).await.len(), 2);
    let foreign = Vault::new(&Vault::generate_key(), &[]).expect("a key");
    let foreign =
        Store::open(&world.url.clone().into(), foreign, world.clock.clone()).await.expect("it opens");
    let row = foreign.sites().list_installations().await.expect("it lists").remove(0);
    assert!(row.secrets.is_empty() && row.parked.expect("a reason").contains("vault.previous_keys"));
    world.clock.advance(TimeDelta::minutes(5));
    assert_eq!(secrets(&world.store).await, ["the second secret"]);
}

pub async fn secrets_of_an_older_key_are_sealed_anew(world: World) {
    world.install("key", "the first secret").await;
    world.install("key", "the second secret").await;
    let new_key = Vault::generate_key();
    let vault = |previous: &[secrecy::SecretString]| Vault::new(&new_key, previous).expect("keys");
    let open = async |vault| {
        Store::open(&world.url.clone().into(), vault, world.clock.clone()).await.expect("it opens")
    };
    let both = open(vault(std::slice::from_ref(&world.vault_key))).await;
    assert_eq!(both.sites().reseal_next().await.expect("it seals").as_deref(), Some(super::SITE));
    assert_eq!(both.sites().reseal_next().await.expect("nothing is left"), None);
    let row = open(vault(&[])).await.sites().list_installations().await.expect("it lists").remove(0);
    let secrets: Vec<_> = row.secrets.iter().map(|secret| secret.expose_secret().to_owned()).collect();
    assert_eq!(secrets, ["the second secret", "the first secret"]);
}

pub async fn an_uninstall_leaves_a_line_without_secrets(world: World) {
    let site = world.install("key", "a secret of enough bytes").await;
    world.apply(&[incident("Q1", "One", 0)]).await;
    world.deliver(&site, false).await;
    world.store.uninstall(&world.call(&site.0)).await.expect("it erases");
    let row = world.store.sites().list_installations().await.expect("it lists").remove(0);
    assert_eq!((row.state, row.secrets.len(), row.display_url), (InstallationState::Uninstalled, 0, None));
    assert!(world.store.deliveries().count().await.expect("it counts").is_empty());
    let story = world.store.timeline().list_of(&EntityId::from_text("pd:Q1")).await.expect("it lists");
    assert!(story.iter().all(|entry| entry.destination.is_none()), "{story:?}");
    world.store.set_enabled(&world.call(&site.0), true).await.expect("it does nothing");
    assert_eq!(
        world.store.sites().list_installations().await.expect("it lists")[0].state,
        InstallationState::Uninstalled
    );
    world.apply(&[incident("Q1", "Two", 1)]).await;
    assert!(world.store.deliveries().count().await.expect("it counts").is_empty());
    world.install("key", "another secret of it").await;
    assert_eq!(world.state_of("pd:Q1").await, DeliveryState::Waiting);
}

pub async fn a_new_key_for_a_site_erases_the_old_one_once_it_is_confirmed(world: World) {
    let old = world.install("old", "a secret of enough bytes").await;
    world.apply(&[incident("Q1", "One", 0)]).await;
    world.deliver(&old, false).await;
    let new = world.install("new", "a secret of the new key").await;
    let states = async || {
        let rows = world.store.sites().list_installations().await.expect("it lists");
        [&old, &new].map(|id| rows.iter().find(|row| row.client_key.0 == id.0).expect("known").state)
    };
    assert_eq!(states().await, [InstallationState::Enabled, InstallationState::Unconfirmed]);
    world.apply(&[incident("Q1", "Two", 1)]).await;
    assert_eq!(world.state_of("pd:Q1").await, DeliveryState::Waiting, "the old one's, and no other");
    assert_eq!(world.list_with_work().await, std::slice::from_ref(&old));

    let candidates = world.store.sites().list_unconfirmed().await.expect("it lists");
    assert_eq!(candidates, [super::since_start(&new)]);
    let soon = world.clock.now() + TimeDelta::seconds(2);
    world.store.sites().put_off_confirmation(&candidates[0], soon, "not yet").await.expect("it records");
    assert!(world.store.sites().list_unconfirmed().await.expect("it lists").is_empty());
    let other = DestinationRef { id: new.clone(), since: soon };
    assert!(!world.store.confirm(&other, &[super::source()]).await.expect("it looks"), "an earlier one");
    assert!(world.store.confirm(&candidates[0], &[super::source()]).await.expect("it confirms"));
    assert!(!world.store.confirm(&candidates[0], &[super::source()]).await.expect("it looks"), "once");
    assert_eq!(states().await, [InstallationState::Replaced, InstallationState::Enabled]);
    assert_eq!(world.state_of("pd:Q1").await, DeliveryState::Waiting);
    assert_eq!(world.list_with_work().await, [new]);
}

pub async fn links_and_associations_are_kept_per_site(world: World) {
    let site = world.install("key", "a secret of enough bytes").await;
    world.apply(&[incident("Q1", "Checkout is down", 0)]).await;
    let other = DestinationId("other".to_owned());
    let workspace = EntityId::from_text("pd:account".to_owned());
    world.store.sites().record_links(&site, std::slice::from_ref(&workspace)).await.expect("it links");
    world.store.sites().record_links(&site, std::slice::from_ref(&workspace)).await.expect("it links again");
    assert_eq!(
        world.store.sites().list_links(&site).await.expect("it lists"),
        std::slice::from_ref(&workspace)
    );
    assert!(world.store.sites().list_links(&other).await.expect("it lists").is_empty());
    world.store.sites().forget_links(&site, std::slice::from_ref(&workspace)).await.expect("it forgets");
    assert!(world.store.sites().list_links(&site).await.expect("it lists").is_empty());

    let entity = EntityId::from_text("pd:Q1");
    let association =
        EntityAssociation { entity: entity.clone(), issue: "10001".to_owned(), detail: json!({}) };
    for _ in 0..2 {
        world
            .store
            .entities()
            .record_associations(&site, std::slice::from_ref(&association), true)
            .await
            .expect("it records");
    }
    assert_eq!(world.store.entities().list_associations(&site, &entity).await.expect("it lists"), ["10001"]);
    assert!(world.store.entities().list_associations(&other, &entity).await.expect("it lists").is_empty());
    world.store.entities().record_associations(&site, &[association], false).await.expect("it records");
    assert!(world.store.entities().list_associations_of(&entity).await.expect("it lists").is_empty());
}

pub async fn associations_are_bounded_and_need_an_entity(world: World) {
    let site = world.install("key", "a secret of enough bytes").await;
    world.apply(&[incident("Q1", "Checkout is down", 0)]).await;
    let entities = world.store.entities();
    let link = |entity: &str, issue: usize| EntityAssociation {
        entity: EntityId::from_text(entity),
        issue: issue.to_string(),
        detail: json!({}),
    };
    let links: Vec<_> = (0..1001).map(|issue| link("pd:Q1", issue)).chain([link("pd:nobody", 1)]).collect();
    entities.record_associations(&site, &links, true).await.expect("it records");
    let kept = async |id: &str| {
        entities.list_associations_of(&EntityId::from_text(id)).await.expect("it lists").len()
    };
    assert_eq!((kept("pd:Q1").await, kept("pd:nobody").await), (1000, 0));
    entities.record_associations(&site, &links[..2], false).await.expect("it removes");
    entities.record_associations(&site, &links[999..], true).await.expect("it records");
    assert_eq!(kept("pd:Q1").await, 999, "there is room again");
}

pub async fn the_directory_number_moves_with_every_change(world: World) {
    let number = async || world.store.sites().directory_generation().await.expect("it reads");
    let mut last = number().await;
    let mut moved = async || {
        let now = number().await;
        let moved = now > last;
        last = now;
        moved
    };
    world.install("key", "a secret of enough bytes").await;
    assert!(moved().await);
    world.apply(&[component("S1", 0)]).await;
    assert!(moved().await);
    world.apply(&[incident("Q1", "One", 0)]).await;
    assert!(!moved().await, "incidents are not in it");
    world.store.set_enabled(&world.call("key"), false).await.expect("it records");
    assert!(moved().await);
}

pub async fn a_declared_destination_is_served_for_as_long_as_it_is_declared(world: World) {
    let file = DeclaredDestination {
        id: DestinationId("file".to_owned()),
        type_name: "lines".to_owned(),
        name: "file".to_owned(),
    };
    let declare = async |declared: &[DeclaredDestination]| {
        world.store.sites().declare(declared).await.expect("it declares");
        world.store.sites().list_declared().await.expect("it lists")
    };
    let first = DestinationRef { id: file.id.clone(), since: start_time() };
    assert_eq!(declare(std::slice::from_ref(&file)).await, std::slice::from_ref(&first));
    world.clock.advance(TimeDelta::seconds(1));
    assert_eq!(declare(std::slice::from_ref(&file)).await, [first], "a restart changes nothing");
    assert!(world.store.sites().list_installations().await.expect("it lists").is_empty());
    assert_eq!(declare(&[]).await, []);
    assert!(!world.store.sites().is_ready(&file.id).await.expect("it looks"));
    let again = DestinationRef { id: file.id.clone(), since: world.clock.now() };
    assert_eq!(declare(&[file]).await, [again], "what it held before is not known to be there");
}

pub async fn a_change_is_for_whoever_may_see_it_when_it_is_applied(world: World) {
    let file = DestinationId("file".to_owned());
    // Its name is what the source's sites name.
    let declared =
        DeclaredDestination { id: file.clone(), type_name: "lines".to_owned(), name: super::SITE.to_owned() };
    let declare = async |declared: &[DeclaredDestination]| {
        world.store.sites().declare(declared).await.expect("it declares");
    };
    let count =
        async || world.store.deliveries().count().await.expect("it counts").iter().map(|it| it.count).sum();
    world.apply(&[incident("Q1", "One", 0)]).await;
    declare(std::slice::from_ref(&declared)).await;
    assert_eq!(count().await, 0_i64);
    world.apply(&[incident("Q2", "One", 0)]).await;
    world.install("key", "a secret of enough bytes").await;
    assert_eq!(count().await, 3_i64, "the site sees what there was");
    world.apply(&[incident("Q3", "One", 0)]).await;
    assert_eq!(count().await, 5_i64);
    declare(&[]).await;
    world.store.uninstall(&world.call("key")).await.expect("it erases");
    let before: i64 = count().await;
    world.apply(&[incident("Q4", "One", 0)]).await;
    assert_eq!(count().await, before);
}

pub async fn a_hold_concerns_destinations_of_one_type_only(world: World) {
    let site = world.install("key", "a secret of enough bytes").await;
    let file = DestinationId("file".to_owned());
    let declared =
        DeclaredDestination { id: file.clone(), type_name: "lines".to_owned(), name: "file".to_owned() };
    world.store.sites().declare(&[declared]).await.expect("it declares");
    let ready = async || world.store.sites().list_ready().await.expect("it lists");
    assert_eq!(ready().await, [file.clone(), site]);
    let until = world.clock.now() + TimeDelta::minutes(1);
    world.store.sites().hold_all("operations", until).await.expect("it holds");
    assert_eq!(ready().await, [file]);
}

pub async fn a_lifecycle_call_has_its_effect_once(world: World) {
    let call = world.call("key");
    let uninstall = async |call: &LifecycleCall| world.store.uninstall(call).await.expect("it looks");
    world.clock.advance(TimeDelta::seconds(1));
    let newer = world.call("key");
    assert_eq!(uninstall(&call).await, CallStanding::First);
    assert_eq!(uninstall(&call).await, CallStanding::Repeated);
    let altered = LifecycleCall { body_hash: "another".to_owned(), ..call.clone() };
    assert_eq!(uninstall(&altered).await, CallStanding::Altered);
    assert_eq!(uninstall(&newer).await, CallStanding::First);
    let of_the_same_second = LifecycleCall { token_hash: "another".to_owned(), ..newer.clone() };
    assert_eq!(uninstall(&of_the_same_second).await, CallStanding::First);
    let older = LifecycleCall { token_hash: "older".to_owned(), ..call.clone() };
    assert_eq!(uninstall(&older).await, CallStanding::Outdated);
    assert_eq!(world.store.set_enabled(&older, true).await.expect("it looks"), CallStanding::Outdated);
    let of_another_site =
        LifecycleCall { client_key: ClientKey("another".to_owned()), token_hash: "its".to_owned(), ..call };
    assert_eq!(uninstall(&of_another_site).await, CallStanding::First);

    // For longer than any of these tokens can be accepted.
    world.clock.advance(TimeDelta::minutes(16));
    assert_eq!(world.store.sites().forget_calls().await.expect("it looks"), 0);
    assert_eq!(uninstall(&older).await, CallStanding::Outdated);
    world.clock.advance(TimeDelta::hours(1));
    assert_eq!(world.store.sites().forget_calls().await.expect("it forgets"), 4);
    assert_eq!(world.store.sites().forget_calls().await.expect("it looks"), 0);
}

pub async fn a_previous_secret_is_erased_when_it_is_over(world: World) {
    world.install("key", "the first secret").await;
    world.install("key", "the second secret").await;
    let secrets = async || {
        let row = world.store.sites().list_installations().await.expect("it lists").remove(0);
        row.secrets.len()
    };
    let erase = async || world.store.sites().erase_expired_secrets().await.expect("it looks");
    assert_eq!((erase().await, secrets().await), (0, 2));
    world.clock.advance(TimeDelta::minutes(5));
    assert_eq!((erase().await, erase().await, secrets().await), (1, 0, 1));
    // Gone for good, and not only while the clock says so.
    world.clock.set(TimeDelta::minutes(-5));
    assert_eq!(secrets().await, 1);
}
