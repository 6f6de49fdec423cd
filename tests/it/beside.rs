//! A few requests to a site are on their way at once, each about another source: as many as is meant, never two about the
//! same source, and none begins once Jira refuses.

use std::fmt::Write as _;
use std::time::Duration;

use incident_bridge::domain::{DestinationId, format_timestamp};
use incident_bridge::simulator::{Fault, Simulator};
use serde_json::json;
use tokio::task::yield_now;

use crate::harness::program::eventually;
use crate::harness::{Bridge, Setup};

const INCIDENTS: &str = "/rest/operations/1.0/bulk";
const LINKS: &str = "/rest/operations/1.0/linkedWorkspaces";
const SOURCES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

/// Six tools, each with one open incident that is to be sent.
struct World {
    bridge: Bridge,
    site: DestinationId,
}

impl World {
    async fn new(config: &str) -> Self {
        Self::with_sites(1, config).await
    }

    async fn with_sites(sites: usize, config: &str) -> Self {
        let mut sources = String::new();
        for id in SOURCES {
            write!(
                sources,
                "[[sources]]\nid = \"{id}\"\ntype = \"generic\"\nwebhook_token = \"the-token-of-{id}\"\n[sources.mapping]\n\
                 id = \"/id\"\nsummary = \"/title\"\nstatus = \"/state\"\nurl = \"/link\"\ncreatedDate = \"/opened\"\n\
                 lastUpdated = \"/changed\"\n"
            )
            .expect("a string takes everything");
        }
        let bridge = Setup::default().sites(sites).sources(&sources).config(config).start().await;
        let site = DestinationId(bridge.install().await.client_key);
        for more in 1..sites {
            bridge.install_on(more).await;
        }
        bridge.settle().await;
        bridge.settle_after(5).await;
        Self { bridge, site }
    }

    async fn with_one_of_each() -> Self {
        let world = Self::new("").await;
        for source in SOURCES {
            world.tell(source, "1").await;
        }
        world
    }

    /// An incident of a source is open now, and is to be sent.
    async fn tell(&self, source: &str, id: &str) {
        let now = format_timestamp(self.bridge.clock.now());
        let body = json!({ "id": id, "title": "Slow", "state": "open", "link": "https://tool.example/", "opened": now,
            "changed": now });
        let credential = format!("Bearer the-token-of-{source}");
        let headers = [("Authorization", credential.as_str())];
        let answer = self.bridge.post_webhook(source, body.to_string(), &headers).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        self.bridge.engine.inbound().process_inbox().await.expect("the store works");
    }

    fn will(&self, fault: Fault, times: u32) {
        self.bridge.jira().fail_next(fault.on("POST", INCIDENTS).times(times));
    }

    async fn serve(&self) {
        self.bridge.serve(&self.site).await.expect("the store works");
    }

    fn requests(&self) -> usize {
        count_requests(self.bridge.jira())
    }

    fn has(&self, id: &str) -> bool {
        self.bridge.jira().incident(id).is_some()
    }

    async fn failures(&self) -> i64 {
        self.bridge.count("SELECT failures FROM destinations").await
    }

    async fn finish(self) {
        self.bridge.settle_after(3600).await;
        self.bridge.settle_after(5).await;
        self.bridge.finish().await;
    }
}

/// Requests to write incidents, whatever became of them.
fn count_requests(jira: &Simulator) -> usize {
    jira.requests().iter().filter(|it| it.method == "POST" && it.path == INCIDENTS).count()
}

/// The right answer, once it is let go.
fn held() -> Fault {
    Fault::slow(Duration::ZERO).held()
}

/// Whatever would begin has begun afterwards.
async fn settle_requests() {
    for _ in 0..100 {
        yield_now().await;
    }
}

#[tokio::test]
async fn four_sources_have_a_request_on_its_way_and_never_more() {
    let world = World::with_one_of_each().await;
    world.will(held(), 6);
    let jira = world.bridge.jira();
    let site = async {
        jira.wait_for_held(4).await;
        for _ in 0..2 {
            jira.release(1);
            jira.wait_for_held(4).await;
        }
        jira.release(4);
    };
    tokio::join!(world.serve(), site);
    assert_eq!((jira.most_held(), world.requests()), (4, 6));
    assert!(SOURCES.iter().all(|source| world.has(&format!("{source}:1"))));
    world.finish().await;
}

#[tokio::test]
async fn of_one_source_never_two() {
    let world = World::new("[delivery]\nmax_batch = 1").await;
    for id in ["1", "2", "3"] {
        world.tell("a", id).await;
    }
    world.will(held(), 3);
    let jira = world.bridge.jira();
    let site = async {
        for _ in 0..3 {
            jira.wait_for_held(1).await;
            jira.release(1);
        }
    };
    tokio::join!(world.serve(), site);
    assert_eq!((jira.most_held(), world.requests()), (1, 3));
    world.finish().await;
}

#[tokio::test]
async fn news_of_another_source_goes_while_a_request_is_on_its_way() {
    let world = World::new("").await;
    world.tell("a", "1").await;
    world.will(held(), 1);
    let (deliver, jira) = (world.bridge.task("deliver"), world.bridge.jira());
    deliver.run().await.expect("the store works");
    jira.wait_for_held(1).await;
    world.tell("b", "1").await;
    deliver.run().await.expect("the store works");
    eventually("the other source is sent", async || world.has("b:1").then_some(())).await;
    assert!(!world.has("a:1"));
    jira.release(1);
    deliver.finish().await;
    assert!(world.has("a:1"));
    world.finish().await;
}

