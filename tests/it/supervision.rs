//! A panic in any task: the others go on, it is named, and it comes back. Only a vital task that does
//! nothing but panic ends the process.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use incident_bridge::sync::{Importance, Next, Patience, SyncError, Task};
use serde_json::Value;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::harness::pagerduty::triggered;
use crate::harness::program::eventually;
use crate::harness::{Bridge, Setup};

/// One source that is polled, so that there is a task of each kind.
const POLLED: &str = r#"
[[sources]]
id = "pd"
type = "pagerduty"
webhook_secrets = ["pagerduty-signs-with-this"]
api_token = "token"
api_url = "http://{site0}/nothing-here"
"#;

/// Says which task panics.
type Broken = Arc<Mutex<String>>;

/// A task of the program that panics while it is the broken one, and can be made to run.
struct Fragile {
    task: Arc<dyn Task>,
    broken: Broken,
    poke: Arc<Notify>,
}

#[async_trait]
impl Task for Fragile {
    fn name(&self) -> &str {
        self.task.name()
    }

    fn importance(&self) -> Importance {
        self.task.importance()
    }

    fn interval(&self) -> Duration {
        self.task.interval()
    }

    fn first_after(&self) -> Duration {
        self.task.first_after()
    }

    fn allowance(&self) -> Duration {
        self.task.allowance()
    }

    async fn signal(&self) {
        tokio::select! {
            () = self.task.signal() => {}
            () = self.poke.notified() => {}
        }
    }

    async fn run(&self) -> Result<Next, SyncError> {
        let broken = self.broken.lock().expect("nobody panics with it").clone();
        assert_ne!(broken, self.name(), "this task breaks down");
        self.task.run().await
    }

    fn may_be_dropped(&self) -> bool {
        self.task.may_be_dropped()
    }

    async fn finish(&self) {
        self.task.finish().await;
    }
}

/// Panics in every round.
struct Hopeless {
    importance: Importance,
    rounds: Arc<AtomicUsize>,
}

#[async_trait]
impl Task for Hopeless {
    fn name(&self) -> &'static str {
        "hopeless"
    }

    fn importance(&self) -> Importance {
        self.importance
    }

    fn interval(&self) -> Duration {
        Duration::ZERO
    }

    async fn run(&self) -> Result<Next, SyncError> {
        panic!("round {} breaks down", self.rounds.fetch_add(1, Ordering::SeqCst))
    }
}

fn hurried() -> Patience {
    Patience {
        first: Duration::from_millis(1),
        longest: Duration::from_millis(100),
        panics: 3,
        lasts: Duration::ZERO,
    }
}

/// What readiness says of a task.
async fn beat(bridge: &Bridge, name: &str) -> (u16, Value) {
    let ready = bridge.get_as_operator("/readyz").await;
    let beats = ready.body["tasks"]["heartbeats"].as_array().expect("a list");
    (ready.status, beats.iter().find(|beat| beat["name"] == name).cloned().unwrap_or_default())
}

#[tokio::test]
async fn a_panic_in_any_task_is_named_holds_up_no_other_and_ends_when_its_cause_does() {
    let mut bridge = Setup::default().sources(POLLED).start().await;
    bridge.install().await;
    let (broken, poke, stop) = (Broken::default(), Arc::new(Notify::new()), CancellationToken::new());
    let app = bridge.take_app(Patience { panics: u32::MAX, ..hurried() });
    let tasks = app.tasks();
    let names: Vec<_> = tasks.iter().map(|task| (task.name().to_owned(), task.importance())).collect();
    assert!(names.len() >= 9, "{names:?}");
    let wrap = |task| Fragile { task, broken: broken.clone(), poke: poke.clone() };
    let tasks = tasks.into_iter().map(|task| Arc::new(wrap(task)) as Arc<dyn Task>).collect();
    let running = tokio::spawn(app.run_tasks(tasks, stop.clone()));
    for (n, (name, importance)) in names.iter().enumerate() {
        broken.lock().expect("nobody panics with it").clone_from(name);
        eventually("readiness names it", async || {
            poke.notify_waiters();
            let (status, beat) = beat(&bridge, name).await;
            let is_named = beat["alive"] == false && beat["why"].as_str()?.contains("breaks down");
            (is_named && (status == 503) == (*importance != Importance::Single)).then_some(())
        })
        .await;
        assert_eq!(bridge.get_as_operator("/healthz").await.status, 200);
        let id = format!("pd:Q{n}");
        bridge.pagerduty(&triggered(&format!("Q{n}"))).await;
        let arrived = async || bridge.jira().incident(&id).map(|_| ());
        if !matches!(name.as_str(), "inbox" | "deliver") {
            eventually("the others go on", arrived).await;
        }
        broken.lock().expect("nobody panics with it").clear();
        eventually("it comes back", async || (beat(&bridge, name).await.1["alive"] == true).then_some(()))
            .await;
        eventually("what waited for it arrives", arrived).await;
        bridge.log.expect_error(&format!("task={name:?}"));
    }
    stop.cancel();
    running.await.expect("no panic").expect("it stops politely");
}

