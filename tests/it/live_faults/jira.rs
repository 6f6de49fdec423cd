//! Jira fails in every way that its contract, its gateways and the network allow.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use incident_bridge::clock::Clock;
use incident_bridge::simulator::{EntityKind, Fault};

use super::{COMPONENTS, INCIDENTS, LINKS, ONE_INCIDENT, Story};
use crate::harness::program::eventually;

const RESET: &str = "X-RateLimit-Reset";
const RETRY_AFTER: &str = "Retry-After";

/// The instant in `seconds`, as a header says it.
fn soon(seconds: i64, format: &str) -> String {
    let instant: DateTime<Utc> = Clock::system().now() + TimeDelta::seconds(seconds);
    instant.format(format).to_string()
}

fn http_date(seconds: i64) -> String {
    soon(seconds, "%a, %d %b %Y %H:%M:%S GMT")
}

fn iso_date(seconds: i64) -> String {
    soon(seconds, "%Y-%m-%dT%H:%M:%SZ")
}

/// Temporary failures. Instants in headers are relative to the moment of the call.
fn passing() -> Vec<(&'static str, Fault)> {
    let limited = Fault::rate_limited;
    let tenant = "jira-quota-tenant-based";
    vec![
        ("429 without a word", Fault::status(429)),
        ("429, seconds", Fault::status(429).header(RETRY_AFTER, "1")),
        ("429, a date", Fault::status(429).header(RETRY_AFTER, &http_date(2))),
        ("429, a reset", Fault::status(429).header(RESET, &iso_date(2))),
        ("429, nonsense in both", Fault::status(429).header(RETRY_AFTER, "soon").header(RESET, "later")),
        ("429 for a burst", limited("jira-burst-based", None)),
        ("429 for a burst, seconds", limited("jira-burst-based", Some(1))),
        ("429 for an issue", limited("jira-per-issue-on-write", None)),
        ("429 for an issue, seconds", limited("jira-per-issue-on-write", Some(2))),
        ("429 for a quota, reset and seconds", limited(tenant, Some(1)).header(RESET, &iso_date(2))),
        ("429 for a quota, seconds after the reset", limited(tenant, Some(3)).header(RESET, &iso_date(1))),
        ("429 for a reason of tomorrow", limited("jira-phase-of-the-moon", Some(1))),
        ("500", Fault::status(500)),
        ("500 with Jira's words", Fault::answer(500, r#"[{"message":"boom","errorTraceId":"t-1"}]"#)),
        ("502", Fault::status(502)),
        ("503", Fault::status(503)),
        ("503, seconds", Fault::status(503).header(RETRY_AFTER, "1")),
        ("503, a date", Fault::status(503).header(RETRY_AFTER, &http_date(2))),
        ("504 after the work is done", Fault::status(504).after_processing()),
        ("408", Fault::status(408)),
        ("half an answer", Fault::truncated()),
        ("no answer", Fault::dropped()),
        ("never an answer", Fault::hang()),
        ("an answer after we have gone", Fault::late(Duration::from_secs(3))),
        ("a page of HTML", Fault::html()),
        ("202 and half an object", Fault::answer(202, r#"{"acceptedInc"#).after_processing()),
        ("202 and a list", Fault::answer(202, "[]").after_processing()),
        ("202 and nothing", Fault::answer(202, "").after_processing()),
        ("202 and an empty object", Fault::empty_accept()),
    ]
}

/// One site per failure; each site fails at every kind of request that the bridge makes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_failure_that_passes_is_survived_by_every_kind_of_request() {
    let mut story = Story::set(passing().len()).await;
    let fail = |story: &Story, method: &str, path: &str| {
        for (site, (_, fault)) in story.sites.iter().zip(passing()) {
            site.fail_next(fault.on(method, path));
        }
    };
    fail(&story, "POST", LINKS);
    fail(&story, "POST", COMPONENTS);
    story.install().await;
    story.open(3).await;
    story.faults_are_met("while it installs").await;
    story.arrived("an install while Jira fails").await;
    fail(&story, "POST", INCIDENTS);
    story.news().await;
    story.faults_are_met("while incidents are written").await;
    story.arrived("incidents that were written while Jira fails").await;
    fail(&story, "GET", ONE_INCIDENT);
    story.news().await;
    story.faults_are_met("while incidents are read back").await;
    story.arrived("incidents that were read back while Jira fails").await;
    for (site, (what, _)) in story.sites.iter().zip(passing()) {
        let linked = async || site.linked_workspaces().contains("pd:account").then_some(());
        eventually(&format!("a linked workspace after {what}"), linked).await;
    }
    story.every_site("no site is held back", |row| row["parked"].is_null() && row["waiting"] == 0).await;
}

/// What only a person can fix, with the message for that person.
fn lasting() -> Vec<(Fault, &'static str)> {
    let moved = |status: u16| {
        Fault::status(status).header("Location", "https://new.atlassian.net/rest/operations/1.0/bulk")
    };
    vec![
        // A single 401 may mean that a new secret is about to arrive.
        (Fault::status(401).times(2), "install the app again"),
        (Fault::status(403), "lacks the operations module or a scope"),
        (Fault::status(404), "check that the site still exists"),
        (Fault::status(410), "check that the site still exists"),
        (moved(301), "new.atlassian.net"),
        (moved(302), "new.atlassian.net"),
        (moved(307), "new.atlassian.net"),
        (moved(308), "new.atlassian.net"),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_failure_that_lasts_is_told_to_a_person_whose_retry_ends_it() {
    let mut story = Story::begin(lasting().len()).await;
    for (site, (fault, _)) in story.sites.iter().zip(lasting()) {
        site.fail_next(fault.on("POST", INCIDENTS));
    }
    story.news().await;
    let told = |address: &str| {
        let nth = story.sites.iter().position(|site| site.addr().to_string() == address);
        lasting().swap_remove(nth.expect("it is one of ours")).1
    };
    story
        .every_site("every site is parked for its own reason", |row| {
            let why = row["parked"].as_str().unwrap_or_default();
            why.contains(told(row["site"].as_str().expect("an address")))
        })
        .await;
    story.news().await;
    let retried = story.ask(&["deliveries", "retry", "--all"]).await;
    assert!(retried.contains(&format!("{} parked sites", story.sites.len())), "{retried}");
    story.arrived("a person's retry").await;
    story.every_site("no site is parked", |row| row["parked"].is_null()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_that_moved_or_changed_its_secret_unheard_gets_everything_when_it_installs_again() {
    let mut story = Story::begin(2).await;
    story.sites[0].fail_next(Fault::renamed_to("https://new.atlassian.net/").on("POST", INCIDENTS));
    story.sites[1].uninstall_silently();
    story.news().await;
    story.every_site("both are parked", |row| !row["parked"].is_null()).await;
    let lost = story.sender.compare(&story.sites[1]).lost;
    assert_eq!(lost.len(), story.sender.count(), "a site that lost the app shows nothing of it");
    story.news().await;
    story.install().await;
    story.arrived("the new installation").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_used_up_quota_of_the_app_is_waited_out_by_all_sites() {
    let mut story = Story::begin(3).await;
    let global = Fault::rate_limited("jira-quota-global-based", Some(2));
    story.sites[0].fail_next(global.header(RESET, &iso_date(3)).on("POST", INCIDENTS));
    story.news().await;
    story.faults_are_met("a quota").await;
    story.news().await;
    story.arrived("the quota's renewal").await;
}

/// Without a time, the bridge waits for a quota until the next full hour; only a new installation is tried
/// earlier.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_used_up_quota_without_a_time_holds_its_sites_and_not_the_webhooks() {
    for reason in ["jira-quota-tenant-based", "jira-quota-global-based"] {
        let mut story = Story::begin(1).await;
        story.sites[0].fail_next(Fault::rate_limited(reason, None).on("POST", INCIDENTS));
        story.news().await;
        story.faults_are_met(reason).await;
        eventually("the site waits, or the hour is over", async || {
            let waits = story.installations().await.iter().all(|row| !row["waits_until"].is_null());
            (waits || story.holds_all(&story.sites[0])).then_some(())
        })
        .await;
        story.news().await;
        story.install().await;
        story.arrived(reason).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_jira_that_is_gone_gets_everything_when_it_is_back() {
    let mut story = Story::begin(2).await;
    let gone = story.sites.remove(0);
    let (jira, address) = (gone.simulator().clone(), gone.addr());
    gone.stop().await.expect("it stops");
    story.news().await;
    story.arrived("the other's going").await;
    let refused = async || {
        let rows = story.installations().await;
        let row = rows.iter().find(|row| row["site"] == address.to_string()).expect("it is listed");
        (!row["waits_until"].is_null()).then_some(())
    };
    eventually("a connection was refused", refused).await;
    story.news().await;
    story.sites.push(jira.listen_again(address).expect("the address is free"));
    story.arrived("its return").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_jira_refuses_or_never_shows_ends_in_a_list_and_a_retry_heals_it() {
    for (silent, reason) in [(false, "not today"), (true, "never showed it")] {
        let mut story = Story::begin(1).await;
        if silent {
            story.sites[0].hide("pd:Q000000");
        } else {
            story.sites[0].refuse("pd:Q000000", reason);
        }
        story.news().await;
        let others = || story.sender.compare(&story.sites[0]).stale == ["pd:Q000000"];
        eventually("all others arrive", async || others().then_some(())).await;
        eventually("it is listed with its reason", async || {
            story.ask(&["deliveries", "list", "--failed"]).await.contains(reason).then_some(())
        })
        .await;
        story.sites[0].allow("pd:Q000000");
        let retried = story.ask(&["deliveries", "retry", "pd:Q000000"]).await;
        assert!(retried.contains("1 will be sent again"), "{retried}");
        story.arrived("a retry").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_too_large_is_halved_until_jira_takes_it() {
    let mut story = Story::begin(1).await;
    story.sites[0].set_max_entities(1);
    // What waits for Jira to come back is sent together.
    story.sites[0].fail_next(Fault::status(503).on("POST", INCIDENTS));
    story.news().await;
    story.faults_are_met("503").await;
    story.news().await;
    story.arrived("one by one").await;
    assert!(story.sites[0].requests().iter().any(|request| request.status == 413));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_jira_applies_after_a_newer_one_turns_nothing_back() {
    let mut story = Story::begin(1).await;
    // The first change is accepted at once, answered after the caller has gone, and applied last.
    story.sites[0].set_visibility_delay(TimeDelta::seconds(15));
    story.sites[0].fail_next(Fault::late(Duration::from_secs(3)).on("POST", INCIDENTS));
    let first = story.sender.change("Q000000");
    story.post(first).await;
    story.faults_are_met("a late answer").await;
    eventually("Jira has queued it", async || (story.sites[0].queued() > 0).then_some(())).await;
    story.sites[0].set_visibility_delay(TimeDelta::zero());
    let second = story.sender.change("Q000000");
    story.post(second).await;
    let shown = || story.sender.compare(&story.sites[0]).stale.is_empty();
    eventually("the newer one shows", async || shown().then_some(())).await;
    // Twice, if the bridge had repeated it by then.
    assert!(story.sites[0].queued() > 0, "the older one is still to come");
    story.arrived("the older one").await;
    let versions = story.sites[0].submitted_versions(EntityKind::Incident, "pd:Q000000");
    assert!(versions.len() >= 3, "{versions:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_shows_late_is_waited_for() {
    let mut story = Story::begin(1).await;
    story.sites[0].set_visibility_delay(TimeDelta::milliseconds(2500));
    story.news().await;
    story.news().await;
    story.arrived("a delay").await;
}
