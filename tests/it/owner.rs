//! One process syncs from a database. A second one refuses to start; one that cannot be sure any longer stops syncing,
//! and ends when another has taken its place.

use std::time::Duration;

use incident_bridge::app::{App, Roles};
use incident_bridge::clock::Clock;
use incident_bridge::store::{Store, StoreError, Vault};
use sqlx::{Connection as _, PgConnection};

use crate::harness::program::eventually;
use crate::harness::{Setup, fresh_postgres, on_both_databases, start_time};

async fn a_second_process_that_syncs_does_not_start(setup: Setup) {
    let bridge = setup.start().await;
    let mut config = bridge.config.clone();
    config.server.listen.set_port(0);
    let second = App::start(&config, bridge.clock.clone(), Roles::ALL).await;
    let why = second.err().expect("it is refused").to_string();
    assert!(why.contains("another incident-bridge already s") && why.contains("stop it first"), "{why}");
    bridge.finish().await;
}

async fn the_next_process_starts_as_soon_as_the_first_has_ended(setup: Setup) {
    let mut bridge = setup.start().await;
    for _ in 0..3 {
        bridge.restart().await;
    }
    bridge.finish().await;
}

on_both_databases! {
    a_second_process_that_syncs_does_not_start
    the_next_process_starts_as_soon_as_the_first_has_ended
}

const HOLDER: &str = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

async fn open(url: &str) -> (Store, PgConnection) {
    let vault = Vault::new(&Vault::generate_key(), &[]).expect("a key");
    let store = Store::open(&url.to_owned().into(), vault, Clock::manual(start_time())).await;
    (store.expect("it opens"), PgConnection::connect(url).await.expect("it can be reached"))
}

async fn find_holder(connection: &mut PgConnection) -> Option<i32> {
    sqlx::query_scalar(HOLDER).fetch_optional(connection).await.expect("it answers")
}

async fn cut_off(connection: &mut PgConnection, pid: i32) {
    sqlx::query("SELECT pg_terminate_backend($1)").bind(pid).execute(connection).await.expect("it ends");
}

#[tokio::test]
async fn on_postgres_an_owner_whose_session_was_cut_off_becomes_the_owner_again() {
    let url = fresh_postgres().await;
    let (store, mut admin) = open(&url).await;
    let ownership = store.become_owner(Duration::ZERO).await.expect("it is free");
    let first = find_holder(&mut admin).await.expect("it holds the lock");
    let recovery = async {
        cut_off(&mut admin, first).await;
        let again = async || find_holder(&mut admin).await.filter(|pid| *pid != first);
        eventually("the lock is held again", again).await;
        ownership.wait_until_held().await;
    };
    tokio::select! {
        fault = ownership.keep(Duration::ZERO) => panic!("nobody else has it: {fault}"),
        () = recovery => {}
    }
    assert!(store.become_owner(Duration::ZERO).await.is_err());
    ownership.release().await;
    store.become_owner(Duration::ZERO).await.expect("it is free again").release().await;
}

#[tokio::test]
async fn on_postgres_an_owner_ends_when_another_process_has_taken_its_place() {
    let url = fresh_postgres().await;
    let (store, mut admin) = open(&url).await;
    let ownership = store.become_owner(Duration::ZERO).await.expect("it is free");
    let first = find_holder(&mut admin).await.expect("it holds the lock");
    // It waits in line, so that nobody comes first once the session is gone.
    let mut other = PgConnection::connect(&url).await.expect("it can be reached");
    let lock = "SELECT pg_advisory_lock(hashtextextended('incident-bridge sync ' || current_schema(), 0))";
    let taking = tokio::spawn(async move {
        sqlx::query(lock).execute(&mut other).await.expect("it gets the lock");
        other
    });
    let waits = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let in_line = async || {
        let waiting = sqlx::query_scalar::<_, i32>(waits).fetch_optional(&mut admin).await;
        waiting.expect("it answers")
    };
    eventually("another waits for the lock", in_line).await;
    cut_off(&mut admin, first).await;
    let _other = taking.await.expect("it has the lock");
    let fault = ownership.keep(Duration::ZERO).await;
    assert!(matches!(fault, StoreError::Owned(_)), "{fault}");
    let held = tokio::time::timeout(Duration::ZERO, ownership.wait_until_held()).await;
    assert!(held.is_err(), "its tasks are held back");
}
