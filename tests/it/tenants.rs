//! Several sites: each gets its own data, and none waits for another.

use std::time::Duration;

use incident_bridge::simulator::Fault;
use secrecy::ExposeSecret as _;

use crate::harness::Setup;
use crate::harness::pagerduty::triggered;

const TWO: &str = r#"
[[sources]]
id = "pd"
type = "pagerduty"
sites = ["{site0}"]
webhook_secrets = ["pagerduty-signs-with-this"]
[[sources]]
id = "both"
type = "generic"
webhook_token = "generic-token"
[sources.mapping]
id = "/id"
summary = "/id"
status = { path = "/none", default = "open" }
url = { path = "/none", default = "https://tool.example.com/" }
createdDate = { path = "/none", default = "2026-09-14T08:00:00Z" }
"#;

#[tokio::test]
async fn a_site_gets_only_the_sources_that_it_may_see() {
    let bridge = Setup::default().sites(2).sources(TWO).start().await;
    for site in 0..2 {
        bridge.install_on(site).await;
    }
    bridge.pagerduty(&triggered("Q1")).await;
    let shared =
        bridge.post_webhook("both", "{\"id\":\"X\"}", &[("Authorization", "Bearer generic-token")]).await;
    assert_eq!(shared.status, 202, "{shared:?}");
    bridge.settle().await;
    assert!(bridge.sites[0].incident("pd:Q1").is_some() && bridge.sites[0].incident("both:X").is_some());
    assert!(bridge.sites[1].incident("pd:Q1").is_none() && bridge.sites[1].incident("both:X").is_some());
    let foreign = bridge.sites[1]
        .components()
        .iter()
        .any(|it| it["id"].as_str().is_some_and(|id| id.starts_with("pd:")));
    assert!(!foreign);
    assert_eq!(bridge.sites[1].linked_workspaces().into_iter().collect::<Vec<_>>(), ["both:account"]);
    assert_eq!(bridge.deliveries("pd:Q1").await.len(), 1);
    bridge.finish().await;
}

#[tokio::test]
async fn a_site_that_fails_does_not_hold_up_the_others() {
    let bridge = Setup::default().sites(2).start().await;
    for site in 0..2 {
        bridge.install_on(site).await;
    }
    bridge.settle().await;
    for failing in 0..2 {
        let id = format!("Q{failing}");
        bridge.sites[failing].fail_next(Fault::status(503).times(100));
        bridge.pagerduty(&triggered(&id)).await;
        bridge.settle().await;
        assert!(bridge.sites[failing].incident(&format!("pd:{id}")).is_none());
        assert!(bridge.sites[1 - failing].incident(&format!("pd:{id}")).is_some());
        bridge.sites[failing].clear_faults();
        bridge.settle_after(600).await;
        assert!(bridge.sites[failing].incident(&format!("pd:{id}")).is_some());
    }
    bridge.finish().await;
}

#[tokio::test]
async fn each_site_has_its_own_secret_and_is_written_to_with_it() {
    let bridge = Setup::default().sites(2).start().await;
    let first = bridge.install_on(0).await;
    let second = bridge.install_on(1).await;
    let rows = bridge.engine.store().sites().list_installations().await.expect("the store works");
    for site in [&first, &second] {
        let row = rows.iter().find(|row| row.client_key.0 == site.client_key).expect("it is known");
        assert_eq!(row.secrets[0].expose_secret(), site.shared_secret);
    }
    // One site's secret is not accepted for the other.
    let target = "/jira/containers/search";
    let claims = bridge.claims(&first, &reqwest::Method::GET, target);
    let answer = bridge.call_with(&second.shared_secret, &claims, reqwest::Method::GET, target, None).await;
    assert_eq!(answer.status, 401);
    bridge.settle().await;
    bridge.finish().await;
}

#[tokio::test]
async fn a_slow_site_is_served_beside_the_others() {
    let bridge = Setup::default().sites(2).start().await;
    let slow = bridge.install_on(0).await;
    let quick = bridge.install_on(1).await;
    bridge.settle().await;
    bridge.sites[0].fail_next(Fault::slow(Duration::from_millis(500)).on("POST", "/rest/operations"));
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.engine.inbound().process_inbox().await.expect("the store works");
    let key = |site: &incident_bridge::simulator::Installation| {
        incident_bridge::domain::DestinationId(site.client_key.clone())
    };
    let (slow, quick) = (key(&slow), key(&quick));
    let quick_first = async {
        bridge.serve(&quick).await.expect("the store works");
        bridge.sites[1].incident("pd:Q1").is_some() && bridge.sites[0].incident("pd:Q1").is_none()
    };
    let (served, was_first) = tokio::join!(bridge.serve(&slow), quick_first);
    served.expect("the store works");
    assert!(was_first);
    bridge.settle().await;
    assert!(bridge.sites[0].incident("pd:Q1").is_some());
    bridge.finish().await;
}
