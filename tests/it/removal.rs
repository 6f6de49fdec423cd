//! The configuration changes: what a site may no longer see is removed in time; what it may see is sent.

use crate::harness::Bridge;
use crate::harness::pagerduty::triggered;
use incident_bridge::domain::DeliveryState;

const DAY: i64 = 24 * 3600;

async fn with_an_incident() -> Bridge {
    let bridge = Bridge::installed().await;
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle_after(5).await;
    assert!(bridge.jira().incident("pd:Q1").is_some());
    bridge
}

async fn nightly(bridge: &Bridge) {
    bridge.engine.run_nightly().await.expect("the store works");
    bridge.settle_after(5).await;
}

#[tokio::test]
async fn a_source_taken_out_of_the_configuration_is_removed_after_a_grace_period() {
    let mut bridge = with_an_incident().await;
    let before = bridge.delivery("pd:Q1").await.wanted;
    let all = bridge.config.sources.clone();
    bridge.config.sources.retain(|source| source.id.as_str() != "pd");
    bridge.restart().await;
    nightly(&bridge).await;
    bridge.advance(DAY - 60);
    nightly(&bridge).await;
    assert!(bridge.jira().incident("pd:Q1").is_some(), "a mistake of a day must not empty the page");
    let planned = bridge.engine.outbound().plan_removals().await.expect("the store works");
    assert_eq!(planned.len(), 1);
    bridge.advance(120);
    nightly(&bridge).await;
    assert!(bridge.jira().incident("pd:Q1").is_none());
    assert!(
        bridge
            .jira()
            .components()
            .iter()
            .all(|it| !it["id"].as_str().is_some_and(|id| id.starts_with("pd:")))
    );
    assert!(!bridge.jira().linked_workspaces().contains("pd:account"));
    assert!(bridge.jira().linked_workspaces().contains("am:account"));
    assert!(bridge.deliveries("pd:Q1").await.is_empty());
    // It comes back with versions that have not gone down.
    bridge.config.sources = all;
    bridge.restart().await;
    bridge.settle_after(5).await;
    assert!(bridge.jira().incident("pd:Q1").is_some());
    assert!(bridge.delivery("pd:Q1").await.wanted >= before);
    bridge.finish().await;
}

#[tokio::test]
async fn a_source_that_comes_back_within_the_grace_period_loses_nothing() {
    let mut bridge = with_an_incident().await;
    let all = bridge.config.sources.clone();
    bridge.config.sources.retain(|source| source.id.as_str() != "pd");
    bridge.restart().await;
    nightly(&bridge).await;
    bridge.config.sources = all;
    bridge.restart().await;
    bridge.advance(2 * DAY);
    nightly(&bridge).await;
    assert!(bridge.jira().incident("pd:Q1").is_some());
    assert!(bridge.engine.outbound().plan_removals().await.expect("the store works").is_empty());
    bridge.finish().await;
}

#[tokio::test]
async fn a_site_gets_what_the_configuration_shows_it_later() {
    let mut bridge = with_an_incident().await;
    let sites = std::mem::take(
        &mut bridge.config.sources.iter_mut().find(|it| it.id.as_str() == "gen").expect("it is there").sites,
    );
    bridge.restart().await;
    assert!(sites.len() == 1 && bridge.deliveries("gen:unassigned").await.len() == 1);
    bridge.engine.outbound().remove_due(true).await.expect("the store works");
    assert!(bridge.deliveries("gen:unassigned").await.is_empty());
    bridge.config.sources.iter_mut().find(|it| it.id.as_str() == "gen").expect("it is there").sites = sites;
    bridge.restart().await;
    bridge.settle().await;
    bridge.settle_after(5).await;
    assert_eq!(bridge.delivery("gen:unassigned").await.state, DeliveryState::Confirmed);
    bridge.finish().await;
}
