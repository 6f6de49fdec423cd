//! Lifecycle calls that are repeated, altered, late, or made for somebody else's site.

use incident_bridge::simulator::{Fault, Installation, SignedCall};
use incident_bridge::store::InstallationState;
use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::harness::pagerduty::triggered;
use crate::harness::{Bridge, Setup, fresh_postgres, install_key};

const FETCH: &str = "/jira/workspaces/fetch";
const SEARCH: &str = "/jira/containers/search";

#[derive(Clone, Copy)]
enum On {
    Sqlite,
    Postgres,
}

async fn start(on: On) -> Bridge {
    match on {
        On::Sqlite => Bridge::start().await,
        On::Postgres => Setup::default().store(fresh_postgres().await).start().await,
    }
}

fn prepare(bridge: &Bridge, site: &Installation, event: &str) -> SignedCall {
    bridge.jira().prepare_lifecycle(site, event).expect("a call")
}

async fn send(bridge: &Bridge, call: &SignedCall) -> u16 {
    bridge.jira().send(call.clone()).await.expect("an answer").status
}

async fn state(bridge: &Bridge, site: &Installation) -> InstallationState {
    let rows = bridge.engine.store().sites().list_installations().await.expect("the store works");
    rows.iter().find(|row| row.client_key.0 == site.client_key).expect("it is known").state
}

async fn secret(bridge: &Bridge, site: &Installation) -> String {
    let rows = bridge.engine.store().sites().list_installations().await.expect("the store works");
    let row = rows.iter().find(|row| row.client_key.0 == site.client_key).expect("it is known");
    row.secrets[0].expose_secret().to_owned()
}

async fn a_repeated_installation_has_no_effect_and_an_altered_one_is_refused(on: On) {
    let bridge = start(on).await;
    let site = bridge.install().await;
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle().await;
    bridge.advance(1);
    let call = prepare(&bridge, &site, "installed");
    assert_eq!(send(&bridge, &call).await, 204);
    bridge.settle().await;
    let writes = || bridge.jira().requests().iter().filter(|request| request.method == "POST").count();
    let before = writes();
    bridge.advance(1);
    assert_eq!(send(&bridge, &call).await, 204);
    bridge.settle().await;
    assert_eq!(writes(), before, "nothing is sent again");
    let mut altered = call.clone();
    altered.body.as_mut().expect("a body")["sharedSecret"] = json!("a secret that somebody else has chosen");
    assert_eq!(send(&bridge, &altered).await, 401);
    assert_eq!(secret(&bridge, &site).await, site.shared_secret);
    bridge.advance(15 * 60 + 10);
    assert_eq!(send(&bridge, &call).await, 401, "its token is over");
    bridge.finish().await;
}

async fn an_old_call_undoes_nothing_that_came_after_it(on: On) {
    let bridge = start(on).await;
    let site = bridge.install().await;
    // Those that were used, and those that somebody kept back.
    let used: Vec<_> =
        ["installed", "disabled", "enabled", "uninstalled"].map(|it| prepare(&bridge, &site, it)).into();
    let kept = ["installed", "disabled", "enabled", "uninstalled"].map(|it| prepare(&bridge, &site, it));
    for call in &used {
        assert_eq!(send(&bridge, call).await, 204, "{}", call.url);
    }
    assert_eq!(state(&bridge, &site).await, InstallationState::Uninstalled);
    bridge.advance(1);
    bridge.jira().uninstall().await.expect("it is installed");
    assert_eq!(send(&bridge, &used[0]).await, 204, "it is known, and has no effect");
    assert_eq!(send(&bridge, &kept[0]).await, 401, "it is older than the removal");
    assert_eq!(state(&bridge, &site).await, InstallationState::Uninstalled);

    bridge.advance(1);
    let again = bridge.install().await;
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle().await;
    assert_eq!(send(&bridge, &used[3]).await, 204);
    for call in &kept {
        assert_eq!(send(&bridge, call).await, 401, "{}", call.url);
    }
    assert_eq!(state(&bridge, &again).await, InstallationState::Enabled);
    assert_eq!(secret(&bridge, &again).await, again.shared_secret);
    assert_eq!(bridge.deliveries("pd:Q1").await.len(), 1);
    bridge.finish().await;
}

async fn calls_under_the_sites_secret_are_taken_once_and_in_order(on: On) {
    let bridge = start(on).await;
    let site = bridge.install().await;
    let disabled = prepare(&bridge, &site, "disabled");
    assert_eq!(send(&bridge, &disabled).await, 204, "of the second of the installation");
    assert_eq!(state(&bridge, &site).await, InstallationState::Disabled);
    let kept = prepare(&bridge, &site, "disabled");
    bridge.advance(1);
    assert_eq!(send(&bridge, &prepare(&bridge, &site, "enabled")).await, 204);
    assert_eq!(send(&bridge, &disabled).await, 204);
    assert_eq!(send(&bridge, &kept).await, 401);
    assert_eq!(state(&bridge, &site).await, InstallationState::Enabled);
    bridge.finish().await;
}

