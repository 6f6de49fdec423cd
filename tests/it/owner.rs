//! On SQLite one process syncs from a database, and a second one refuses to start. On PostgreSQL any number does; only
//! earlier versions of this program, which share no work, keep it to themselves.

use std::time::Duration;

use incident_bridge::app::{App, Roles};
use incident_bridge::clock::Clock;
use incident_bridge::store::{Store, StoreError, Vault};
use sqlx::{Connection as _, PgConnection};

use crate::harness::{Setup, fresh_postgres, on_both_databases, start_time};

#[tokio::test]
async fn on_sqlite_a_second_process_that_syncs_does_not_start() {
    let bridge = Setup::default().start().await;
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
    the_next_process_starts_as_soon_as_the_first_has_ended
}

#[tokio::test]
async fn on_postgres_nobody_syncs_beside_an_earlier_version() {
    let url = fresh_postgres().await;
    let vault = Vault::new(&Vault::generate_key(), &[]).expect("a key");
    let store = Store::open(&url.clone().into(), vault, Clock::manual(start_time())).await.expect("it opens");
    let mut earlier = PgConnection::connect(&url).await.expect("it can be reached");
    let lock = "SELECT pg_advisory_lock(hashtextextended('incident-bridge sync ' || current_schema(), 0))";
    sqlx::query(lock).execute(&mut earlier).await.expect("it gets the lock");
    let fault = store.become_owner(Duration::ZERO).await.expect_err("it is refused");
    assert!(matches!(fault, StoreError::Owned(_)), "{fault}");
    earlier.close().await.expect("it ends");
    store.become_owner(Duration::from_secs(30)).await.expect("the earlier version has ended");
    store.become_owner(Duration::ZERO).await.expect("any number of processes sync");
}
