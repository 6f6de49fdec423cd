//! Many work items at once: in bulk, and only after a person has approved it.

use incident_bridge::simulator::Fault;

use super::world::World;

#[tokio::test]
async fn many_are_made_with_few_requests() {
    let world = World::start().await;
    world.tell_many(60).await;
    world.calm(120).await;
    assert_eq!(world.board().issues().len(), 60);
    assert_eq!((world.calls("createIssue"), world.calls("createIssues")), (0, 2));
    world.finish().await;
}

#[tokio::test]
async fn a_bulk_creation_without_an_answer_is_found_and_not_repeated() {
    let world = World::start().await;
    world.jira().fail_next(Fault::dropped().on_operation("createIssues"));
    world.tell_many(30).await;
    world.calm(200).await;
    assert_eq!(world.board().issues().len(), 30);
    assert_eq!((world.calls("createIssue"), world.calls("createIssues")), (0, 1));
    world.finish().await;
}

#[tokio::test]
async fn those_that_a_bulk_creation_refuses_are_made_alone() {
    let world = World::start().await;
    world.open("Q1").await;
    world
        .board()
        .change_project("OPS", |project| project.types.iter_mut().for_each(|it| it.hide("priority")));
    world.tell_many(10).await;
    world.calm(120).await;
    assert_eq!(world.board().issues().len(), 11);
    world.finish().await;
}

async fn scrape(world: &World) -> String {
    world.bridge.task("gauges").run().await.expect("the store works");
    world.bridge.get_as_operator("/metrics").await.text
}

#[tokio::test]
async fn more_than_a_hundred_wait_for_a_person_and_nothing_else_does() {
    let world = World::start().await;
    world.tell_many(120).await;
    world.pass(5).await;
    assert!(world.board().issues().is_empty());
    assert!(world.reason("M7").await.contains("destinations approve ops"), "{}", world.reason("M7").await);
    assert!(scrape(&world).await.contains("incident_bridge_held_creations{site=\"ops\"} 120"));
    assert!(world.told("M7").await.contains("no work item yet"));
    let operator = world.bridge.engine.operator();
    let held = operator.list_held().await.expect("the store works");
    assert_eq!(held.iter().map(|it| (it.destination.as_str(), it.count)).collect::<Vec<_>>(), [("ops", 120)]);
    assert_eq!(operator.approve("nobody").await.expect("the store works"), None);
    assert_eq!(operator.approve("ops").await.expect("the store works"), Some(120));
    world.calm(300).await;
    assert_eq!(world.board().issues().len(), 120);
    assert!(operator.list_held().await.expect("the store works").is_empty());
    assert!(!scrape(&world).await.contains("held_creations{"));
    world.finish().await;
}

#[tokio::test]
async fn once_a_first_sync_is_over_nobody_is_asked() {
    let world = World::start().await;
    world.open("Q1").await;
    world.tell_many(120).await;
    world.calm(300).await;
    assert_eq!(world.board().issues().len(), 121);
    world.finish().await;
}
