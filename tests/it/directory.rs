//! The directory is renewed in parts, and always as if it had been read as a whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use incident_bridge::domain::{DestinationId, SourceId, Workspace};
use incident_bridge::sync::{Engine, Snapshot};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
use secrecy::ExposeSecret as _;

use crate::harness::pagerduty::{sign, triggered};
use crate::harness::{Bridge, Setup, on_both_databases};

on_both_databases! {
    after_every_step_the_parts_are_what_the_whole_is
    a_new_component_leaves_everything_else_as_it_was_read
    a_change_that_an_earlier_release_made_is_noticed
}

/// What one destination may see, and what a caller must know.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    name: String,
    enabled: bool,
    confirmed: bool,
    secret: Option<String>,
    sources: Vec<String>,
    workspaces: Vec<String>,
    containers: Vec<String>,
}

fn describe(snapshot: &Snapshot) -> BTreeMap<DestinationId, Seen> {
    let seen = |access: &Arc<incident_bridge::sync::DestinationAccess>| Seen {
        name: access.name.clone(),
        enabled: access.enabled,
        confirmed: access.confirmed,
        secret: access.secret().map(|secret| secret.expose_secret().to_owned()),
        sources: access.sources.iter().map(|source| source.id().to_string()).collect(),
        workspaces: snapshot.workspaces(access).map(|it| format!("{it:?}")).collect(),
        containers: snapshot
            .search(access, "", None, None, 1_000)
            .hits
            .iter()
            .map(|hit| format!("{hit:?}"))
            .collect(),
    };
    snapshot.destinations().map(|access| (access.id.clone(), seen(access))).collect()
}

/// Another process on the same database, which reads everything each time.
async fn other_process(bridge: &Bridge) -> Arc<Engine> {
    incident_bridge::app::open_engine(&bridge.config, bridge.clock.clone()).await.expect("it opens")
}

async fn read_whole(other: &Engine) -> Arc<Snapshot> {
    other.directory().refresh().await.expect("the store works");
    other.read_directory().await.expect("the store works")
}

async fn renewed(bridge: &Bridge) -> Arc<Snapshot> {
    bridge.engine.directory().refresh_if_changed().await.expect("the store works");
    bridge.engine.read_directory().await.expect("the store works")
}

async fn name_service(bridge: &Bridge, id: &str, name: &str) {
    let body = bridge.service_event("Q1", id, name);
    let answer = bridge.post_webhook("pd", body.clone(), &[("X-PagerDuty-Signature", &sign(&body))]).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    bridge.engine.inbound().process_inbox().await.expect("the store works");
}

async fn after_every_step_the_parts_are_what_the_whole_is(setup: Setup) {
    let bridge = setup.sites(3).start().await;
    let other = other_process(&bridge).await;
    let mut choices = ChaCha8Rng::seed_from_u64(11);
    for step in 0..60 {
        bridge.advance(1);
        let n = usize::try_from(choices.next_u32() % 8).expect("it is small");
        change_something(&bridge, n % 3, n, choices.next_u32() % 9).await;
        let (parts, whole) = (renewed(&bridge).await, read_whole(&other).await);
        assert_eq!(describe(&parts), describe(&whole), "after step {step}");
    }
    other.store().close().await;
    for site in bridge.sites.iter().filter(|site| site.find_installation().is_some()) {
        site.uninstall().await.expect("the call is believed");
    }
    bridge.finish().await;
}

/// Sites come, pause and go; services and workspaces get names and go.
async fn change_something(bridge: &Bridge, site: usize, n: usize, what: u32) {
    let jira = &bridge.sites[site];
    let installed = jira.find_installation().is_some();
    let source = SourceId::parse("pd").expect("an id");
    let team = |n: usize| Workspace {
        provider_id: format!("T{n}"),
        name: format!("Team {}", bridge.clock.now()),
        url: "https://tool.example".to_owned(),
    };
    let entities = bridge.engine.store().entities();
    match what {
        0 if installed => jira.uninstall().await.expect("the call is believed"),
        1 if installed => jira.disable().await.expect("the call is believed"),
        2 if installed => jira.enable().await.expect("the call is believed"),
        3 if installed => drop(jira.reinstall().await.expect("the call is believed")),
        0..=3 => drop(bridge.install_on(site).await),
        4 => entities.record_workspaces(&source, &[team(n)]).await.expect("the store works"),
        5 => {
            let keep = ["account".to_owned(), format!("T{n}")];
            entities.retire_workspaces(&source, &keep).await.expect("the store works");
        }
        _ => name_service(bridge, &format!("P{n}"), &format!("Service {}", bridge.clock.now())).await,
    }
}

async fn a_new_component_leaves_everything_else_as_it_was_read(setup: Setup) {
    let bridge = setup.sites(2).start().await;
    let first = bridge.install_on(0).await;
    bridge.install_on(1).await;
    bridge.settle().await;
    let id = DestinationId(first.client_key.clone());
    let before = renewed(&bridge).await;
    name_service(&bridge, "PNEW", "A new one").await;
    let after = renewed(&bridge).await;
    let access = |snapshot: &Snapshot| snapshot.find(&id).expect("it is installed").clone();
    assert!(Arc::ptr_eq(&access(&before), &access(&after)), "the sites are not read again");
    let hits = |snapshot: &Snapshot| snapshot.search(&access(snapshot), "", None, None, 100).hits;
    let (old, new) = (hits(&before), hits(&after));
    assert_eq!(new.len(), old.len() + 1);
    assert!(
        old.iter().all(|old| new.iter().any(|new| Arc::ptr_eq(old, new))),
        "nor are the other components"
    );
    bridge.settle_after(5).await;
    bridge.finish().await;
}

async fn a_change_that_an_earlier_release_made_is_noticed(setup: Setup) {
    let bridge = setup.start().await;
    bridge.install().await;
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle_after(5).await;
    let other = other_process(&bridge).await;
    bridge.execute("UPDATE workspaces SET name = 'Renamed' WHERE id = 'pd:account'").await;
    bridge.execute("UPDATE generations SET number = number + 1 WHERE name = 'directory'").await;
    let (parts, whole) = (renewed(&bridge).await, read_whole(&other).await);
    assert_eq!(describe(&parts), describe(&whole));
    assert!(format!("{:?}", describe(&parts)).contains("Renamed"));
    other.store().close().await;
    bridge.finish().await;
}
