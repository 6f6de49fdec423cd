//! Each answer of Jira that is no success has one meaning, whichever request gets it.

use incident_bridge::simulator::Fault;
use incident_bridge::simulator::platform::{Account, Permission, TokenKind};
use serde_json::Value;

use super::world::{EMAIL, World};
use crate::harness::pagerduty::triggered;

const UPDATED: &str = "incident.priority_updated";

#[tokio::test]
async fn what_jira_refuses_for_good_is_told_in_its_words_and_with_what_to_do() {
    let said = r#"{"errorMessages":["Not here."],"errors":{"customfield_9":"Nor there."}}"#;
    for (status, advice) in [
        (400, "Jira answered 400"),
        (422, "ask an administrator of the project"),
        (410, "please report it"),
        (415, "please report it"),
    ] {
        let world = World::start().await;
        world.open("Q1").await;
        world.jira().fail_next(Fault::answer(status, said).on_operation("createIssue"));
        world.open("Q2").await;
        world.jira().fail_next(Fault::answer(status, said).on_operation("editIssue"));
        world.say(triggered("Q1").titled("New").kind(UPDATED)).await;
        for id in ["Q1", "Q2"] {
            let (state, reason) = (world.state(id).await, world.reason(id).await);
            assert_eq!(state, "refused", "{status}: {reason}");
            for part in ["Not here.", "Nor there.", advice] {
                assert!(reason.contains(part), "{status}: {reason}");
            }
        }
        assert!(world.told("Q2").await.contains("Jira refuses to make a work item"));
        world.pass(30).await;
        for id in ["Q1", "Q2"] {
            world.say(triggered(id).titled("Newer").kind(UPDATED)).await;
            assert_eq!(world.issue_of(id).text("summary"), "Newer", "the next change is sent");
        }
        world.finish().await;
    }
}