#[tokio::test]
async fn what_always_has_something_to_send_is_read_back_besides() {
    let world = World::new("").await;
    world.tell("a", "1").await;
    world.tell("b", "1").await;
    world.serve().await;
    world.bridge.advance(1);
    world.tell("a", "2").await;
    world.will(held(), 1);
    let (deliver, jira) = (world.bridge.task("deliver"), world.bridge.jira());
    let reads = || jira.requests().iter().filter(|it| it.path.contains("/incidents/")).count();
    let before = reads();
    deliver.run().await.expect("the store works");
    jira.wait_for_held(1).await;
    settle_requests().await;
    assert_eq!(reads(), before, "what is to be sent goes first");
    world.bridge.advance(1);
    world.tell("c", "1").await;
    deliver.run().await.expect("the store works");
    eventually("both are read back", async || (reads() == before + 2).then_some(())).await;
    jira.release(1);
    deliver.finish().await;
    world.finish().await;
}

#[tokio::test]
async fn after_a_refusal_none_begins_and_those_on_their_way_failed_once() {
    let world = World::with_one_of_each().await;
    world.will(Fault::status(503).held(), 3);
    world.will(held(), 1);
    let jira = world.bridge.jira();
    let site = async {
        jira.wait_for_held(4).await;
        jira.release(4);
    };
    tokio::join!(world.serve(), site);
    assert_eq!((world.requests(), world.failures().await), (4, 1));
    world.serve().await;
    assert_eq!(world.requests(), 4, "it waits");
    world.bridge.settle_after(3).await;
    assert!(SOURCES.iter().all(|source| world.has(&format!("{source}:1"))));
    assert_eq!((world.requests(), world.failures().await), (9, 0));
    world.finish().await;
}

#[tokio::test]
async fn one_that_has_failed_is_asked_once_until_it_answers() {
    let world = World::with_one_of_each().await;
    world.will(Fault::status(503), 4);
    world.serve().await;
    world.bridge.advance(3);
    world.will(held(), 6);
    let jira = world.bridge.jira();
    let site = async {
        jira.wait_for_held(1).await;
        settle_requests().await;
        assert_eq!(jira.most_held(), 1);
        jira.release(1);
        jira.wait_for_held(4).await;
        jira.release(5);
    };
    tokio::join!(world.serve(), site);
    assert_eq!(world.requests(), 10);
    world.finish().await;
}

#[tokio::test]
async fn of_several_refusals_the_longest_wait_counts() {
    let world = World::with_one_of_each().await;
    world.will(Fault::status(503).held(), 1);
    world.will(Fault::rate_limited("jira-quota-tenant-based", Some(60)).held(), 1);
    world.will(Fault::status(503).held(), 2);
    let jira = world.bridge.jira();
    let site = async {
        jira.wait_for_held(4).await;
        jira.release(4);
    };
    tokio::join!(world.serve(), site);
    world.bridge.settle_after(59).await;
    assert_eq!(world.requests(), 4);
    world.bridge.settle_after(3600).await;
    assert!(SOURCES.iter().all(|source| world.has(&format!("{source}:1"))));
    world.finish().await;
}

#[tokio::test]
async fn what_concerns_the_whole_site_waits_for_those_on_their_way_and_goes_alone() {
    let world = World::with_one_of_each().await;
    world.will(held(), 4);
    world.bridge.jira().fail_next(held().on("GET", LINKS));
    let (jira, engine) = (world.bridge.jira(), &world.bridge.engine);
    let snapshot = engine.read_directory().await.expect("the store works");
    let access = snapshot.find(&world.site).expect("it is installed");
    let destination = engine.outbound().connect(access).expect("it can be built");
    let list = async {
        jira.wait_for_held(4).await;
        destination.list_links().await.expect("Jira answers").expect("it has links")
    };
    let site = async {
        jira.wait_for_held(4).await;
        engine.outbound().turn_awaited().notified().await;
        settle_requests().await;
        assert_eq!(jira.most_held(), 4, "it waits");
        jira.release(4);
        jira.wait_for_held(1).await;
        settle_requests().await;
        assert_eq!(world.requests(), 4, "nothing is sent beside it");
        jira.release(1);
    };
    let (linked, (), ()) = tokio::join!(list, world.serve(), site);
    assert_eq!(linked.len(), SOURCES.len());
    world.finish().await;
}

#[tokio::test]
async fn a_site_gives_its_seat_up_to_another_after_a_second() {
    let world = World::with_sites(2, "[delivery]\nparallel_sites = 1").await;
    for source in SOURCES {
        world.tell(source, "1").await;
    }
    let sites = &world.bridge.sites;
    for site in sites {
        site.fail_next(held().on("POST", INCIDENTS).times(6));
    }
    let deliver = world.bridge.task("deliver");
    let run = async || deliver.run().await.expect("the store works");
    run().await;
    let (first, second) = tokio::select! {
        () = sites[0].wait_for_held(4) => (&sites[0], &sites[1]),
        () = sites[1].wait_for_held(4) => (&sites[1], &sites[0]),
    };
    world.bridge.advance(1);
    first.release(4);
    let other_begins = async || {
        run().await;
        (second.most_held() > 0).then_some(())
    };
    eventually("the other site is served", other_begins).await;
    assert_eq!(count_requests(first), 4, "of six");
    second.release(6);
    first.release(2);
    let all_arrived = async || {
        run().await;
        sites
            .iter()
            .all(|site| SOURCES.iter().all(|it| site.incident(&format!("{it}:1")).is_some()))
            .then_some(())
    };
    eventually("everything is sent", all_arrived).await;
    deliver.finish().await;
    world.finish().await;
}
