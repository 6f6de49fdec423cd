//! The machine fails under the bridge: it is killed or stopped at every step, its disk is full, its database
//! is locked by another process, or more webhooks arrive than it can write.

use std::process::Command;
use std::time::{Duration, Instant};

use futures::future::join_all;
use incident_bridge::simulator::{CallError, EntityKind, Fault};
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};

use super::{COMPONENTS, INCIDENTS, LINKS, ONE_INCIDENT, Story};
use crate::crash_test::model::Event;
use crate::harness::place::read;
use crate::harness::program::{eventually, require};

impl Story {
    /// The process is killed, and another is started in its place.
    async fn start_again(&mut self) {
        self.bridge = self.place.serve().await;
    }

    /// Another process locks the database until the connection is closed.
    async fn lock_database(&self) -> SqliteConnection {
        let file = self.place.folder.path().join("bridge.db");
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file);
        let mut other = options.connect().await.expect("it opens");
        sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.expect("it locks");
        other
    }

    /// The sender repeats until every event is accepted.
    async fn repeat(&mut self, events: Vec<Event>) {
        for event in events {
            let taken = async || (self.try_post(&event).await.status() == 202).then_some(());
            eventually("a webhook is taken", taken).await;
            self.sender.acknowledge(event);
        }
    }

    /// Every version of every incident was sent once.
    fn sent_nothing_twice(&self) {
        for incident in self.sites[0].incidents() {
            let id = incident["id"].as_str().expect("an id");
            let versions = self.sites[0].submitted_versions(EntityKind::Incident, id);
            assert!(versions.windows(2).all(|pair| pair[0] < pair[1]), "{id}: {versions:?}");
        }
    }
}

