//! The seam for destinations: the delivery engine serves a file of JSON lines as it serves Jira.

mod lines;

use std::fs;
use std::path::PathBuf;

use incident_bridge::destinations::{DestinationKind, TYPES};
use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{Bridge, Setup};

/// A bridge that writes to a file besides Jira, with no site installed.
struct World {
    bridge: Bridge,
    folder: TempDir,
}

impl World {
    async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let table = format!(
            "[[destinations]]\nid = \"file\"\ntype = \"lines\"\nsources = [\"gen\"]\nfolder = \"{}\"\n",
            folder.path().display()
        );
        let types: Vec<DestinationKind> = [TYPES, &[lines::KIND]].concat();
        let bridge = Setup::default().config(&table).types(types).start().await;
        Self { bridge, folder }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// The tool reports incidents, and the bridge does what it can.
    async fn tell(&self, incidents: &[(&str, &str)]) {
        for (id, title) in incidents {
            self.bridge.tell_generic(id, title).await;
        }
        self.bridge.settle().await;
    }

    /// Ids and titles as written, in order.
    fn written(&self) -> Vec<(String, String)> {
        let text = |line: &Value, key: &str| line[key].as_str().unwrap_or_default().to_owned();
        lines::lines(self.folder.path()).iter().map(|line| (text(line, "id"), text(line, "title"))).collect()
    }

    async fn state(&self, id: &str) -> String {
        self.bridge.delivery(id).await.state.as_str().to_owned()
    }
}

fn pairs(written: &[(&str, &str)]) -> Vec<(String, String)> {
    written.iter().map(|(id, title)| ((*id).to_owned(), (*title).to_owned())).collect()
}

#[tokio::test]
async fn an_incident_is_written_and_confirmed_by_reading_it_back() {
    let world = World::start().await;
    world.tell(&[("1", "Checkout is down")]).await;
    assert_eq!(world.written(), pairs(&[("gen:1", "Checkout is down")]));
    world.bridge.settle_after(2).await;
    assert_eq!(world.state("gen:1").await, "confirmed");
    assert!(world.bridge.jira().incidents().is_empty(), "no site has installed the app");
    world.bridge.finish().await;
}

#[tokio::test]
async fn kinds_that_it_does_not_take_are_left_out_and_bother_nobody() {
    let world = World::start().await;
    world.tell(&[("1", "Checkout is down")]).await;
    let component = world.bridge.delivery("gen:unassigned").await;
    assert_eq!(component.state.as_str(), "discarded");
    assert!(component.reason.is_some(), "{component:?}");
    world.bridge.finish().await;
}

#[tokio::test]
async fn one_that_spoils_a_request_is_found_by_halving_and_the_others_go_on() {
    let world = World::start().await;
    fs::write(world.path("poison"), "gen:3\n").expect("it is written");
    let told = ["1", "2", "3", "4", "5", "6"].map(|id| (id, "Down"));
    world.tell(&told).await;
    let mut written: Vec<String> = world.written().into_iter().map(|(id, _)| id).collect();
    written.sort();
    assert_eq!(written, ["gen:1", "gen:2", "gen:4", "gen:5", "gen:6"]);
    let spoilt = world.bridge.delivery("gen:3").await;
    assert_eq!(spoilt.state.as_str(), "refused");
    assert_eq!(spoilt.reason.as_deref(), Some("one of these spoils the request"));
    world.bridge.finish().await;
}

#[tokio::test]
async fn one_that_is_refused_keeps_its_reason_and_goes_with_the_next_change() {
    let world = World::start().await;
    fs::write(world.path("refused"), "gen:1\n").expect("it is written");
    world.tell(&[("1", "Down"), ("2", "Slow")]).await;
    assert_eq!(world.written(), pairs(&[("gen:2", "Slow")]));
    assert_eq!(world.bridge.delivery("gen:1").await.reason.as_deref(), Some("this file does not like it"));
    fs::remove_file(world.path("refused")).expect("it is removed");
    world.bridge.advance(60);
    world.tell(&[("1", "Still down")]).await;
    assert_eq!(world.written().last(), pairs(&[("gen:1", "Still down")]).last());
    world.bridge.finish().await;
}

#[tokio::test]
async fn an_outage_and_a_restart_lose_nothing_and_double_nothing() {
    let mut world = World::start().await;
    fs::write(world.path("down"), "").expect("it is written");
    world.tell(&[("1", "Down")]).await;
    assert_eq!(world.state("gen:1").await, "waiting");
    world.bridge.restart().await;
    fs::remove_file(world.path("down")).expect("it is removed");
    world.bridge.settle_after(600).await;
    assert_eq!(world.written(), pairs(&[("gen:1", "Down")]));
    world.bridge.restart().await;
    world.bridge.settle_after(60).await;
    assert_eq!(world.written(), pairs(&[("gen:1", "Down")]), "what is confirmed is not sent again");
    assert_eq!(world.state("gen:1").await, "confirmed");
    world.bridge.finish().await;
}

