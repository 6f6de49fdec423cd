//! Never two work items for one incident, and never none: lost answers, a search that lags, crashes between any two
//! calls.

use std::time::Duration;

use chrono::TimeDelta;
use incident_bridge::simulator::Fault;
use tokio::time::sleep;

use super::world::World;
use crate::harness::pagerduty::{PagerDutyEvent, triggered};
use crate::harness::{Setup, on_both_databases};

/// Longer than any client waits.
const NEVER: Duration = Duration::from_mins(10);

on_both_databases! {
    a_creation_without_an_answer_is_found_and_not_repeated
}

async fn a_creation_without_an_answer_is_found_and_not_repeated(setup: Setup) {
    let world = World::with(setup, "").await;
    world.board().configure(|platform| platform.index.lag = TimeDelta::hours(1));
    world.jira().fail_next(Fault::dropped().on_operation("createIssue"));
    world.tell(triggered("Q1")).await;
    assert_eq!(world.state("Q1").await, "waiting");
    assert!(world.reason("Q1").await.contains("it may have been made"));
    world.pass(4).await;
    assert_eq!(world.calls("bulkFetchIssues"), 0, "not before its time");
    world.pass(2).await;
    assert_eq!(world.issue_of("Q1").key, "OPS-1");
    assert_eq!(world.calls("createIssue"), 1);
    world.resolve("Q1").await;
    assert_eq!(world.category_of("Q1"), "done");
    world.finish().await;
}

#[tokio::test]
async fn every_unclear_answer_leads_to_one_work_item() {
    for fault in [
        Fault::dropped(),
        Fault::truncated(),
        Fault::status(500).after_processing(),
        Fault::status(500),
        Fault::status(503).header("Retry-After", "3"),
        Fault::answer(201, "").after_processing(),
    ] {
        let world = World::start().await;
        world.jira().fail_next(fault.clone().on_operation("createIssue"));
        world.tell(triggered("Q1")).await;
        world.calm(400).await;
        assert_eq!(world.issues_of("Q1").len(), 1, "{fault:?}");
        world.finish().await;
    }
}

#[tokio::test]
async fn one_that_was_found_by_nobody_is_made_again_and_the_other_is_marked_once_it_shows() {
    let world = World::start().await;
    world.jira().fail_next(Fault::dropped().on_operation("createIssue"));
    // Neither the keys nor the search show it.
    world.board().change_project("OPS", |project| project.next_number = 5000);
    world.board().configure(|platform| platform.index.lag = TimeDelta::hours(1));
    world.tell(triggered("Q1")).await;
    world.calm(400).await;
    assert_eq!(world.calls("createIssue"), 2);
    let keep = world.issues_of("Q1").pop().expect("there are two");
    world.bridge.settle_after(7200).await;
    world.tidy().await;
    world.pass(10).await;
    world.tidy().await;
    assert_eq!(world.issue_of("Q1").key, keep.key, "the one that the record knows stays");
    assert_eq!(world.board().category("OPS-5000"), Some("done"));
    let marked = world.calls("editIssue");
    world.tidy().await;
    assert_eq!(world.calls("editIssue"), marked, "it is marked once");
    assert!(world.told("Q1").await.contains("marked as duplicates of it: OPS-5000"));
    world.finish().await;
}

#[tokio::test]
async fn a_limit_makes_nothing_unclear() {
    for (reason, seconds) in [("jira-burst-based", 60), ("jira-quota-tenant-based", 3700)] {
        let world = World::start().await;
        world.jira().fail_next(Fault::rate_limited(reason, Some(3)).on_operation("createIssue"));
        world.tell(triggered("Q1")).await;
        assert!(world.board().issues().is_empty());
        world.bridge.settle_after(seconds).await;
        assert_eq!((world.calls("createIssue"), world.calls("bulkFetchIssues")), (1, 0));
        world.finish().await;
    }
}

#[tokio::test]
async fn a_crash_between_any_two_calls_loses_nothing_and_doubles_nothing() {
    for is_done in [false, true] {
        let mut cut = 0;
        while crash_at(cut, is_done).await {
            cut += 1;
        }
        assert!(cut > 10, "the story has more calls than {cut}");
    }
}

/// One story with a crash at the call of that number, with its work done or not. Returns whether there was such a call.
async fn crash_at(cut: u32, is_done: bool) -> bool {
    let mut world = World::start().await;
    world.board().configure(|platform| platform.index.lag = TimeDelta::hours(1));
    if cut > 0 {
        world.jira().fail_next(Fault::with_header("X-Passes", "1").times(cut));
    }
    world.jira().fail_next(if is_done { Fault::late(NEVER) } else { Fault::hang() });
    let mut crashed = false;
    let titled = || triggered("Q1").titled("Checkout is slow");
    for event in [titled(), titled().resolved(), titled().kind("incident.reopened")] {
        crashed |= step(&mut world, event).await;
    }
    world.calm(400).await;
    let issue = world.issue_of("Q1");
    assert_eq!(issue.text("summary"), "Checkout is slow", "cut at {cut}");
    assert_ne!(world.category_of("Q1"), "done", "cut at {cut}");
    world.jira().clear_faults();
    world.finish().await;
    crashed
}

/// The tool says something; if the call that never ends is among what follows, the process ends there and another
/// one starts. Returns whether it did.
async fn step(world: &mut World, event: PagerDutyEvent) -> bool {
    world.expect_told(1);
    world.bridge.pagerduty(&event).await;
    let mut crashed = false;
    for _ in 0..8 {
        let hangs = async {
            while world.jira().waiting_faults() > 0 || crashed {
                sleep(Duration::from_millis(2)).await;
            }
            // The call has arrived; its work, if there is any, is done at once.
            sleep(Duration::from_millis(50)).await;
        };
        let ended = tokio::select! {
            biased;
            () = world.bridge.settle_after(1) => false,
            () = hangs => true,
        };
        if ended {
            crashed = true;
            world.bridge.restart().await;
        }
    }
    crashed
}
