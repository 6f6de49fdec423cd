//! What happens between two requests: people and other processes act, and the search loses sight of what it had found.

use chrono::TimeDelta;
use incident_bridge::app::{App, Roles};
use incident_bridge::simulator::Fault;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::world::World;
use crate::harness::pagerduty::triggered;
use crate::harness::{Setup, fresh_postgres};

#[tokio::test]
async fn one_that_is_gone_right_after_it_was_made_is_gone_and_not_made_again() {
    for operation in ["createOrUpdateRemoteIssueLink", "getTransitions", "doTransition"] {
        let world = World::start().await;
        world.jira().fail_next(Fault::status(404).on_operation(operation));
        world.tell(triggered("Q1").acknowledged()).await;
        world.board().delete("OPS-1");
        world.pass(20).await;
        assert!(world.board().issues().is_empty(), "{operation}");
        assert_eq!(world.state("Q1").await, "confirmed");
        assert_eq!(world.told("Q1").await, "its work item was OPS-1; people deleted it, or hid it");
        world.resolve("Q1").await;
        assert_eq!(world.calls("createIssue"), 1);
        world.finish().await;
    }
}

#[tokio::test]
async fn one_that_is_gone_right_after_it_was_made_is_made_again_if_wanted() {
    let world = World::keyed("recreate = true").await;
    world.jira().fail_next(Fault::status(404).on_operation("createOrUpdateRemoteIssueLink"));
    world.tell(triggered("Q1")).await;
    world.board().delete("OPS-1");
    world.pass(8).await;
    assert_eq!(world.issue_of("Q1").key, "OPS-2");
    // People hear of both.
    world.expect_told(1);
    world.finish().await;
}

#[tokio::test]
async fn a_move_of_people_after_a_transition_without_an_answer_is_left() {
    let world = World::start().await;
    world.open("Q1").await;
    world.jira().fail_next(Fault::dropped().on_operation("doTransition"));
    world.tell(triggered("Q1").resolved()).await;
    assert_eq!(world.category_of("Q1"), "done");
    world.board().transition("OPS-1", "In Progress");
    world.calm(60).await;
    assert_eq!((world.category_of("Q1"), world.calls("doTransition")), ("indeterminate", 1));
    assert!(world.told("Q1").await.contains("moved on since the bridge moved it"));
    world.pass(60).await;
    world.reopen("Q1").await;
    world.resolve("Q1").await;
    assert_eq!(world.category_of("Q1"), "done", "the next change is followed");
    world.finish().await;
}

#[tokio::test]
async fn one_that_the_search_loses_for_a_moment_is_neither_made_again_nor_marked_twice() {
    let world = World::start().await;
    let flicker = |share| world.board().configure(|platform| platform.index.flicker = share);
    world.open("Q1").await;
    for share in [0.0, 1.0, 0.0] {
        flicker(share);
        world.bridge.settle_after(3600).await;
        world.tidy().await;
        assert_eq!((world.board().issues().len(), world.calls("editIssue")), (1, 0), "{share}");
    }
    // Neither the keys nor the search show what was made.
    world.jira().fail_next(Fault::dropped().on_operation("createIssue"));
    world.board().change_project("OPS", |project| project.next_number = 5000);
    flicker(1.0);
    world.tell(triggered("Q2")).await;
    world.calm(400).await;
    assert_eq!((world.calls("createIssue"), world.issues_of("Q2").len()), (3, 2));
    let known = world.issues_of("Q2").pop().expect("there are two");
    let mut marked = Vec::new();
    for share in [0.5, 0.0, 1.0, 0.0, 0.5] {
        flicker(share);
        world.bridge.settle_after(3600).await;
        world.tidy().await;
        world.pass(5).await;
        world.tidy().await;
        marked.push(world.calls("editIssue"));
    }
    assert_eq!(world.issue_of("Q2").key, known.key, "the one that the record knows stays");
    assert_eq!(marked[1..], [1, 1, 1, 1]);
    world.finish().await;
}

#[tokio::test]
async fn two_processes_on_one_database_make_one_work_item_for_each_incident() {
    let mut world = World::with(Setup::default().store(fresh_postgres().await), "").await;
    world.board().configure(|platform| platform.index.lag = TimeDelta::hours(1));
    let mut config = world.bridge.config.clone();
    config.server.listen.set_port(0);
    let other =
        App::start(&config, world.bridge.clock.clone(), Roles::ALL).await.expect("it shares the work");
    let both = async |world: &World, seconds: u32| {
        for _ in 0..seconds {
            world.bridge.advance(1);
            let (one, two) =
                tokio::join!(world.bridge.engine.run_until_idle(), other.engine.run_until_idle());
            one.and(two).expect("the store works");
        }
    };
    let ids: Vec<String> = (0..6).map(|n| format!("Q{n}")).collect();
    for (n, id) in ids.iter().enumerate() {
        if n % 2 == 1 {
            world.jira().fail_next(Fault::dropped().on_operation("createIssue"));
        }
        world.bridge.pagerduty(&triggered(id)).await;
        both(&world, 2).await;
        if n == 3 {
            world.bridge.restart().await;
        }
    }
    both(&world, 60).await;
    for id in &ids {
        world.bridge.pagerduty(&triggered(id).titled("Over").resolved()).await;
    }
    both(&world, 60).await;
    for id in &ids {
        assert_eq!((world.issue_of(id).text("summary"), world.category_of(id)), ("Over", "done"), "{id}");
    }
    let stop = CancellationToken::new();
    stop.cancel();
    other.run(stop).await.expect("it stops");
    world.expect_told(2 * ids.len());
    world.finish().await;
}

#[tokio::test]
async fn what_people_write_between_a_read_and_a_write_is_given_back() {
    let document = json!({ "type": "doc", "version": 1, "content": [
        { "type": "paragraph", "content": [{ "type": "text", "text": "theirs" }] },
    ] });
    for (field, value) in [
        ("summary", json!("theirs")),
        ("description", document),
        ("priority", json!({ "id": "5", "name": "Lowest" })),
    ] {
        let world = World::start().await;
        world.open("Q1").await;
        world.pass(60).await;
        world.board().edit_after_read("OPS-1", field, value.clone());
        world.tell(triggered("Q1").titled("Ours").of_priority("P3").kind("incident.priority_updated")).await;
        assert_ne!(world.issue_of("Q1").fields[field], value, "Jira cannot tell");
        world.pass(60).await;
        assert_eq!(world.issue_of("Q1").fields[field], value);
        world
            .say(triggered("Q1").titled("Ours again").of_priority("P4").kind("incident.priority_updated"))
            .await;
        world.pass(60).await;
        assert_eq!(world.issue_of("Q1").fields[field], value, "it stays theirs");
        assert!(world.told("Q1").await.contains(field));
        // The mail about what was given back.
        world.expect_told(1);
        world.finish().await;
    }
}

#[tokio::test]
async fn what_a_write_without_an_answer_covered_is_given_back_too() {
    let world = World::start().await;
    world.open("Q1").await;
    world.pass(60).await;
    world.board().edit_after_read("OPS-1", "summary", json!("theirs"));
    world.jira().fail_next(Fault::dropped().on_operation("editIssue"));
    world.tell(triggered("Q1").titled("Ours").kind("incident.priority_updated")).await;
    world.pass(60).await;
    assert_eq!(world.issue_of("Q1").text("summary"), "theirs");
    world.finish().await;
}
