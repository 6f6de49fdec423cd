//! A start: nothing that grows with the store keeps the listeners from listening, and a request that comes before
//! anything else is answered as any other.

use serde_json::json;

use crate::harness::pagerduty::triggered;
use crate::harness::{Bridge, Setup, on_both_databases};

on_both_databases! {
    a_start_reads_no_table_that_grows_with_the_store
    the_first_request_after_a_start_is_answered_as_any_other
    a_source_that_more_sites_may_see_is_offered_to_them_after_the_start
}

/// Tables with rows per entity, webhook or link.
const GROWING: [&str; 9] = [
    "deliveries",
    "entities",
    "inbox",
    "timeline",
    "workspaces",
    "links",
    "associations",
    "refetches",
    "directory_changes",
];

async fn with_an_incident(setup: Setup) -> Bridge {
    let bridge = setup.start().await;
    bridge.install().await;
    bridge.settle().await;
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle_after(5).await;
    bridge
}

async fn a_start_reads_no_table_that_grows_with_the_store(setup: Setup) {
    let mut bridge = with_an_incident(setup).await;
    for table in GROWING {
        bridge.execute(&format!("ALTER TABLE {table} RENAME TO hidden_{table}")).await;
    }
    bridge.restart().await;
    for table in GROWING {
        bridge.execute(&format!("ALTER TABLE hidden_{table} RENAME TO {table}")).await;
    }
    bridge.pagerduty(&triggered("Q2")).await;
    bridge.settle_after(5).await;
    assert!(bridge.jira().incident("pd:Q2").is_some());
    bridge.finish().await;
}

async fn the_first_request_after_a_start_is_answered_as_any_other(setup: Setup) {
    let mut bridge = with_an_incident(setup).await;
    bridge.restart().await;
    let found = bridge.jira().search_containers("", None).await.expect("an answer");
    assert_eq!(found.status, 200, "{found:?}");
    assert!(!found.body["containers"].as_array().expect("a list").is_empty());
    bridge.restart().await;
    let found = bridge.jira().fetch_workspaces(&["pd:account"]).await.expect("an answer");
    assert_eq!((found.status, &found.body["workspaces"][0]["id"]), (200, &json!("pd:account")));
    bridge.restart().await;
    bridge.jira().disable().await.expect("a call of the lifecycle is believed");
    bridge.restart().await;
    assert_eq!(bridge.get_as_operator("/readyz").await.status, 200);
    bridge.finish().await;
}

async fn a_source_that_more_sites_may_see_is_offered_to_them_after_the_start(setup: Setup) {
    const NOBODY: &str = "nobody.atlassian.net";
    let mut bridge = setup.sites(2).start().await;
    for source in &mut bridge.config.sources {
        source.sites = vec![NOBODY.to_owned()];
    }
    bridge.restart().await;
    bridge.install_on(1).await;
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle_after(5).await;
    assert!(bridge.sites[1].incident("pd:Q1").is_none());
    let everybody = bridge.sites.iter().map(|site| site.addr().to_string()).collect::<Vec<_>>();
    for source in &mut bridge.config.sources {
        source.sites.clone_from(&everybody);
    }
    bridge.restart().await;
    bridge.task("settle").run().await.expect("the store works");
    bridge.settle_after(5).await;
    assert!(bridge.sites[1].incident("pd:Q1").is_some(), "it was stored before the site could see it");
    bridge.finish().await;
}
