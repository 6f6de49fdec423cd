//! Several work items are on their way at once: as many as is meant, never more, and none begins once Jira refuses.

use std::time::Duration;

use chrono::TimeDelta;
use incident_bridge::simulator::Fault;
use tokio::task::yield_now;

use super::world::World;
use crate::harness::pagerduty::triggered;

/// So fast that the pace holds nothing back.
const FAST: &str = "writes_per_second = 100";

/// The one request that each work item still needs that was made with others.
const LINK: &str = "createOrUpdateRemoteIssueLink";

/// Longer than any limit that Jira counts, in seconds.
const AN_HOUR: i64 = 3700;

/// The right answer, once it is let go.
fn held() -> Fault {
    Fault::slow(Duration::ZERO).held()
}

/// The right answer.
fn passes() -> Fault {
    Fault::with_header("X-Passes", "1")
}

/// Answers that concern every work item of the project, each with the word that the metrics have for it.
fn refusals() -> [(Fault, &'static str); 3] {
    [
        (Fault::status(401), "unauthorized"),
        (Fault::rate_limited("jira-quota-tenant-based", Some(3)), "rate_limited"),
        (Fault::status(503), "server_error"),
    ]
}

/// How many requests for links have arrived, whatever became of them.
fn count_link_requests(world: &World) -> usize {
    let requests = world.jira().requests().into_iter();
    requests.filter(|it| it.method == "POST" && it.path.ends_with("/remotelink")).count()
}

/// Returns once the bridge has read an answer of this kind.
async fn wait_for_answer(world: &World, outcome: &str) {
    let series = format!("outcome=\"{outcome}\"");
    while !world.bridge.engine.metrics().encode().is_ok_and(|text| text.contains(&series)) {
        yield_now().await;
    }
}

#[tokio::test]
async fn four_are_on_their_way_at_once_and_never_more() {
    let world = World::keyed(FAST).await;
    world.jira().fail_next(held().on_operation(LINK).times(12));
    let site = async {
        world.jira().wait_for_held(1).await;
        world.jira().release(1);
        for _ in 0..8 {
            world.jira().wait_for_held(4).await;
            world.jira().release(1);
        }
        world.jira().release(3);
    };
    tokio::join!(world.tell_many(12), site);
    assert_eq!((world.jira().most_held(), world.calls(LINK)), (4, 12));
    world.finish().await;
}

#[tokio::test]
async fn a_refusal_of_the_first_costs_one_request() {
    for (refusal, _) in refusals() {
        let world = World::keyed(FAST).await;
        world.jira().fail_next(refusal.clone().on_operation(LINK));
        world.tell_many(12).await;
        assert_eq!(count_link_requests(&world), 1, "{refusal:?}");
        world.bridge.settle_after(AN_HOUR).await;
        world.calm(60).await;
        assert_eq!((count_link_requests(&world), world.calls(LINK)), (13, 12), "{refusal:?}");
        world.finish().await;
    }
}

#[tokio::test]
async fn after_a_refusal_nothing_begins_and_what_was_on_its_way_is_not_repeated() {
    for (refusal, outcome) in refusals() {
        let world = World::keyed(FAST).await;
        world.jira().fail_next(passes().on_operation(LINK));
        world.jira().fail_next(refusal.clone().on_operation(LINK).held());
        world.jira().fail_next(held().on_operation(LINK).times(3));
        let site = async {
            world.jira().wait_for_held(4).await;
            world.jira().release(1);
            wait_for_answer(&world, outcome).await;
            world.jira().release(3);
        };
        tokio::join!(world.tell_many(12), site);
        assert_eq!((count_link_requests(&world), world.calls(LINK)), (5, 4), "{refusal:?}");
        world.bridge.settle_after(AN_HOUR).await;
        world.calm(60).await;
        assert_eq!((count_link_requests(&world), world.calls(LINK)), (13, 12), "{refusal:?}");
        world.finish().await;
    }
}

#[tokio::test]
async fn a_site_that_limits_everything_sees_those_on_their_way_and_no_other() {
    for reason in ["jira-quota-tenant-based", "jira-burst-based"] {
        let world = World::keyed(FAST).await;
        world.jira().fail_next(passes().on_operation(LINK));
        world.jira().fail_next(Fault::rate_limited(reason, Some(20)).on_operation(LINK).times(4).held());
        let site = async {
            world.jira().wait_for_held(4).await;
            world.jira().release(4);
        };
        tokio::join!(world.tell_many(20), site);
        assert_eq!((count_link_requests(&world), world.calls(LINK)), (5, 1), "{reason}");
        world.pass(15).await;
        assert_eq!(count_link_requests(&world), 5, "{reason}");
        world.bridge.settle_after(AN_HOUR).await;
        world.calm(60).await;
        assert_eq!((count_link_requests(&world), world.calls(LINK)), (24, 20), "{reason}");
        world.finish().await;
    }
}

#[tokio::test]
async fn a_crash_with_several_creations_on_their_way_loses_none_and_doubles_none() {
    for (fault, is_done) in [(Fault::late(Duration::ZERO), true), (Fault::cut(), false)] {
        let mut world = World::keyed(FAST).await;
        world.board().configure(|platform| platform.index.lag = TimeDelta::hours(1));
        // So that each is made alone.
        world
            .jira()
            .fail_next(Fault::rate_limited("jira-burst-based", Some(60)).on_operation("createIssues"));
        world.jira().fail_next(passes().on_operation("createIssue"));
        world.jira().fail_next(fault.on_operation("createIssue").times(4).held());
        tokio::select! {
            () = world.tell_many(9) => panic!("four are not answered"),
            () = world.jira().wait_for_held(4) => {}
        }
        world.bridge.restart().await;
        world.jira().release(4);
        // When what was made is looked for.
        for seconds in [6, 10, 30, 75, 180] {
            world.bridge.settle_after(seconds).await;
        }
        world.calm(60).await;
        assert_eq!(world.board().issues().len(), 9, "done: {is_done}");
        (0..9).for_each(|n| drop(world.issue_of(&format!("M{n}"))));
        world.finish().await;
    }
}

#[tokio::test]
async fn where_the_pace_has_no_room_they_go_one_by_one() {
    let world = World::keyed("writes_per_second = 1").await;
    world.jira().fail_next(held().on_operation(LINK).times(8));
    let site = async {
        for _ in 0..8 {
            world.jira().wait_for_held(1).await;
            world.jira().release(1);
        }
    };
    let bridge = async {
        world.tell_many(8).await;
        world.calm(60).await;
    };
    tokio::join!(bridge, site);
    assert_eq!((world.jira().most_held(), world.calls(LINK)), (1, 8));
    world.finish().await;
}

#[tokio::test]
async fn one_that_was_merged_into_another_waits_for_that_one() {
    let world = World::keyed(FAST).await;
    world.open("Q3").await;
    world.pass(60).await;
    world.jira().fail_next(passes().on_operation("createIssue"));
    world.jira().fail_next(Fault::slow(Duration::from_millis(300)).on_operation("createIssue"));
    // As they are stored, Q3 comes first.
    world.tell_all([triggered("Q3").merged_into("Q2"), triggered("Q1"), triggered("Q2")].into_iter()).await;
    world.calm(60).await;
    let (survivor, merged) = (world.issue_of("Q2"), world.issue_of("Q3"));
    let links: Vec<_> = merged.links.iter().map(|link| (link.name.as_str(), link.other)).collect();
    assert_eq!(links, [("Duplicate", survivor.id)]);
    world.finish().await;
}