/// The steps of a delivery, by the request in flight: before Jira has done its part, and after.
fn steps() -> Vec<(&'static str, Fault)> {
    let after = || Fault::late(Duration::from_mins(1));
    vec![
        ("before a workspace is linked", Fault::hang().on("POST", LINKS)),
        ("after a workspace is linked", after().on("POST", LINKS)),
        ("before components are written", Fault::hang().on("POST", COMPONENTS)),
        ("after components are written", after().on("POST", COMPONENTS)),
        ("before incidents are written", Fault::hang().on("POST", INCIDENTS)),
        ("after incidents are written", after().on("POST", INCIDENTS)),
        ("while an incident is read back", Fault::hang().on("GET", ONE_INCIDENT)),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_each_step_of_a_delivery_loses_nothing() {
    let mut story = Story::begin(1).await;
    for (step, fault) in steps() {
        story.sites[0].fail_next(fault);
        // A new installation goes through all steps.
        story.install().await;
        story.news().await;
        story.faults_are_met(step).await;
        story.bridge.kill();
        story.start_again().await;
        story.arrived(step).await;
    }
    let linked = || story.sites[0].linked_workspaces().contains("pd:account");
    eventually("the workspace is linked", async || linked().then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_while_a_webhook_is_written_leaves_it_to_its_sender() {
    let mut story = Story::begin(1).await;
    // What Jira shows may not be recorded yet, and could then be sent again after the kill.
    story.every_site("it is recorded", |row| row["waiting"] == 0).await;
    let lock = story.lock_database().await;
    let event = story.sender.change("Q000000");
    assert_eq!(story.try_post(&event).await.status(), 503);
    story.bridge.kill();
    lock.close().await.expect("it lets go");
    story.start_again().await;
    story.arrived("a kill before anything was promised").await;
    story.repeat(vec![event]).await;
    story.news().await;
    story.arrived("the webhook that came again").await;
    story.sent_nothing_twice();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_polite_stop_waits_for_the_answer_under_way_and_nothing_is_sent_twice() {
    let mut story = Story::set_under(1, "export BRIDGE__SERVER__SHUTDOWN_GRACE=3s").await;
    story.install().await;
    story.open(3).await;
    story.arrived("the first incidents").await;
    story.sites[0].fail_next(Fault::late(Duration::from_secs(1)).on("POST", INCIDENTS));
    story.news().await;
    story.faults_are_met("a slow answer").await;
    story.bridge.signal("-TERM");
    assert_eq!(story.bridge.ended().await.code(), Some(0), "{}", read(&story.place.log()));
    story.start_again().await;
    story.news().await;
    story.arrived("a polite stop").await;
    story.sent_nothing_twice();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_that_cannot_wait_any_longer_is_made_good_by_the_next_start() {
    let mut story = Story::begin(1).await;
    for fault in [Fault::hang(), Fault::late(Duration::from_mins(1))] {
        story.sites[0].fail_next(fault.on("POST", INCIDENTS));
        story.news().await;
        story.faults_are_met("an answer that does not come").await;
        story.bridge.signal("-TERM");
        assert_eq!(story.bridge.ended().await.code(), Some(0), "{}", read(&story.place.log()));
        story.start_again().await;
        story.arrived("a stop in the middle of a batch").await;
    }
}

/// No file may grow beyond a limit, which acts like a full disk for a process. Shells count blocks of 512
/// bytes, some of 1024. The signal that comes with the limit must be ignored, or it ends the process.
const SMALL_DISK: &str = "trap '' XFSZ\nulimit -S -f 3000";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_webhooks_until_there_is_room_and_ends_nothing() {
    let mut story = Story::set_under(1, SMALL_DISK).await;
    story.install().await;
    // Now and then SQLite finds a little space by moving pages from its log to the database, until there is
    // none.
    let (mut waiting, mut in_a_row) = (Vec::new(), 0);
    while in_a_row < 10 {
        let event = story.sender.open();
        let answer = story.try_post(&event).await;
        if answer.status() == 202 {
            story.sender.acknowledge(event);
            in_a_row = 0;
        } else {
            assert_eq!(answer.status(), 503);
            assert!(answer.headers().contains_key("Retry-After"), "{answer:?}");
            waiting.push(event);
            in_a_row += 1;
        }
        assert!(story.sender.count() < 20_000, "the disk is never full");
    }
    eventually("it says that the database takes no writes", async || {
        let (status, said) = story.place.readiness().await;
        (status == 503 && said["database"]["ok"] == false).then_some(())
    })
    .await;
    assert!(read(&story.place.log()).contains("free disk space"));
    assert!(story.bridge.is_running());

    let process = format!("--pid={}", story.bridge.id());
    let raised = Command::new("prlimit").args([&process, "--fsize=unlimited:"]).status();
    assert!(raised.expect("prlimit exists").success());
    story.repeat(waiting).await;
    story.news().await;
    story.arrived("a full disk").await;
    let ready = async || (story.place.readiness().await.0 == 200).then_some(());
    eventually("it is ready again", ready).await;
    assert!(story.bridge.is_running());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_another_process_holds_and_a_crowd_get_503_and_are_served_later() {
    let mut story = Story::set_under(1, "export BRIDGE__SERVER__MAX_WAITING=4").await;
    story.install().await;
    story.open(3).await;
    story.arrived("the first incidents").await;
    let lock = story.lock_database().await;
    let installed = story.place.site.install(&story.place.base_url).await;
    assert!(matches!(installed, Err(CallError::Aborted { status: 503, .. })), "{installed:?}");

    let crowd: Vec<Event> = (0..30).map(|_| story.sender.open()).collect();
    let asked = Instant::now();
    for answer in join_all(crowd.iter().map(|event| story.try_post(event))).await {
        assert_eq!(answer.status(), 503);
        assert!(answer.headers().contains_key("Retry-After"), "{answer:?}");
    }
    // Each accepted group waits for the lock in turn; no sender waits for all of them.
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    let log = read(&story.place.log());
    assert!(log.contains("too many webhooks are waiting for the disk"), "{log}");
    assert_eq!(story.place.readiness().await.0, 503);
    assert!(story.bridge.is_running());
    lock.close().await.expect("it lets go");
    story.repeat(crowd).await;
    story.place.site.install(&story.place.base_url).await.expect("an admin tries again");
    story.news().await;
    story.arrived("a lock").await;
    story.sent_nothing_twice();
}

/// The clock of the running program, which can be set without setting the machine's.
struct Wall(std::path::PathBuf);

impl Wall {
    fn set(&self, offset: &str) {
        // Replaced as a whole: the program reads it all the time.
        let new = self.0.with_extension("new");
        std::fs::write(&new, offset).expect("the folder is writable");
        std::fs::rename(new, &self.0).expect("the folder is writable");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_set_an_hour_forward_or_back_holds_nothing_up_once_it_is_right() {
    let mut story = Story::begin(1).await;
    let wall = Wall(story.place.folder.path().join("wall"));
    wall.set("+0");
    let library = require("BRIDGE_TEST_FAKETIME");
    let under = format!(
        "export LD_PRELOAD='{library}' FAKETIME_TIMESTAMP_FILE='{}' FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1",
        wall.0.display()
    );
    story.bridge.signal("-TERM");
    story.bridge.ended().await;
    story.bridge = story.place.serve_under(&under).await;
    for (offset, word) in [("+3600", "fast"), ("-3600", "slow")] {
        wall.set(offset);
        story.news().await;
        // Jira refuses a token whose time is an hour off, and the operator learns why.
        story.every_site(word, |site| site["parked"].as_str().is_some_and(|why| why.contains(word))).await;
        story.news().await;
        wall.set("+0");
        story.news().await;
        story.arrived(offset).await;
        story.sent_nothing_twice();
    }
}
