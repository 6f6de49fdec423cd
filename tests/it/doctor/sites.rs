//! Jira sites: key, clock, a disabled or removed app and a stale secret look alike to Jira, and not here.

use incident_bridge::simulator::Fault;

use super::{Examined, examine, examine_under, rewrite};
use crate::harness::place::{Place, command};
use crate::harness::program::{Program, eventually, require};

/// A bridge that is installed on its site and runs.
async fn installed() -> (Place, Program) {
    let place = Place::new();
    let bridge = place.serve().await;
    place.site.install(&place.base_url).await.expect("it installs");
    (place, bridge)
}

async fn stop(mut bridge: Program) {
    bridge.signal("-TERM");
    bridge.ended().await;
}

async fn state_of(place: &Place) -> serde_json::Value {
    let said = command(&["installations", "--all", "--json"], Some(&place.file)).await;
    let sites: serde_json::Value = serde_json::from_str(&said.out).expect("it prints JSON");
    sites["installations"][0].clone()
}

async fn becomes(place: &Place, state: &str) {
    eventually(state, async || (state_of(place).await["state"] == state).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_that_works_is_well() {
    let (place, _bridge) = installed().await;
    let examined = examine(&place).await;
    examined.is_well("jira_sites");
    assert!(examined.said.out.contains("Jira accepts our tokens"), "{:?}", examined.said);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_vault_key_is_a_matter_of_the_key() {
    let (place, bridge) = installed().await;
    stop(bridge).await;
    let right = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    rewrite(&place, right, "YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODk=");
    let _bridge = place.serve().await;
    let fixes = ["key from before", "`vault.key`", "`vault.previous_keys`"];
    let examined = examine(&place).await;
    examined.must_fix("vault-key-unknown", &["the vault key is wrong"], &fixes);
    examined.advises_no_install();
    let (status, said) = place.readiness().await;
    assert_eq!((status, &said["keys"]["ok"]), (503, &false.into()), "{said}");
    let site = place.site.addr().to_string();
    assert!(said["keys"]["why"].as_str().is_some_and(|why| why.contains(&site)), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_fast_or_slow_is_a_matter_of_the_clock() {
    let (place, _bridge) = installed().await;
    let library = require("BRIDGE_TEST_FAKETIME");
    for (offset, direction) in [("+600", " s fast"), ("-3600", " s slow")] {
        let under =
            format!("export LD_PRELOAD='{library}' FAKETIME='{offset}' FAKETIME_DONT_FAKE_MONOTONIC=1");
        let examined = examine_under(&under, &place).await;
        examined.must_fix("clock-wrong", &["this machine's clock is", direction], &["NTP"]);
        examined.advises_no_install();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_that_is_disabled_is_enabled_and_one_that_was_removed_is_installed_again() {
    let (place, _bridge) = installed().await;
    place.site.disable().await.expect("it is installed");
    becomes(&place, "disabled").await;
    let disabled = examine(&place).await;
    disabled.warns("app-disabled", &["disabled", "paused the app"], &["enable the app", "Manage apps"]);
    disabled.advises_no_install();
    place.site.uninstall().await.expect("it is installed");
    becomes(&place, "uninstalled").await;
    let again = format!("{}/atlassian-connect.json", place.base_url);
    examine(&place).await.warns("app-uninstalled", &["uninstalled", "removed"], &["Upload app", &again]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_is_stale_once_key_and_clock_are_excluded() {
    let (place, bridge) = installed().await;
    stop(bridge).await;
    // Nobody tells the bridge, because it does not run.
    place.site.install_without_call("incident-bridge").expect("a secret");
    let again = format!("{}/atlassian-connect.json", place.base_url);
    let causes = ["401", "the vault key opens", "the clocks agree", "the secret is stale"];
    examine(&place).await.must_fix("secret-stale", &causes, &["enable it if it is disabled", &again]);
}

/// Waits until the site is parked by an answer that Jira gives from now on.
async fn parked_by(status: u16) -> (Place, Program) {
    let (place, bridge) = installed().await;
    place.site.fail_next(Fault::status(status).times(1_000));
    assert_eq!(place.post("Q1").await, 202);
    eventually("it is parked", async || state_of(&place).await["parked"].as_str().map(str::to_owned)).await;
    (place, bridge)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parked_site_says_what_parks_it_and_how_to_go_on_once_that_is_gone() {
    let (place, _bridge) = parked_by(403).await;
    let fixes = ["update the app on the site"];
    let forbidden: Examined = examine(&place).await;
    forbidden.must_fix("jira-forbids", &["403"], &fixes);
    place.site.clear_faults();
    let gone = examine(&place).await;
    let causes = ["accepts our tokens now", "still parked for", "lacks the operations module"];
    gone.warns("site-parked", &causes, &["incident-bridge deliveries retry --all"]);
    assert_eq!(gone.said.code, Some(0), "{:?}", gone.said);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_that_cannot_be_reached_is_named_with_host_and_port() {
    let mut place = Place::new();
    let bridge = place.serve().await;
    place.site.install(&place.base_url).await.expect("it installs");
    let address = place.site.addr().to_string();
    drop(std::mem::replace(
        &mut place.site,
        crate::harness::start_site(&incident_bridge::clock::Clock::system(), 0),
    ));
    let examined = examine(&place).await;
    examined.must_fix("connection-refused", &[&address], &["let this machine connect"]);
    drop(bridge);
}
