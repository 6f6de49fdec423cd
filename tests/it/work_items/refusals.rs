//! What Jira refuses, and what becomes of it.

use incident_bridge::simulator::Fault;
use incident_bridge::simulator::platform::{Permission, Workflow};

use super::world::{EMAIL, World};
use crate::harness::pagerduty::triggered;

#[tokio::test]
async fn a_field_that_left_the_screen_is_left_out() {
    let world = World::start().await;
    world.open("Q1").await;
    world
        .board()
        .change_project("OPS", |project| project.types.iter_mut().for_each(|it| it.hide("priority")));
    world.open("Q2").await;
    assert!(world.issue_of("Q2").fields.get("priority").is_none());
    world.open("Q3").await;
    assert_eq!(world.calls("createIssue"), 4, "once it is known, it is not sent");
    world.finish().await;
}

#[tokio::test]
async fn a_field_that_the_edit_screen_lacks_is_not_edited() {
    let world = World::start().await;
    world.open("Q1").await;
    world
        .board()
        .change_project("OPS", |project| project.types.iter_mut().for_each(|it| it.hide_on_edit("summary")));
    world.say(triggered("Q1").titled("New").kind("incident.priority_updated")).await;
    assert_eq!(world.issue_of("Q1").text("summary"), "Incident Q1");
    assert_eq!(world.state("Q1").await, "confirmed");
    world.finish().await;
}

#[tokio::test]
async fn a_field_that_nothing_fills_is_named() {
    let world = World::start().await;
    let require = |required: bool| {
        world.board().change_project("OPS", |project| {
            for kind in &mut project.types {
                if required { kind.require("customfield_7") } else { kind.hide("customfield_7") }
            }
        });
    };
    require(true);
    world.open("Q1").await;
    assert_eq!(world.state("Q1").await, "refused");
    assert!(world.reason("Q1").await.contains("requires"), "{}", world.reason("Q1").await);
    assert!(world.board().issues().is_empty());
    require(false);
    world.bridge.advance(3700);
    world.say(triggered("Q1").titled("Changed").kind("incident.priority_updated")).await;
    assert_eq!(world.issue_of("Q1").text("summary"), "Changed");
    world.finish().await;
}

#[tokio::test]
async fn a_missing_permission_a_dead_token_and_a_hidden_project_park_the_destination() {
    let world = World::start().await;
    world.open("Q0").await;
    let without = |permission: Permission| {
        world.board().change_account(EMAIL, |account| assert!(account.permissions.remove(&permission)));
    };
    without(Permission::Create);
    world.open("Q1").await;
    world.expect_parked("Create Issues").await;
    world.board().change_account(EMAIL, |account| account.permissions.extend(Permission::PROJECT));
    world.bridge.settle_after(301).await;
    assert_eq!(world.issue_of("Q1").key, "OPS-2");
    world.board().change_account(EMAIL, |account| account.expired = true);
    world.open("Q2").await;
    world.pass(30).await;
    world.expect_parked("API token").await;
    world.board().change_account(EMAIL, |account| account.expired = false);
    world.bridge.settle_after(301).await;
    world.issue_of("Q2");
    world.board().change_project("OPS", |project| project.archived = true);
    world.open("Q3").await;
    world.expect_parked("archived").await;
    world.board().change_project("OPS", |project| project.archived = false);
    world.bridge.settle_after(301).await;
    world.issue_of("Q3");
    world.board().change_project("OPS", |project| project.visible = false);
    world.open("Q4").await;
    world.expect_parked("the account may not see it").await;
    world.board().change_project("OPS", |project| project.visible = true);
    world.bridge.settle_after(301).await;
    world.issue_of("Q4");
    world.finish().await;
}

#[tokio::test]
async fn links_that_are_not_possible_keep_nothing_else_from_happening() {
    let world = World::start().await;
    world.board().configure(|platform| platform.settings.linking = false);
    world.open("Q1").await;
    world.resolve("Q1").await;
    assert_eq!(world.category_of("Q1"), "done");
    world.board().configure(|platform| {
        platform.settings.linking = true;
        platform.settings.most_remote_links = 0;
    });
    world.open("Q2").await;
    assert_eq!(world.state("Q2").await, "confirmed");
    world.finish().await;
}

#[tokio::test]
async fn a_conflict_a_limit_and_a_failure_are_repeated() {
    for (fault, operation) in [
        (Fault::status(409), "editIssue"),
        (Fault::rate_limited("jira-per-issue-on-write", Some(3)), "editIssue"),
        (Fault::rate_limited("jira-burst-based", Some(3)), "doTransition"),
        (Fault::status(500), "editIssue"),
        (Fault::dropped(), "editIssue"),
        (Fault::dropped(), "doTransition"),
        (Fault::status(409), "doTransition"),
        (Fault::status(503), "createOrUpdateRemoteIssueLink"),
        (Fault::status(500), "getIssue"),
        (Fault::status(500), "getTransitions"),
    ] {
        let world = World::start().await;
        world.open("Q1").await;
        world.jira().fail_next(fault.clone().on_operation(operation));
        world.tell(triggered("Q1").titled("Over").resolved()).await;
        world.calm(60).await;
        let issue = world.issue_of("Q1");
        assert_eq!(
            (issue.text("summary"), world.category_of("Q1")),
            ("Over", "done"),
            "{operation} {fault:?}"
        );
        world.finish().await;
    }
}

#[tokio::test]
async fn a_workflow_without_a_way_leaves_the_status_and_says_so() {
    let world = World::start().await;
    world.board().change_project("OPS", |project| project.workflow = Workflow::dead_end());
    world.open("Q1").await;
    world.resolve("Q1").await;
    assert_eq!((world.category_of("Q1"), world.state("Q1").await), ("new", "confirmed".to_owned()));
    world.finish().await;
}

#[tokio::test]
async fn text_goes_before_a_locked_status_and_after_leaving_it() {
    let world = World::start().await;
    world.board().change_project("OPS", |project| project.workflow = Workflow::locked());
    world.open("Q1").await;
    world.say(triggered("Q1").titled("Over").resolved()).await;
    assert_eq!((world.issue_of("Q1").text("summary"), world.category_of("Q1")), ("Over", "done"));
    world.pass(60).await;
    world.say(triggered("Q1").titled("Back").kind("incident.reopened")).await;
    assert_eq!((world.issue_of("Q1").text("summary"), world.category_of("Q1")), ("Back", "new"));
    world.finish().await;
}

#[tokio::test]
async fn a_screen_that_requires_a_resolution_gets_one() {
    let world = World::start().await;
    world.board().change_project("OPS", |project| project.workflow = Workflow::classic());
    world.open("Q1").await;
    world.board().transition("OPS-1", "Open");
    world.resolve("Q1").await;
    assert_eq!(world.category_of("Q1"), "done");
    assert_eq!(world.issue_of("Q1").fields["resolution"]["name"], "Done");
    world.finish().await;
}
