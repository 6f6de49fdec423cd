//! What else a tool can say of an incident, and what becomes of its work item then.

use incident_bridge::domain::{Entity, EntityId, EntityKind, Observation, PostIncidentReview, ReviewStatus};
use incident_bridge::simulator::Fault;
use incident_bridge::simulator::platform::Issue;
use incident_bridge::store::{Origin, Report};
use serde_json::{Value, json};

use super::world::World;
use crate::harness::pagerduty::triggered;

const UPDATED: &str = "incident.priority_updated";

#[tokio::test]
async fn a_changed_level_and_a_changed_service_are_followed_with_one_edit() {
    let world = World::start().await;
    let search = ("10020".to_owned(), "Service PSEARCH".to_owned());
    world.board().change_project("OPS", |project| project.components.push(search));
    world.open("Q1").await;
    assert_eq!(world.issue_of("Q1").fields["priority"]["name"], "High");
    assert!(world.told("Q1").await.contains("none called Service PCHECKOUT"));
    world.say(triggered("Q1").of_priority("P1").on("PSEARCH").kind(UPDATED)).await;
    let fields = world.issue_of("Q1").fields;
    assert_eq!(fields["priority"]["name"], "Highest");
    assert_eq!(fields["components"], json!([{ "id": "10020", "name": "Service PSEARCH" }]));
    assert_eq!(world.calls("editIssue"), 1);
    let told = world.told("Q1").await;
    assert!(told.contains("the level stands for the priority Highest"), "{told}");
    world.finish().await;
}

#[tokio::test]
async fn a_state_that_nothing_maps_changes_no_status() {
    let world = World::start().await;
    world.open("Q1").await;
    world.say(triggered("Q1").status("parked").kind(UPDATED)).await;
    assert_eq!((world.category_of("Q1"), world.calls("doTransition")), ("new", 0));
    world.finish().await;
}

#[tokio::test]
async fn one_that_was_merged_into_another_is_its_duplicate_and_is_resolved() {
    let world = World::start().await;
    world.open("Q1").await;
    world.open("Q2").await;
    world.say(triggered("Q2").merged_into("Q1")).await;
    let (survivor, merged) = (world.issue_of("Q1"), world.issue_of("Q2"));
    let links: Vec<_> = merged.links.iter().map(|link| (link.name.as_str(), link.other)).collect();
    assert_eq!(links, [("Duplicate", survivor.id)]);
    assert!(merged.fields["description"].to_string().contains("Merged into"));
    assert_eq!((world.category_of("Q1"), world.category_of("Q2")), ("new", "done"));
    world.pass(60).await;
    world.say(triggered("Q2").titled("Once more").merged_into("Q1")).await;
    assert_eq!(world.calls("linkIssues"), 1);
    world.open("Q3").await;
    world.say(triggered("Q3").merged_into("Q4")).await;
    assert_eq!(world.calls("linkIssues"), 1, "nothing stands for the other one");
    world.finish().await;
}

#[tokio::test]
async fn a_comment_is_written_with_each_change_of_status_and_never_twice() {
    let world = World::keyed("comments = \"status\"").await;
    world.open("Q1").await;
    world.acknowledge("Q1").await;
    world.resolve("Q1").await;
    world.pass(60).await;
    world.reopen("Q1").await;
    assert_eq!(world.issue_of("Q1").comments.len(), 2);
    for (fault, comments) in [(Fault::dropped(), 3), (Fault::status(500), 3), (Fault::status(413), 3)] {
        world.pass(60).await;
        world.jira().fail_next(fault.on_operation("addComment"));
        world.resolve("Q1").await;
        world.pass(60).await;
        assert_eq!(world.issue_of("Q1").comments.len(), comments);
        assert_eq!((world.category_of("Q1"), world.state("Q1").await), ("done", "confirmed".to_owned()));
        world.jira().fail_next(Fault::status(413).on_operation("addComment"));
        world.reopen("Q1").await;
    }
    world.finish().await;
}

#[tokio::test]
async fn a_person_who_was_faster_leaves_only_the_link_to_be_struck_through() {
    let world = World::start().await;
    world.open("Q1").await;
    world.board().transition("OPS-1", "Done");
    world.resolve("Q1").await;
    assert_eq!(world.calls("doTransition"), 0);
    assert_eq!(world.issue_of("Q1").remote_links[0].body["object"]["status"]["resolved"], true);
    assert!(world.told("Q1").await.contains("people had moved it already"));
    world.finish().await;
}

/// The links to reviews: title, and whether it is struck through.
fn reviews(issue: &Issue) -> Vec<(String, bool)> {
    let of_reviews = issue.remote_links.iter().filter(|it| it.body["relationship"] == "post-incident review");
    let read = |body: &Value| {
        let object = &body["object"];
        (object["title"].as_str().unwrap_or_default().to_owned(), object["status"]["resolved"] == true)
    };
    of_reviews.map(|it| read(&it.body)).collect()
}

