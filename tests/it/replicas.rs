//! Several processes on one PostgreSQL database are as right as one.

use std::time::Duration;

use incident_bridge::app::{App, Roles};
use incident_bridge::clock::Clock;
use incident_bridge::domain::{DestinationId, EntityId, EntityKind, EntityOutcome, Verdict};
use incident_bridge::store::{Backoff, Change, DestinationRef, LedgerRow, Store, StoreError, Vault};
use sqlx::{Connection as _, PgConnection};
use tokio::sync::Notify;

use crate::crash_test::{chaos, facts};
use crate::harness::pagerduty::triggered;
use crate::harness::place::PROGRAM;
use crate::harness::program::{eventually, require};
use crate::harness::{Setup, fresh_postgres, pick_port, start_time};

/// A short form of `cargo run --release --example crash_test -- --facts --postgres URL`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_processes_make_of_the_same_webhooks_what_one_makes() {
    let cluster = require("BRIDGE_TEST_POSTGRES_URL");
    for seed in 1..=2 {
        let one = facts::play(&cluster, seed, 120, 1).await.expect("it plays");
        let four = facts::play(&cluster, seed, 120, 4).await.expect("it plays");
        let difference = one.difference(&four);
        assert!(difference.is_none(), "seed {seed}: {}", difference.unwrap_or_default());
        assert!(one.done > 80 && one.entities.len() > 10, "{one:?}");
    }
}

/// A database with what one process, and another, makes of it.
struct Two {
    url: String,
    one: Store,
    other: Store,
}

impl Two {
    async fn start() -> Self {
        let (url, clock) = (fresh_postgres().await, Clock::manual(start_time()));
        let open = async || {
            let vault = Vault::new(&Vault::generate_key(), &[]).expect("a key");
            Store::open(&url.clone().into(), vault, clock.clone()).await.expect("it opens")
        };
        let (one, other) = (open().await, open().await);
        one.migrate().await.expect("it migrates");
        Self { url, one, other }
    }

    async fn execute(&self, sql: &'static str) {
        let mut admin = PgConnection::connect(&self.url).await.expect("it can be reached");
        sqlx::query(sql).execute(&mut admin).await.expect("it executes");
    }

    /// As after some seconds in which nobody has renewed any lease.
    async fn end_leases(&self) {
        self.execute("UPDATE leases SET until = 1").await;
    }
}

#[tokio::test]
async fn work_under_a_lease_is_done_by_one_process() {
    let two = Two::start().await;
    let (begun, go_on) = (Notify::new(), Notify::new());
    let work = async {
        begun.notify_one();
        go_on.notified().await;
    };
    let others = async {
        begun.notified().await;
        assert!(two.other.leases().hold("site/x", async {}).await.expect("it asks").is_none());
        let within = two.one.leases().hold("site/x", async {}).await.expect("it asks");
        assert!(within.is_some(), "tasks of one process share its lease");
        assert!(two.other.leases().hold("site/x", async {}).await.expect("it asks").is_none(), "it goes on");
        assert!(two.other.leases().hold("site/y", async {}).await.expect("it asks").is_some());
        go_on.notify_one();
    };
    let (held, ()) = tokio::join!(two.one.leases().hold("site/x", work), others);
    assert!(held.expect("it is free").is_some());
    assert!(two.other.leases().hold("site/x", async {}).await.expect("it is free again").is_some());
}

#[tokio::test]
async fn a_process_that_slept_writes_nothing_once_its_lease_is_gone() {
    let two = Two::start().await;
    let site = DestinationRef { id: DestinationId("x".to_owned()), since: start_time() };
    let backoff = Backoff { wait_until: start_time(), parked: None };
    let slept = two.one.leases().hold("site/x", async {
        two.one.sites().record_site_backoff(&site, &backoff).await.expect("the lease is held");
        two.end_leases().await;
        let taken = two.other.leases().claim("site/x", Duration::from_mins(1)).await;
        assert!(taken.expect("it asks").is_some(), "it has ended");
        let fault = two.one.sites().record_site_backoff(&site, &backoff).await.expect_err("it is too late");
        assert!(matches!(fault, StoreError::LeaseLost(_)), "{fault}");
        let (id, verdict) = (EntityId::from_text("pd:Q1"), Verdict::Accepted);
        let outcome = EntityOutcome { id, version: 1, verdict };
        let recorded =
            two.one.deliveries().record_outcomes(&site, EntityKind::Incident, &[outcome], None).await;
        assert!(matches!(recorded, Err(StoreError::LeaseLost(_))), "{recorded:?}");
        let row = LedgerRow {
            name: "incident/pd:Q1".to_owned(),
            state: "sending".to_owned(),
            number: None,
            record: "{}".to_owned(),
        };
        let written = two.one.ledger().write(&site.id, &[row]).await;
        assert!(matches!(written, Err(StoreError::LeaseLost(_))), "{written:?}");
    });
    Box::pin(slept).await.expect("the lease was free");
}

#[tokio::test]
async fn a_lease_is_taken_over_only_when_what_is_being_written_under_it_is_written() {
    let two = Two::start().await;
    two.execute("INSERT INTO leases (name, owner, until) VALUES ('site/x', 'stopped', 1)").await;
    let mut stopped = PgConnection::connect(&two.url).await.expect("it can be reached");
    let check = "SELECT 1 FROM leases WHERE name = 'site/x' AND owner = 'stopped' FOR KEY SHARE";
    for sql in ["BEGIN", check] {
        sqlx::query(sql).execute(&mut stopped).await.expect("it executes");
    }
    let mut admin = PgConnection::connect(&two.url).await.expect("it can be reached");
    let end = async {
        let waits = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
        let waiting = async || {
            sqlx::query_scalar::<_, i32>(waits).fetch_optional(&mut admin).await.expect("it answers")
        };
        eventually("the other waits", waiting).await;
        // Whoever holds the lease can renew it meanwhile.
        two.execute("UPDATE leases SET until = 2 WHERE name = 'site/x'").await;
        sqlx::query("COMMIT").execute(&mut stopped).await.expect("it ends");
    };
    let (taken, ()) = tokio::join!(two.other.leases().claim("site/x", Duration::from_mins(1)), end);
    assert!(taken.expect("it asks").is_some());
}

