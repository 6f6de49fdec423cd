//! A site installs the app, pauses it, installs it again, removes it.

use incident_bridge::domain::{DeliveryState, DestinationId};
use incident_bridge::simulator::{Fault, Installation};
use incident_bridge::store::InstallationState;
use reqwest::Method;
use serde_json::json;

use crate::harness::pagerduty::triggered;
use crate::harness::{Bridge, Setup};

const FETCH: &str = "/jira/workspaces/fetch";

fn count_writes(bridge: &Bridge, site: usize) -> usize {
    let requests = bridge.sites[site].requests();
    requests.iter().filter(|request| request.method == "POST" && request.path.ends_with("/bulk")).count()
}

async fn asks_with(bridge: &Bridge, site: &Installation) -> u16 {
    bridge.call(site, Method::POST, FETCH, Some(&json!({ "ids": [] }))).await.status
}

#[tokio::test]
async fn a_site_that_installs_is_linked_and_told_of_the_fallback_components() {
    let bridge = Bridge::start().await;
    bridge.install().await;
    assert_eq!(bridge.jira().linked_workspaces().len(), 0);
    bridge.settle().await;
    let linked: Vec<String> = bridge.jira().linked_workspaces().into_iter().collect();
    assert_eq!(linked, ["am:account", "gen:account", "pd:account"]);
    assert_eq!(bridge.jira().components().len(), 3);
    bridge.finish().await;
}

#[tokio::test]
async fn what_happened_before_the_installation_arrives_with_it() {
    let bridge = Bridge::start().await;
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle().await;
    bridge.install().await;
    bridge.settle().await;
    assert_eq!(bridge.jira().incident("pd:Q1").expect("it arrived")["status"], "open");
    bridge.finish().await;
}

#[tokio::test]
async fn after_a_reinstall_everything_is_sent_again() {
    let bridge = Bridge::installed().await;
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle().await;
    bridge.jira().uninstall_silently();
    assert!(bridge.jira().incidents().is_empty() && bridge.jira().linked_workspaces().is_empty());
    bridge.install().await;
    bridge.settle().await;
    assert!(bridge.jira().incident("pd:Q1").is_some());
    assert_eq!(bridge.jira().components().len(), 4);
    assert_eq!(bridge.jira().linked_workspaces().len(), 3);
    bridge.finish().await;
}

#[tokio::test]
async fn a_reinstall_keeps_the_secret_before_it_for_requests_under_way() {
    let bridge = Bridge::start().await;
    let before = bridge.install().await;
    let after = bridge.jira().reinstall().await.expect("it installs again");
    assert_ne!(before.shared_secret, after.shared_secret);
    assert_eq!(asks_with(&bridge, &before).await, 200);
    assert_eq!(asks_with(&bridge, &after).await, 200);
    bridge.advance(5 * 60);
    assert_eq!(asks_with(&bridge, &before).await, 401);
    assert_eq!(asks_with(&bridge, &after).await, 200);
    bridge.finish().await;
}

#[tokio::test]
async fn an_uninstall_erases_secrets_and_deliveries() {
    let bridge = Bridge::start().await;
    let site = bridge.install().await;
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle().await;
    bridge.jira().uninstall().await.expect("it was installed");
    let rows = bridge.engine.store().sites().list_installations().await.expect("the store works");
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].state, InstallationState::Uninstalled);
    assert!(rows[0].secrets.is_empty() && rows[0].display_url.is_none());
    assert!(bridge.deliveries("pd:Q1").await.is_empty());
    let key = DestinationId(site.client_key.clone());
    assert!(bridge.engine.store().sites().list_links(&key).await.expect("the store works").is_empty());
    assert_eq!(asks_with(&bridge, &site).await, 401);
    let requests = bridge.jira().request_count();
    bridge.pagerduty(&triggered("Q1").titled("Changed since")).await;
    bridge.settle().await;
    assert_eq!(bridge.jira().request_count(), requests);
    bridge.finish().await;
}

#[tokio::test]
async fn an_uninstall_of_a_site_that_nobody_knows_is_answered_like_any_other() {
    let bridge = Bridge::start().await;
    let site = bridge.install().await;
    bridge.jira().uninstall().await.expect("it was installed");
    let call = bridge.jira().prepare_lifecycle(&site, "uninstalled").expect("a call");
    assert_eq!(bridge.jira().send(call).await.expect("an answer").status, 204);
    bridge.finish().await;
}