#[tokio::test]
async fn a_process_that_cannot_keep_a_vital_task_alive_ends_with_its_name() {
    let mut bridge = Bridge::start().await;
    let app = bridge.take_app(hurried());
    let hopeless = Hopeless { importance: Importance::Vital, rounds: Arc::default() };
    let mut tasks = app.tasks();
    tasks.push(Arc::new(hopeless));
    let stop = CancellationToken::new();
    let ended = app.run_tasks(tasks, stop.clone()).await.expect_err("it ends by itself").to_string();
    assert!(ended.contains("`hopeless` has panicked 3 times") && ended.contains("round 2"), "{ended}");
    bridge.log.expect_error("this process ends, so that it is started again");
    assert!(!stop.is_cancelled());
}

#[tokio::test]
async fn a_task_that_is_not_vital_ends_no_process() {
    for importance in [Importance::Single, Importance::Shared] {
        let (mut bridge, rounds, stop) = (Bridge::start().await, Arc::default(), CancellationToken::new());
        let hopeless = Arc::new(Hopeless { importance, rounds: Arc::clone(&rounds) });
        let app = bridge.take_app(hurried());
        let mut tasks = app.tasks();
        tasks.push(hopeless);
        let running = tokio::spawn(app.run_tasks(tasks, stop.clone()));
        let often = async || (rounds.load(Ordering::SeqCst) > 5).then_some(());
        eventually("it has panicked often", often).await;
        assert!(!running.is_finished());
        stop.cancel();
        running.await.expect("no panic").expect("it stops politely");
    }
}

/// Rounds are a second apart, and the scheduler says every second that it runs.
#[tokio::test]
async fn a_scheduler_that_is_silent_for_ten_rounds_is_started_again() {
    let bridge = Setup::default().config("[sync]\nreconcile = \"* * * * * *\"").start().await;
    let schedule = bridge.task("schedule");
    for _ in 0..30 {
        schedule.run().await.expect("it starts");
    }
    bridge.log.expect_error("the scheduler has stopped; it starts again");
    bridge.engine.signals().drift.notified().await;
    schedule.finish().await;
    bridge.finish().await;
}

#[tokio::test]
async fn a_nightly_round_that_fails_is_repeated_as_a_whole() {
    let bridge = Setup::default().config("[retention]\ninbox = \"1d\"\n").start().await;
    bridge.install().await;
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle().await;
    bridge.advance(3 * 24 * 3600);
    let nightly = bridge.task("drift");
    bridge.engine.signals().drift.notify_one();
    nightly.signal().await;
    bridge.execute("ALTER TABLE destinations RENAME TO away").await;
    nightly.run().await.expect_err("a table is missing");
    bridge.execute("ALTER TABLE away RENAME TO destinations").await;
    nightly.run().await.expect("the store works");
    assert_eq!(bridge.count("SELECT COUNT(*) FROM inbox").await, 0);
    bridge.settle().await;
    bridge.finish().await;
}

#[tokio::test]
async fn the_longest_durations_that_are_taken_stop_nothing() {
    let long = "[retention]\ninbox = \"100y\"\ntimeline = \"100y\"\n[sync]\nremoval_grace = \"100y\"\n\
                [delivery]\nvisible_within = \"100y\"\n";
    let bridge = Setup::default().config(long).start().await;
    bridge.install().await;
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle().await;
    bridge.jira().hide("pd:Q1");
    bridge.engine.run_nightly().await.expect("the store works");
    bridge.settle_after(60).await;
    bridge.finish().await;
}