#[tokio::test]
async fn a_transition_that_jira_refuses_is_told_and_keeps_nothing_else_from_happening() {
    for status in [400, 410, 415, 422] {
        let world = World::start().await;
        world.open("Q1").await;
        let fault = Fault::answer(status, r#"{"errorMessages":["Not now."]}"#);
        world.jira().fail_next(fault.on_operation("doTransition").times(2));
        world.say(triggered("Q1").titled("Over").resolved()).await;
        world.pass(20).await;
        assert_eq!((world.issue_of("Q1").text("summary"), world.category_of("Q1")), ("Over", "new"));
        let told = world.told("Q1").await;
        assert!(told.contains("its status could not follow") && told.contains("Not now."), "{told}");
        world.finish().await;
    }
}

/// Types of the blocks of a description.
fn blocks(description: &Value) -> Vec<&str> {
    let blocks = description["content"].as_array().into_iter().flatten();
    blocks.filter_map(|block| block["type"].as_str()).collect()
}

#[tokio::test]
async fn a_description_that_jira_refuses_is_sent_plain_and_then_not_at_all() {
    // In whichever language: only the name of the field counts.
    let said = r#"{"errors":{"description":"Das ist kein Dokument."}}"#;
    for (operation, times) in [("createIssue", 1), ("createIssue", 2), ("editIssue", 1), ("editIssue", 2)] {
        let world = World::start().await;
        let fault = Fault::answer(400, said).on_operation(operation).times(times);
        if operation == "createIssue" {
            world.jira().fail_next(fault);
            world.open("Q1").await;
        } else {
            world.open("Q1").await;
            world.jira().fail_next(fault);
            world.say(triggered("Q1").titled("New").kind(UPDATED)).await;
            assert_eq!(world.issue_of("Q1").text("summary"), "New", "the rest is sent");
        }
        world.pass(20).await;
        assert_eq!(world.state("Q1").await, "confirmed");
        let (issue, told) = (world.issue_of("Q1"), world.told("Q1").await);
        let description = &issue.fields.get("description").cloned().unwrap_or_default();
        if times == 1 {
            assert!(blocks(description).iter().all(|block| *block == "paragraph"), "{description}");
            assert!(told.contains("without formatting"), "{told}");
        } else {
            assert!(!description.to_string().contains("New"), "{description}");
            assert!(told.contains("description: left out"), "{told}");
        }
        world.finish().await;
    }
}

#[tokio::test]
async fn a_token_without_a_scope_parks_the_destination_and_the_scope_is_named() {
    let world = World::start().await;
    let service = || Account::of_service(EMAIL, "a-token");
    let reads = TokenKind::Scoped(["read:jira-work".to_owned()].into());
    world.board().admit(Account { kind: reads, ..service() });
    world.open("Q1").await;
    world.expect_parked("lacks the scope write:jira-work").await;
    world.board().admit(service());
    world.bridge.settle_after(301).await;
    assert_eq!(world.issue_of("Q1").key, "OPS-1");
    world.finish().await;
}

#[tokio::test]
async fn a_permission_that_the_account_lost_is_named() {
    let world = World::start().await;
    world.open("Q1").await;
    let restored = || world.board().change_account(EMAIL, |it| it.permissions.extend(Permission::PROJECT));
    let without = |permission| {
        world.board().change_account(EMAIL, |account| assert!(account.permissions.remove(&permission)));
    };
    without(Permission::Edit);
    world.say(triggered("Q1").titled("New").kind(UPDATED)).await;
    world.expect_parked("Edit Issues").await;
    restored();
    world.bridge.settle_after(301).await;
    assert_eq!(world.issue_of("Q1").text("summary"), "New");
    without(Permission::Transition);
    world.resolve("Q1").await;
    world.expect_parked("Transition Issues").await;
    restored();
    world.bridge.settle_after(301).await;
    assert_eq!(world.category_of("Q1"), "done");
    without(Permission::Link);
    world.open("Q2").await;
    assert_eq!(world.state("Q2").await, "confirmed", "only links are missing");
    assert!(world.told("Q2").await.contains("links could not be made"));
    world.finish().await;
}

#[tokio::test]
async fn what_is_forbidden_parks_the_destination() {
    for operation in ["createIssue", "editIssue", "doTransition"] {
        let world = World::start().await;
        if operation != "createIssue" {
            world.open("Q1").await;
        }
        world.jira().fail_next(Fault::status(403).on_operation(operation));
        let event = triggered("Q1").titled("Over");
        world.say(if operation == "createIssue" { event } else { event.resolved() }).await;
        world.expect_parked("Jira forbids this to the account").await;
        world.bridge.settle_after(301).await;
        assert_eq!(world.issue_of("Q1").text("summary"), "Over", "{operation}");
        world.finish().await;
    }
}

#[tokio::test]
async fn after_four_conflicts_in_a_row_the_next_change_is_waited_for() {
    let world = World::start().await;
    world.open("Q1").await;
    world.jira().fail_next(Fault::status(409).on_operation("editIssue").times(4));
    world.say(triggered("Q1").titled("New").kind(UPDATED)).await;
    world.pass(30).await;
    assert_eq!(world.state("Q1").await, "refused");
    world.say(triggered("Q1").titled("Newer").kind(UPDATED)).await;
    world.pass(10).await;
    let shown = world.issue_of("Q1");
    assert_eq!((shown.text("summary"), world.state("Q1").await), ("Newer", "confirmed".to_owned()));
    world.jira().fail_next(Fault::status(409).on_operation("doTransition").times(3));
    world.resolve("Q1").await;
    world.pass(10).await;
    assert_eq!(world.category_of("Q1"), "done");
    world.finish().await;
}

#[tokio::test]
async fn one_that_is_missing_for_a_moment_is_looked_at_again_and_followed() {
    for operation in ["editIssue", "getTransitions", "doTransition", "createOrUpdateRemoteIssueLink"] {
        let world = World::start().await;
        world.open("Q1").await;
        world.jira().fail_next(Fault::status(404).on_operation(operation));
        world.say(triggered("Q1").titled("Over").resolved()).await;
        world.pass(20).await;
        assert_eq!(
            (world.issue_of("Q1").text("summary"), world.category_of("Q1"), world.state("Q1").await),
            ("Over", "done", "confirmed".to_owned()),
            "{operation}"
        );
        world.finish().await;
    }
}