async fn a_client_key_of_another_site_pushes_nobody_out(on: On) {
    let bridge = start(on).await;
    let old = bridge.install().await;
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle().await;
    let secret = "a secret that Jira has never heard of".to_owned();
    let forged =
        Installation { client_key: "another site's".to_owned(), shared_secret: secret, ..old.clone() };
    for event in ["installed", "enabled"] {
        assert_eq!(send(&bridge, &prepare(&bridge, &forged, event)).await, 204);
    }
    bridge.pagerduty(&triggered("Q2")).await;
    for seconds in [0, 3, 10, 600] {
        bridge.settle_after(seconds).await;
        assert_eq!(state(&bridge, &forged).await, InstallationState::Unconfirmed);
        assert_eq!(state(&bridge, &old).await, InstallationState::Enabled);
    }
    let ask = async |site: &Installation| {
        let fetched = bridge.call(site, Method::POST, FETCH, Some(&json!({ "ids": ["pd:account"] }))).await;
        [fetched.status, bridge.call(site, Method::GET, SEARCH, None).await.status]
    };
    assert_eq!((ask(&old).await, ask(&forged).await), ([200, 200], [401, 401]));
    assert_eq!(bridge.deliveries("pd:Q2").await.len(), 1);
    assert!(bridge.jira().incident("pd:Q2").is_some());
    let rows = bridge.engine.operator().list_installations(false).await.expect("the store works");
    let row = rows.iter().find(|row| row.client_key == forged.client_key).expect("it is listed");
    let why = row.parked.as_deref().expect("a reason");
    assert!(why.starts_with("Jira has not accepted this installation's secret"), "{why}");
    assert_eq!((row.deliveries.waiting, row.linked_workspaces), (0, 0));

    assert_eq!(send(&bridge, &prepare(&bridge, &forged, "uninstalled")).await, 204);
    assert_eq!(state(&bridge, &old).await, InstallationState::Enabled);
    bridge.finish().await;
}

async fn a_new_client_key_replaces_the_old_one_when_jira_accepts_it(on: On) {
    let mut bridge = start(on).await;
    let old = bridge.install().await;
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle().await;
    let port = bridge.jira().addr().port();
    bridge.sites.remove(0).stop().await.expect("it stops");
    bridge.sites.push(crate::harness::start_site(&bridge.clock, port));
    // Jira refuses the secret until it has read the answer to `installed`.
    bridge.jira().fail_next(Fault::status(401).on("GET", "/rest/operations/1.0/linkedWorkspaces"));
    let new = bridge.install().await;
    bridge.settle().await;
    assert_eq!(state(&bridge, &new).await, InstallationState::Unconfirmed);
    assert_eq!(state(&bridge, &old).await, InstallationState::Enabled);
    bridge.restart().await;
    bridge.settle_after(5).await;
    assert_eq!(state(&bridge, &new).await, InstallationState::Enabled);
    assert_eq!(state(&bridge, &old).await, InstallationState::Replaced);
    assert!(bridge.jira().incident("pd:Q1").is_some());
    assert_eq!(bridge.jira().linked_workspaces().len(), 3);
    bridge.finish().await;
}

macro_rules! both {
    ($($story:ident)*) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $story() {
                super::$story(super::On::Sqlite).await;
            })*
        }
        mod postgres {
            $(#[tokio::test]
            async fn $story() {
                super::$story(super::On::Postgres).await;
            })*
        }
    };
}

both! {
    a_repeated_installation_has_no_effect_and_an_altered_one_is_refused
    an_old_call_undoes_nothing_that_came_after_it
    calls_under_the_sites_secret_are_taken_once_and_in_order
    a_client_key_of_another_site_pushes_nobody_out
    a_new_client_key_replaces_the_old_one_when_jira_accepts_it
}

#[tokio::test]
async fn a_token_that_is_valid_for_more_than_a_quarter_of_an_hour_changes_nothing() {
    let bridge = Bridge::start().await;
    for event in ["installed", "uninstalled", "enabled", "disabled"] {
        bridge.advance(1);
        let site = bridge.install().await;
        let call = prepare(&bridge, &site, event);
        let body = call.body.expect("a body");
        for (lifetime, expected) in [(901, 401), (900, 204)] {
            let target = format!("/connect/{event}");
            let mut claims = bridge.claims(&site, &Method::POST, &target);
            claims.exp = claims.iat + lifetime;
            claims.aud = vec![bridge.base_url.clone()];
            let answer = if event.ends_with("installed") {
                bridge.call_lifecycle(&claims, &install_key().kid, &target, &body).await
            } else {
                bridge.call_with(&site.shared_secret, &claims, Method::POST, &target, Some(&body)).await
            };
            assert_eq!(answer.status, expected, "{event} {lifetime}");
        }
    }
    bridge.advance(1);
    bridge.install().await;
    bridge.finish().await;
}