#[tokio::test]
async fn two_processes_that_sync_serve_one_site_and_each_takes_webhooks() {
    let bridge = Setup::default().store(fresh_postgres().await).start().await;
    let mut config = bridge.config.clone();
    config.server.listen.set_port(0);
    let second = App::start(&config, bridge.clock.clone(), Roles::ALL).await.expect("it shares the work");
    bridge.install().await;
    bridge.settle().await;
    bridge.pagerduty(&triggered("Q1")).await;
    second.engine.run_until_idle().await.expect("the store works");
    assert!(bridge.jira().incident("pd:Q1").is_some(), "the second has done the first one's work");
    let stop = tokio_util::sync::CancellationToken::new();
    stop.cancel();
    second.run(stop).await.expect("it stops");
    bridge.finish().await;
}

/// A short form of `cargo run --release --example crash_test -- --postgres URL`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accidents_of_several_processes_lose_nothing_and_nobody_writes_under_anothers_lease() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let plan = chaos::Plan {
        program: PROGRAM.into(),
        old_program: None,
        cluster: require("BRIDGE_TEST_POSTGRES_URL"),
        restart: None,
        ports: (0..4).map(|_| pick_port()).collect(),
        rounds: 6,
        seed: 7,
        round: Duration::from_secs(3),
    };
    let report = chaos::play(plan, folder.path(), |_, _| ()).await.expect("the programs start");
    assert!(report.is_clean(), "{report}");
    assert!(report.kills > 0 && report.stops > 0 && report.outages > 0, "{report}");
    assert!(report.incidents > 10 && report.answers > 10, "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_process_stores_wakes_another_at_once() {
    let mut bridge = Setup::default().store(fresh_postgres().await).start().await;
    let other = bridge.engine.clone();
    let vault = Vault::new(&Vault::generate_key(), &[]).expect("a key");
    let url = bridge.config.store.url.clone();
    let store = Store::open(&url, vault, bridge.clock.clone()).await.expect("it opens");
    let mut news = store.listen().await.expect("it listens").expect("it is PostgreSQL");
    let stop = tokio_util::sync::CancellationToken::new();
    let app = bridge.take_app(incident_bridge::sync::Patience::default());
    let running = tokio::spawn(app.run_tasks(vec![bridge.task("news")], stop.clone()));
    let mut heard = std::collections::BTreeSet::new();
    bridge.pagerduty(&triggered("Q1")).await;
    while !heard.contains(&Change::Inbox) {
        heard.extend(news.next().await.expect("it listens"));
    }
    other.inbound().process_inbox().await.expect("the store works");
    bridge.install().await;
    while !(heard.contains(&Change::Deliveries) && heard.contains(&Change::Directory)) {
        heard.extend(news.next().await.expect("it listens"));
    }
    stop.cancel();
    running.await.expect("it does not panic").expect("it stops");
}

/// A migration of tomorrow has been applied beside the running program.
#[tokio::test]
async fn a_program_works_with_a_database_that_a_newer_one_has_extended() {
    let mut bridge = Setup::default().store(fresh_postgres().await).start().await;
    bridge.install().await;
    bridge
        .execute(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES (9999, 'of tomorrow', true, '\\x00', 0);
             ALTER TABLE entities ADD COLUMN of_tomorrow BIGINT NOT NULL DEFAULT 0;
             ALTER TABLE inbox ADD COLUMN of_tomorrow TEXT;
             CREATE TABLE of_tomorrow (id TEXT PRIMARY KEY);",
        )
        .await;
    assert_eq!(bridge.get_as_operator("/readyz").await.status, 200);
    bridge.restart().await;
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle().await;
    assert!(bridge.jira().incident("pd:Q1").is_some());
    bridge.execute("UPDATE generations SET number = 9999 WHERE name = 'oldest_program'").await;
    assert_eq!(bridge.get_as_operator("/readyz").await.status, 503, "it needs something that is gone");
    bridge.execute("UPDATE generations SET number = 0 WHERE name = 'oldest_program'").await;
    bridge.finish().await;
}

/// As when PostgreSQL restarts.
#[tokio::test]
async fn webhooks_are_taken_at_once_after_all_sessions_have_ended() {
    let bridge = Setup::default().store(fresh_postgres().await).start().await;
    bridge.pagerduty(&triggered("Q1")).await;
    bridge
        .execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .await;
    bridge.pagerduty(&triggered("Q2")).await;
    bridge.install().await;
    bridge.settle().await;
    assert!(bridge.jira().incident("pd:Q1").is_some() && bridge.jira().incident("pd:Q2").is_some());
    bridge.finish().await;
}

#[tokio::test]
async fn processes_spend_points_of_one_pool() {
    let two = Two::start().await;
    let (hour, quota) = (start_time(), 60);
    let mut taken = 0;
    for _ in 0..10 {
        for store in [&two.one, &two.other] {
            let (granted, spent) = store.points().take("app", hour, 7, quota).await.expect("it counts");
            taken += if granted { 7 } else { 0 };
            assert_eq!(spent, taken);
        }
    }
    assert_eq!(taken, 56, "the next seven are too many");
    let next = two.one.points().take("app", hour + chrono::TimeDelta::hours(1), 7, quota).await;
    assert_eq!(next.expect("it counts"), (true, 7));
}