#[tokio::test]
async fn a_new_client_key_for_the_same_site_replaces_the_old_one() {
    let mut bridge = Bridge::start().await;
    let old = bridge.install().await;
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle().await;
    let port = bridge.jira().addr().port();
    bridge.sites.remove(0).stop().await.expect("it stops");
    bridge.sites.push(crate::harness::start_site(&bridge.clock, port));
    let new = bridge.install().await;
    assert_ne!(old.client_key, new.client_key);
    bridge.settle().await;
    assert!(bridge.jira().incident("pd:Q1").is_some());
    assert_eq!(bridge.delivery("pd:Q1").await.state, DeliveryState::Accepted);
    assert_eq!(asks_with(&bridge, &old).await, 401);
    let rows = bridge.engine.store().sites().list_installations().await.expect("the store works");
    let state = |key: &str| rows.iter().find(|row| row.client_key.0 == key).expect("it is known").state;
    assert_eq!(state(&old.client_key), InstallationState::Replaced);
    assert_eq!(state(&new.client_key), InstallationState::Enabled);
    bridge.finish().await;
}

#[tokio::test]
async fn a_disabled_site_gets_nothing_and_catches_up_when_enabled() {
    let bridge = Bridge::installed().await;
    bridge.jira().disable().await.expect("it is installed");
    let writes = count_writes(&bridge, 0);
    for title in ["First words", "Second words", "Last words"] {
        bridge.pagerduty(&triggered("Q1").titled(title)).await;
        bridge.settle_after(10).await;
    }
    assert_eq!(count_writes(&bridge, 0), writes);
    assert_eq!(bridge.delivery("pd:Q1").await.state, DeliveryState::Waiting);
    bridge.jira().enable().await.expect("it is installed");
    bridge.settle().await;
    assert_eq!(bridge.jira().incident("pd:Q1").expect("it caught up")["summary"], "Last words");
    assert_eq!(count_writes(&bridge, 0), writes + 2, "one write for the component, one for the incident");
    bridge.finish().await;
}

#[tokio::test]
async fn a_site_that_is_not_on_the_list_is_refused_with_the_key_to_set() {
    let bridge = Setup::default().strangers(1).start().await;
    let stranger = &bridge.sites[1];
    let refused = stranger.install(&bridge.base_url).await.expect_err("it may not install");
    assert!(refused.to_string().contains("403"), "{refused}");
    assert!(stranger.find_installation().is_none());

    let like = bridge.install().await;
    let site = Installation { client_key: "stranger".to_owned(), ..like };
    let call = stranger.prepare_lifecycle(&site, "installed").expect("a call");
    let answer = stranger.send(call).await.expect("an answer");
    assert_eq!(answer.status, 403);
    let detail = answer.body["detail"].as_str().expect("a sentence");
    assert!(detail.contains("connect.sites") && detail.contains(&stranger.addr().to_string()), "{detail}");
    assert_eq!(bridge.engine.store().sites().list_installations().await.expect("the store works").len(), 1);
    bridge.finish().await;
}

#[tokio::test]
async fn an_empty_list_of_sites_refuses_everybody_and_says_which_key_to_set() {
    let bridge = Setup::default().config("[connect]\nsites = []").start().await;
    let refused = bridge.jira().install(&bridge.base_url).await.expect_err("nobody may install");
    assert!(refused.to_string().contains("403"), "{refused}");
    assert!(bridge.engine.store().sites().list_installations().await.expect("the store works").is_empty());
    bridge.finish().await;
}

#[tokio::test]
async fn without_automatic_links_nothing_is_linked_and_everything_is_sent() {
    let bridge = Setup::default().config("[connect]\nauto_link = false").start().await;
    bridge.install().await;
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle().await;
    assert!(bridge.jira().linked_workspaces().is_empty());
    assert!(bridge.jira().incident("pd:Q1").is_some());
    bridge.finish().await;
}

#[tokio::test]
async fn links_that_fail_are_made_later() {
    let bridge = Bridge::start().await;
    bridge.install().await;
    bridge.jira().fail_next(Fault::status(503).on("POST", "/rest/operations/1.0/linkedWorkspaces"));
    bridge.settle().await;
    assert!(bridge.jira().linked_workspaces().is_empty());
    bridge.settle_after(60).await;
    assert_eq!(bridge.jira().linked_workspaces().len(), 3);
    bridge.finish().await;
}

#[tokio::test]
async fn the_nightly_comparison_restores_what_jira_has_lost() {
    let bridge = Bridge::installed().await;
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle().await;
    bridge.settle_after(2).await;
    assert_eq!(bridge.delivery("pd:Q1").await.state, DeliveryState::Confirmed);
    for target in ["incidents/pd:Q1", "linkedWorkspaces/bulk?workspaceIds=pd%3Aaccount"] {
        bridge.delete_in_jira(&format!("/rest/operations/1.0/{target}")).await;
    }
    assert!(bridge.jira().incident("pd:Q1").is_none());
    bridge.engine.run_nightly().await.expect("the store works");
    for _ in 0..6 {
        bridge.settle_after(20 * 60).await;
    }
    assert!(bridge.jira().incident("pd:Q1").is_some());
    assert_eq!(bridge.jira().linked_workspaces().len(), 3);
    bridge.finish().await;
}