#[tokio::test]
async fn what_the_file_has_lost_is_written_again() {
    let world = World::start().await;
    world.tell(&[("1", "Down")]).await;
    world.bridge.settle_after(2).await;
    fs::remove_file(world.path("lines.jsonl")).expect("it is removed");
    world.bridge.engine.run_nightly().await.expect("the store works");
    world.bridge.settle().await;
    assert_eq!(world.written(), pairs(&[("gen:1", "Down")]));
    world.bridge.finish().await;
}

#[tokio::test]
async fn one_whose_code_panics_holds_up_no_other_and_is_served_again() {
    let world = World::start().await;
    world.bridge.install().await;
    world.bridge.settle().await;
    fs::write(world.path("panic"), "").expect("it is written");
    world.bridge.tell_generic("1", "Down").await;
    world.bridge.engine.inbound().process_inbox().await.expect("the store works");
    let deliver = world.bridge.task("deliver");
    deliver.run().await.expect("the task goes on");
    deliver.finish().await;
    world.bridge.log.expect_error("a task panicked and continues");
    let metrics = world.bridge.get_as_operator("/metrics").await.text;
    assert!(metrics.contains("task_panics_total{task=\"deliver\"} 1"), "{metrics}");
    assert_eq!(world.bridge.jira().incident("gen:1").expect("it is there")["status"], "open");
    assert!(world.written().is_empty());
    fs::remove_file(world.path("panic")).expect("it is removed");
    world.bridge.settle().await;
    assert_eq!(world.written(), pairs(&[("gen:1", "Down")]));
    world.bridge.finish().await;
}

#[tokio::test]
async fn one_whose_code_panics_is_named_until_it_is_served_again() {
    let world = World::start().await;
    fs::write(world.path("panic"), "").expect("it is written");
    world.bridge.tell_generic("1", "Down").await;
    world.bridge.engine.inbound().process_inbox().await.expect("the store works");
    let deliver = world.bridge.task("deliver");
    let serve = async || {
        deliver.run().await.expect("the task goes on");
        deliver.finish().await;
    };
    serve().await;
    serve().await;
    world.bridge.log.expect_error("the destination breaks down");
    let ready = world.bridge.get_as_operator("/readyz").await;
    let beats = ready.body["tasks"]["heartbeats"].as_array().expect("a list");
    assert!(ready.status == 200 && beats.len() == 1, "the others go on: {}", ready.body);
    assert_eq!((&beats[0]["name"], &beats[0]["alive"]), (&"deliver file".into(), &false.into()));
    let metrics = world.bridge.get_as_operator("/metrics").await.text;
    assert!(metrics.contains("task_panics_total{task=\"deliver\"} 1"), "it rests: {metrics}");
    fs::remove_file(world.path("panic")).expect("it is removed");
    world.bridge.advance(1);
    serve().await;
    assert_eq!(world.written(), pairs(&[("gen:1", "Down")]));
    let ready = world.bridge.get_as_operator("/readyz").await;
    assert_eq!(ready.body["tasks"]["heartbeats"], serde_json::json!([]));
    world.bridge.finish().await;
}

#[tokio::test]
async fn one_entity_on_which_the_code_panics_is_found_by_halving_and_the_others_go_on() {
    let world = World::start().await;
    fs::write(world.path("panics"), "gen:3\n").expect("it is written");
    let told = ["1", "2", "3", "4", "5", "6"].map(|id| (id, "Down"));
    world.tell(&told).await;
    world.bridge.log.expect_error("sending breaks down");
    let mut written: Vec<String> = world.written().into_iter().map(|(id, _)| id).collect();
    written.sort();
    assert_eq!(written, ["gen:1", "gen:2", "gen:4", "gen:5", "gen:6"]);
    let row = world.bridge.delivery("gen:3").await;
    assert_eq!(row.state.as_str(), "refused");
    assert!(row.reason.is_some_and(|reason| reason.contains("a bug: please report it")));
    fs::remove_file(world.path("panics")).expect("it is removed");
    world.bridge.engine.operator().retry_deliveries(None).await.expect("the store works");
    world.bridge.settle().await;
    assert_eq!(world.written().last(), pairs(&[("gen:3", "Down")]).last());
    world.bridge.finish().await;
}

#[tokio::test]
async fn one_entity_on_which_reading_back_panics_is_listed_and_the_others_are_confirmed() {
    let world = World::start().await;
    fs::write(world.path("panics_reading"), "gen:2\n").expect("it is written");
    world.tell(&[("1", "Down"), ("2", "Down"), ("3", "Down")]).await;
    world.bridge.settle_after(2).await;
    world.bridge.log.expect_error("reading back breaks down");
    assert_eq!([world.state("gen:1").await, world.state("gen:3").await], ["confirmed", "confirmed"]);
    let row = world.bridge.delivery("gen:2").await;
    assert!(row.reason.is_some_and(|reason| reason.contains("a bug: please report it")));
    world.bridge.finish().await;
}
