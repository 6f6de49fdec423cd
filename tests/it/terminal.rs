//! What the commands print for people: changes field by field, ages, and a sentence in place of an empty table.

use incident_bridge::clock::Clock;

use crate::harness::pagerduty_account::Account;
use crate::harness::place::{Place, Said, command};

async fn run(place: &Place, arguments: &[&str]) -> Said {
    command(arguments, Some(&place.file)).await
}

/// A site that holds the one incident of a polled PagerDuty; no service runs.
async fn start(account: &Account, address: &str) -> Place {
    let place = Place::with(
        &[],
        &format!(
            "[[sources]]\nid = \"pd\"\ntype = \"pagerduty\"\napi_token = \"rest-token\"\napi_url = \"{address}\"\n"
        ),
    );
    let bridge = place.serve().await;
    place.site.install(&place.base_url).await.expect("it installs");
    drop(bridge);
    account.open(1, Clock::system().now());
    let synced = run(&place, &["sync"]).await;
    assert!(place.site.incident("pd:Q00000").is_some(), "{synced:?}");
    place
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_says_field_by_field_what_would_change() {
    let (account, server) = Account::start().await;
    let place = start(&account, &server.uri()).await;
    let nothing = run(&place, &["sync", "--dry-run"]).await;
    assert_eq!(nothing.out, "Dry run: 0 entities would be sent\n", "{nothing:?}");
    account.resolve(|n| n == 0);
    let said = run(&place, &["sync", "--dry-run"]).await;
    for part in ["  status: \"open\" → \"resolved\"\n", "Dry run: 1 entity would be sent\n"] {
        assert!(said.out.contains(part), "{part} in {said:?}");
    }
    assert!(!said.out.contains("updateSequenceNumber"), "{said:?}");
    let whole = run(&place, &["sync", "--dry-run", "--verbose"]).await;
    assert!(whole.out.contains("updateSequenceNumber"), "{whole:?}");
    let json = run(&place, &["sync", "--dry-run", "--json"]).await;
    let json: serde_json::Value = serde_json::from_str(&json.out).expect("it is JSON");
    let change = json[0]["changes"].as_array().expect("a list").iter().find(|it| it["field"] == "status");
    assert_eq!(change, Some(&serde_json::json!({ "field": "status", "old": "open", "new": "resolved" })));
    let synced = run(&place, &["sync"]).await;
    assert!(synced.out.contains("1 change in "), "{synced:?}");
    let listed = run(&place, &["installations"]).await;
    assert!(listed.out.contains("current") && listed.out.contains("Z ("), "{listed:?}");
    assert!(!listed.out.contains("first sync"), "it is done: {listed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_list_is_a_sentence() {
    let place = Place::new();
    drop(place.serve().await);
    for (arguments, said) in [
        (&["deliveries", "list"][..], "nothing waits, and nothing was refused\n"),
        (&["deliveries", "list", "--failed"], "nothing was refused\n"),
        (&["quarantine", "list"], "nothing is in quarantine\n"),
        (&["incidents", "--open"], "no incident is open here\n"),
        (&["prune", "--dry-run"], "nothing to remove now\n"),
    ] {
        assert_eq!(run(&place, arguments).await.out, said, "{arguments:?}");
    }
}
