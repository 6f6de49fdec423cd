//! What people do with work items stays as they did it.

use serde_json::json;

use super::world::World;
use crate::harness::pagerduty::triggered;

#[tokio::test]
async fn what_people_edit_is_theirs_from_then_on() {
    let world = World::start().await;
    world.open("Q1").await;
    let board = world.board();
    let document = json!({ "type": "doc", "version": 1, "content": [
        { "type": "paragraph", "content": [{ "type": "text", "text": "ours now" }] },
    ] });
    for (field, value) in [
        ("summary", json!("Theirs")),
        ("description", document),
        ("labels", json!(["theirs"])),
        ("priority", json!({ "id": "5", "name": "Lowest" })),
        ("assignee", json!({ "accountId": "ada" })),
        ("components", json!([{ "id": "10013", "name": "Search" }])),
    ] {
        board.edit("OPS-1", field, value);
    }
    let fields = ["summary", "description", "labels", "priority", "assignee", "components"];
    let shown = || fields.map(|field| world.issue_of("Q1").fields[field].clone());
    let before = shown();
    world.pass(60).await;
    world.say(triggered("Q1").titled("Something else").on("PSEARCH").kind("incident.priority_updated")).await;
    world.pass(60).await;
    world.resolve("Q1").await;
    assert_eq!(shown(), before);
    assert_eq!(world.category_of("Q1"), "done");
    world.finish().await;
}

#[tokio::test]
async fn a_status_that_people_have_set_is_left_alone() {
    let world = World::start().await;
    world.open("Q1").await;
    world.board().transition("OPS-1", "Done");
    world.acknowledge("Q1").await;
    world.resolve("Q1").await;
    assert_eq!((world.category_of("Q1"), world.calls("doTransition")), ("done", 0));
    world.board().transition("OPS-1", "In Progress");
    world.say(triggered("Q1").resolved().titled("Another title")).await;
    assert_eq!(world.category_of("Q1"), "indeterminate", "resolved already: it is theirs");
    world.finish().await;
}

#[tokio::test]
async fn a_work_item_that_moved_is_followed_by_its_id() {
    let world = World::start().await;
    world.open("Q1").await;
    world.board().move_to("OPS-1", "TEAM");
    world.board().rename_project("OPS", "NOC");
    world.say(triggered("Q1").titled("Moved").kind("incident.priority_updated")).await;
    world.say(triggered("Q1").titled("Moved").resolved()).await;
    let issue = world.issue_of("Q1");
    assert_eq!((issue.key.as_str(), issue.text("summary")), ("TEAM-1", "Moved"));
    assert_eq!(world.category_of("Q1"), "done");
    world.open("Q2").await;
    assert_eq!(world.issue_of("Q2").key, "NOC-2");
    world.finish().await;
}

#[tokio::test]
async fn one_that_people_deleted_stays_deleted_and_is_said() {
    let world = World::start().await;
    world.open("Q1").await;
    world.board().delete("OPS-1");
    world.say(triggered("Q1").titled("Again").kind("incident.priority_updated")).await;
    world.resolve("Q1").await;
    assert!(world.board().issues().is_empty());
    assert_eq!(world.state("Q1").await, "confirmed");
    world.finish().await;
}

#[tokio::test]
async fn one_that_people_deleted_is_made_again_if_wanted() {
    let world = World::keyed("recreate = true").await;
    world.open("Q1").await;
    world.board().delete("OPS-1");
    world.say(triggered("Q1").titled("Again").kind("incident.priority_updated")).await;
    assert_eq!(world.issue_of("Q1").key, "OPS-2");
    world.finish().await;
}

#[tokio::test]
async fn one_that_was_hidden_and_is_back_is_linked_again() {
    let world = World::start().await;
    world.open("Q1").await;
    world.board().move_to("OPS-1", "TEAM");
    world.board().change_project("TEAM", |project| project.visible = false);
    world.say(triggered("Q1").titled("Away").kind("incident.priority_updated")).await;
    assert_eq!(world.issue_of("Q1").text("summary"), "Incident Q1");
    world.board().change_project("TEAM", |project| project.visible = true);
    world.tidy().await;
    world.pass(60).await;
    assert_eq!(world.issue_of("Q1").text("summary"), "Away");
    world.finish().await;
}