async fn tell_of_review(world: &World, observation: impl FnOnce(PostIncidentReview) -> Observation) {
    let at = world.bridge.clock.now();
    let observation = observation(PostIncidentReview {
        provider_id: "R1".to_owned(),
        incidents: vec!["Q1".to_owned(), "Q2".to_owned()],
        summary: "What we learned".to_owned(),
        description: String::new(),
        url: "https://tool.example.com/reviews/R1".to_owned(),
        status: ReviewStatus::InProgress,
        created_at: at,
        updated_at: at,
        workspaces: Vec::new(),
        associations: Vec::new(),
    });
    let store = world.bridge.engine.store();
    let runtime = world.bridge.engine.registry().find("pd").expect("it is configured").clone();
    let report = Report { observations: &[observation], ..Report::new(Origin::Catalogue) };
    store.apply(&runtime.scope(), &[report]).await.expect("the store works");
    world.pass(5).await;
}

#[tokio::test]
async fn a_review_is_a_link_on_each_incident_that_it_covers() {
    let world = World::start().await;
    world.open("Q1").await;
    let at = world.bridge.clock.now();
    let present = |review| Observation::present(Entity::Review(review), at);
    tell_of_review(&world, present).await;
    let told = || vec![("What we learned".to_owned(), false)];
    assert_eq!(reviews(&world.issue_of("Q1")), told());
    world.open("Q2").await;
    assert_eq!(reviews(&world.issue_of("Q2")), told(), "it was there before its incident");
    assert!(world.told("Q2").await.contains("post-incident reviews linked: 1"));
    let at = world.bridge.clock.now();
    let completed = |review| {
        let status = ReviewStatus::Completed;
        Observation::present(Entity::Review(PostIncidentReview { status, ..review }), at)
    };
    tell_of_review(&world, completed).await;
    assert_eq!(reviews(&world.issue_of("Q1")), [("What we learned".to_owned(), true)]);
    let at = world.bridge.clock.now();
    let deleted =
        |review: PostIncidentReview| Observation::deleted(EntityKind::Review, review.provider_id, at);
    tell_of_review(&world, deleted).await;
    assert_eq!((reviews(&world.issue_of("Q1")), reviews(&world.issue_of("Q2"))), (vec![], vec![]));
    world.finish().await;
}

#[tokio::test]
async fn one_that_the_tool_has_no_longer_is_left_as_it_is_if_wanted() {
    let world = World::keyed("on_delete = \"leave\"").await;
    world.open("Q1").await;
    let id = EntityId::from_text("pd:Q1");
    let store = world.bridge.engine.store();
    store.erase_entity(EntityKind::Incident, &id).await.expect("the store works");
    world.pass(60).await;
    assert_eq!((world.category_of("Q1"), world.calls("doTransition")), ("new", 0));
    world.finish().await;
}

#[tokio::test]
async fn those_of_a_source_that_was_removed_are_resolved_and_not_deleted() {
    let mut world = World::start().await;
    world.open("Q1").await;
    world.open("Q2").await;
    world.bridge.config.sources.clear();
    world.bridge.restart().await;
    world.jira().fail_next(Fault::rate_limited("jira-burst-based", Some(30)).on_operation("doTransition"));
    for days in [0, 2] {
        world.bridge.advance(days * 24 * 3600);
        world.bridge.engine.run_nightly().await.expect("the store works");
    }
    assert!(world.bridge.engine.outbound().has_unfinished_removal(), "Jira asks to wait");
    world.pass(60).await;
    world.bridge.task("drift").run().await.expect("the store works");
    assert!(!world.bridge.engine.outbound().has_unfinished_removal());
    for id in ["Q1", "Q2"] {
        assert_eq!(world.category_of(id), "done");
        assert_eq!(world.issue_of(id).remote_links[0].body["object"]["summary"], "no longer in the tool");
    }
    assert!(world.bridge.deliveries("pd:Q1").await.is_empty());
    world.bridge.finish().await;
}

#[tokio::test]
async fn one_that_is_over_before_its_request_leaves_gets_no_work_item() {
    let world = World::start().await;
    world.jira().fail_next(Fault::rate_limited("jira-burst-based", Some(30)).on_operation("createIssue"));
    world.tell(triggered("Q1")).await;
    world.resolve("Q1").await;
    world.pass(60).await;
    assert!(world.board().issues().is_empty());
    assert_eq!(world.state("Q1").await, "confirmed");
    assert!(world.told("Q1").await.contains("no work item yet: it was resolved before"));
    world.finish().await;
}

#[tokio::test]
async fn one_that_becomes_severe_gets_a_work_item_and_keeps_it() {
    let world = World::keyed("min_severity = \"P2\"").await;
    world.say(triggered("Q1").of_priority("P3")).await;
    assert!(world.board().issues().is_empty());
    world.say(triggered("Q1").of_priority("P1").kind(UPDATED)).await;
    assert_eq!(world.issue_of("Q1").fields["priority"]["name"], "Highest");
    world.say(triggered("Q1").of_priority("P4").kind(UPDATED)).await;
    assert_eq!(world.issue_of("Q1").fields["priority"]["name"], "Low", "it goes on being followed");
    world.say(triggered("Q2").of_priority("Burning")).await;
    assert_eq!(world.issue_of("Q2").key, "OPS-2", "an unknown level counts as above");
    world.finish().await;
}
