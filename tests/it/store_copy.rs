//! `store copy` moves a deployment to the other kind of database and back, and nothing is lost on the way.

use incident_bridge::domain::DeliveryState;
use secrecy::ExposeSecret as _;

use crate::harness::pagerduty::triggered;
use crate::harness::place::{Said, command};
use crate::harness::{Bridge, fresh_postgres};

async fn copy(from: &str, to: &str) -> Said {
    command(&["store", "copy", "--from", from, "--to", to, "--json"], None).await
}

/// A bridge that has worked, stopped in the middle: something waits in the inbox, something for Jira.
async fn worked() -> Bridge {
    let bridge = Bridge::installed().await;
    bridge.pagerduty(&triggered("Q1").titled("Checkout is down \u{1F525}")).await;
    bridge.settle_after(5).await;
    bridge.pagerduty(&triggered("Q2")).await;
    bridge.post_webhook("am", "{}".to_owned(), &[crate::webhooks::AM]).await;
    bridge
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_moves_to_postgres_and_back() {
    let mut bridge = worked().await;
    let sqlite = bridge.config.store.url.expose_secret().to_owned();
    let refused = copy(&sqlite, &fresh_postgres().await).await;
    assert!(
        refused.code == Some(1) && refused.err.contains("stop it first"),
        "the service runs: {}",
        refused.err
    );

    let (postgres, folder) = (fresh_postgres().await, tempfile::tempdir().expect("a temporary folder"));
    let back = format!("sqlite://{}", folder.path().join("back.db").display());
    bridge.stop_for_now().await;
    let there = copy(&sqlite, &postgres).await;
    assert!(there.code == Some(0), "{}", there.err);
    let again = copy(&sqlite, &postgres).await;
    assert!(again.code == Some(1) && again.err.contains("not empty"), "{}", again.err);
    let home = copy(&postgres, &back).await;
    assert!(home.code == Some(0), "{}", home.err);
    assert_eq!(there.out, home.out, "the same tables with the same digests");
    let tables: Vec<serde_json::Value> = serde_json::from_str(&there.out).expect("it is JSON");
    let rows = |table: &str| tables.iter().find(|it| it["table"] == table).map(|it| it["rows"].clone());
    assert_eq!(rows("destinations"), Some(1.into()));
    assert!(rows("inbox").is_some_and(|rows| rows.as_u64() >= Some(3)), "{tables:?}");

    for url in [postgres, back] {
        bridge.config.store.url = url.into();
        bridge.start_again().await;
        bridge.settle_after(5).await;
        assert!(
            bridge.jira().incident("pd:Q2").is_some(),
            "what waited is processed, with the sealed secret"
        );
        assert_eq!(bridge.delivery("pd:Q1").await.state, DeliveryState::Confirmed);
        bridge.stop_for_now().await;
    }
    bridge.start_again().await;
    bridge.finish().await;
}
