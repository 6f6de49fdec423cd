//! Which source's turn it is at a site.

use chrono::TimeDelta;
use incident_bridge::domain::{DestinationId, Observation, SourceId, Verdict};
use incident_bridge::store::{BatchRules, Pace, Turn};

use super::{World, component, incident, outcome, rules, since_start};

pub async fn incidents_wait_for_the_components_of_their_own_source_only(world: World) {
    let site = world.install("key", "a secret of enough bytes").await;
    let of = |id: &str| SourceId::parse(id).expect("an id");
    let say = async |source: &str, observations: &[Observation]| {
        world.clock.advance(TimeDelta::seconds(1));
        world.apply_of(of(source), observations).await;
    };
    say("large", &["C1", "C2", "C3", "C4"].map(|id| component(id, 0))).await;
    say("pd", &[component("S1", 0), incident("Q1", "One", 0)]).await;
    say("other", &[incident("Q1", "One", 0)]).await;
    let (mut turn, mut sent) = (Turn::Others, Vec::new());
    let find = |turn| {
        let rules = BatchRules { turn, ..rules(2, Pace::Everything) };
        let (deliveries, site) = (world.store.deliveries(), &site);
        async move { deliveries.find_next_batch(site, &rules).await.expect("it finds") }
    };
    while let Some(batch) = find(turn).await {
        turn = Turn::after(batch.kind);
        sent.push(format!("{} {}: {}", batch.source, batch.kind.as_str(), batch.entities.len()));
        let outcomes: Vec<_> =
            batch.entities.iter().map(|it| outcome(&it.id, it.version, Verdict::Accepted)).collect();
        let (site, deliveries) = (since_start(&site), world.store.deliveries());
        let recorded = deliveries.record_outcomes(&site, batch.kind, &outcomes, None);
        recorded.await.expect("it records");
    }
    assert_eq!(
        sent,
        [
            "pd component: 1",
            "pd incident: 1",
            "large component: 2",
            "other incident: 1",
            "large component: 2"
        ]
    );
}

/// What is sent next beside requests about these sources: the source and the kind.
async fn find_beside(world: &World, site: &DestinationId, turn: Turn, beside: &[&str]) -> Option<String> {
    let beside: Vec<_> = beside.iter().map(ToString::to_string).collect();
    let rules = BatchRules { turn, beside: &beside, ..rules(2, Pace::Everything) };
    let batch = world.store.deliveries().find_next_batch(site, &rules).await.expect("it finds");
    batch.map(|batch| format!("{} {}", batch.source, batch.kind.as_str()))
}

pub async fn nothing_is_found_of_sources_about_which_something_is_on_its_way(world: World) {
    let site = world.install("key", "a secret of enough bytes").await;
    let of = |id: &str| SourceId::parse(id).expect("an id");
    world.apply_of(of("pd"), &[incident("Q1", "One", 0)]).await;
    world.clock.advance(TimeDelta::seconds(1));
    world.apply_of(of("pd-2"), &[component("S1", 0), incident("Q1", "One", 0)]).await;
    let find = async |turn, beside: &[&str]| find_beside(&world, &site, turn, beside).await;
    assert_eq!(find(Turn::Others, &[]).await.as_deref(), Some("pd incident"));
    assert_eq!(find(Turn::Components, &[]).await.as_deref(), Some("pd-2 component"));
    assert_eq!(find(Turn::Others, &["pd"]).await.as_deref(), Some("pd-2 component"));
    assert_eq!(find(Turn::Components, &["pd-2"]).await.as_deref(), Some("pd incident"));
    assert_eq!(find(Turn::Others, &["pd", "pd-2"]).await, None);
}

pub async fn with_very_many_components_all_incidents_wait_for_them(world: World) {
    let site = world.install("key", "a secret of enough bytes").await;
    let components: Vec<_> = (0..1_001).map(|n| component(&format!("C{n}"), 0)).collect();
    let (large, small) = (SourceId::parse("large").expect("an id"), SourceId::parse("small").expect("an id"));
    world.apply_of(small, &[incident("Q1", "One", 0)]).await;
    world.apply_of(large, &components).await;
    let find = async |beside: &[&str]| find_beside(&world, &site, Turn::Others, beside).await;
    assert_eq!(find(&[]).await.as_deref(), Some("large component"));
    assert_eq!(find(&["large"]).await, None);
    world.deliver(&site, false).await;
    world.apply_of(SourceId::parse("other").expect("an id"), &[incident("Q2", "Two", 0)]).await;
    assert_eq!(find(&["large"]).await.as_deref(), Some("other incident"));
}
