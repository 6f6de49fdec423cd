//! One incident's life: what the tool says, and what becomes of its work item.

use incident_bridge::simulator::Fault;
use serde_json::Value;

use super::world::World;
use crate::harness::pagerduty::triggered;
use crate::harness::{Setup, on_both_databases};

on_both_databases! {
    an_incident_is_opened_acknowledged_resolved_and_reopened_on_one_work_item
    a_restart_between_any_two_changes_changes_nothing
}

async fn an_incident_is_opened_acknowledged_resolved_and_reopened_on_one_work_item(setup: Setup) {
    let world = World::with(setup, "").await;
    world.open("Q1").await;
    let issue = world.issue_of("Q1");
    assert_eq!((issue.key.as_str(), issue.text("summary")), ("OPS-1", "Incident Q1"));
    assert_eq!(world.category_of("Q1"), "new");
    assert_eq!(link(&issue)["status"]["resolved"], false);
    assert_eq!(world.state("Q1").await, "confirmed");
    world.acknowledge("Q1").await;
    assert_eq!(world.category_of("Q1"), "indeterminate");
    world.pass(60).await;
    world.resolve("Q1").await;
    assert_eq!(world.category_of("Q1"), "done");
    assert_eq!(link(&world.issue_of("Q1"))["status"]["resolved"], true);
    world.pass(60).await;
    world.reopen("Q1").await;
    assert_eq!(world.category_of("Q1"), "new");
    assert_eq!(link(&world.issue_of("Q1"))["status"]["resolved"], false);
    assert_eq!((world.calls("createIssue"), world.calls("editIssue")), (1, 0), "no text has changed");
    world.finish().await;
}

async fn a_restart_between_any_two_changes_changes_nothing(setup: Setup) {
    let mut world = World::with(setup, "").await;
    world.open("Q1").await;
    world.bridge.restart().await;
    world.pass(60).await;
    world.resolve("Q1").await;
    world.bridge.restart().await;
    world.pass(60).await;
    assert_eq!(world.category_of("Q1"), "done");
    assert_eq!((world.calls("createIssue"), world.calls("doTransition")), (1, 1));
    world.finish().await;
}

/// The object of the link to the incident.
fn link(issue: &incident_bridge::simulator::platform::Issue) -> &Value {
    assert_eq!(issue.remote_links.len(), 1, "{issue:?}");
    &issue.remote_links[0].body["object"]
}

#[tokio::test]
async fn a_changed_text_is_one_edit_and_nothing_new_is_none() {
    let world = World::start().await;
    world.open("Q1").await;
    world.say(triggered("Q1").titled("Checkout is slow").kind("incident.priority_updated")).await;
    assert_eq!(world.issue_of("Q1").text("summary"), "Checkout is slow");
    assert_eq!(world.calls("editIssue"), 1);
    let before = world.jira().request_count();
    world.say(triggered("Q1").titled("Checkout is slow").kind("incident.priority_updated")).await;
    assert_eq!(world.jira().request_count(), before, "nothing new, no call");
    world.say(triggered("Q1").titled("Checkout is very slow").kind("incident.priority_updated")).await;
    assert_eq!(world.calls("editIssue"), 1, "each edit is a mail");
    assert!(world.reason("Q1").await.contains("each edit is a mail"));
    world.pass(30).await;
    assert_eq!(world.issue_of("Q1").text("summary"), "Checkout is very slow");
    world.finish().await;
}

#[tokio::test]
async fn what_a_lost_request_has_changed_is_taken_back() {
    for operation in ["editIssue", "doTransition", "createOrUpdateRemoteIssueLink"] {
        let world = World::start().await;
        world.open("Q1").await;
        world.jira().fail_next(Fault::dropped().on_operation(operation));
        world.tell(triggered("Q1").titled("Over").resolved()).await;
        assert_eq!(world.jira().waiting_faults(), 0, "{operation} is called");
        world.bridge.advance(1);
        world.tell(triggered("Q1").kind("incident.reopened")).await;
        world.calm(120).await;
        let issue = world.issue_of("Q1");
        assert_eq!((issue.text("summary"), world.category_of("Q1")), ("Incident Q1", "new"), "{operation}");
        assert_eq!(link(&issue)["status"]["resolved"], false, "{operation}");
        world.finish().await;
    }
}

#[tokio::test]
async fn one_that_is_reopened_and_acknowledged_at_once_is_in_progress() {
    let world = World::start().await;
    world.open("Q1").await;
    world.resolve("Q1").await;
    assert_eq!(world.category_of("Q1"), "done");
    world.pass(60).await;
    world.acknowledge("Q1").await;
    assert_eq!(world.category_of("Q1"), "indeterminate");
    world.finish().await;
}

#[tokio::test]
async fn a_change_is_one_burst_of_mails_however_much_else_waits() {
    let world = World::keyed("writes_per_second = 1").await;
    world.tell_many(20).await;
    world.calm(300).await;
    let over = |n| triggered(&format!("M{n}")).titled(&format!("M{n} is over")).resolved();
    world.tell_all((0..20).map(over)).await;
    world.calm(300).await;
    assert_eq!((world.calls("editIssue"), world.calls("doTransition")), (20, 20));
    world.finish().await;
}

#[tokio::test]
async fn what_was_never_seen_open_gets_no_work_item_unless_wanted() {
    let world = World::start().await;
    world.resolve("Q1").await;
    assert!(world.board().issues().is_empty());
    assert_eq!(world.state("Q1").await, "confirmed");
    world.finish().await;
    let world = World::keyed("create_resolved = true").await;
    world.resolve("Q1").await;
    assert_eq!(world.category_of("Q1"), "done");
    world.finish().await;
}

#[tokio::test]
async fn one_that_comes_back_too_late_gets_another_work_item_that_is_related() {
    let world = World::keyed("reopen_within = \"1h\"").await;
    world.open("Q1").await;
    world.resolve("Q1").await;
    world.bridge.settle_after(7200).await;
    world.reopen("Q1").await;
    let issues = world.issues_of("Q1");
    let keys: Vec<&str> = issues.iter().map(|issue| issue.key.as_str()).collect();
    assert_eq!(keys, ["OPS-1", "OPS-2"]);
    assert_eq!(world.board().category("OPS-1"), Some("done"));
    assert_eq!(world.board().category("OPS-2"), Some("new"));
    assert_eq!(
        issues[1].links.first().map(|link| (link.name.as_str(), link.other)),
        Some(("Relates", issues[0].id))
    );
    world.finish().await;
}

#[tokio::test]
async fn one_that_the_tool_has_no_longer_is_resolved_and_never_deleted() {
    let world = World::start().await;
    world.open("Q1").await;
    let id = incident_bridge::domain::EntityId::from_text("pd:Q1");
    let kind = incident_bridge::domain::EntityKind::Incident;
    world.bridge.engine.store().erase_entity(kind, &id).await.expect("the store works");
    world.pass(5).await;
    assert_eq!(world.category_of("Q1"), "done");
    assert_eq!(link(&world.issue_of("Q1"))["summary"], "no longer in the tool");
    world.pass(60).await;
    assert_eq!(world.state("Q1").await, "confirmed");
    world.bridge.finish().await;
}
