//! Transactions of PostgreSQL that get in each other's way: one order of locks, deadlocks repeated at once, waits that
//! end.

use chrono::TimeDelta;
use incident_bridge::clock::Clock;
use incident_bridge::domain::{
    ClientKey, DestinationId, Entity, EntityId, EntityKind, EntityOutcome, Observation, SourceId, Verdict,
};
use incident_bridge::store::{
    DestinationRef, LifecycleCall, NewInstallation, Origin, Report, SourceScope, Store, StoreError, Vault,
};
use sqlx::{Connection as _, PgConnection};

use crate::harness::{fresh_postgres, start_time};
use crate::store_contract::service;

const SITE: &str = "acme.atlassian.net";

struct World {
    store: Store,
    url: String,
    site: DestinationRef,
}

impl World {
    /// With a site that has the components `S0` to `S9`.
    async fn start() -> Self {
        let url = fresh_postgres().await;
        let vault = Vault::new(&Vault::generate_key(), &[]).expect("a key");
        let store =
            Store::open(&url.clone().into(), vault, Clock::manual(start_time())).await.expect("it opens");
        store.migrate().await.expect("it migrates");
        let new = installation();
        let site = DestinationRef { id: DestinationId::from(&new.client_key), since: start_time() };
        store.install(&call(1), &new, &[source()]).await.expect("it is stored");
        let world = Self { store, url, site };
        world.apply(&ids(), 0).await.expect("it applies");
        world
    }

    async fn apply(&self, ids: &[String], seconds: i64) -> Result<(), StoreError> {
        let (source, sites) = (source(), [SITE.to_owned()]);
        let scope = SourceScope { source: &source, teams: false, sites: &sites };
        let at = start_time() + TimeDelta::seconds(seconds);
        let changed = |id: &String| {
            let mut component = service(id, seconds);
            component.name = format!("{id} after {seconds}");
            Observation::present(Entity::Component(component), at)
        };
        let observations: Vec<_> = ids.iter().map(changed).collect();
        let report = Report { observations: &observations, ..Report::new(Origin::Fetch) };
        self.store.apply(&scope, &[report]).await.map(|_| ())
    }

    async fn record(&self, ids: &[String]) -> Result<bool, StoreError> {
        let outcome = |id: &String| EntityOutcome {
            id: EntityId::new(&source(), id),
            version: 1,
            verdict: Verdict::Accepted,
        };
        let outcomes: Vec<_> = ids.iter().map(outcome).collect();
        self.store.deliveries().record_outcomes(&self.site, EntityKind::Component, &outcomes, None).await
    }

    async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.url).await.expect("it can be reached")
    }

    async fn count_deadlocks(&self) -> i64 {
        let sql = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
        sqlx::query_scalar(sql).fetch_one(&mut self.connect().await).await.expect("it counts")
    }
}

fn installation() -> NewInstallation {
    NewInstallation {
        client_key: ClientKey("key".to_owned()),
        shared_secret: "secret".into(),
        base_url: format!("https://{SITE}"),
        site: SITE.to_owned(),
        display_url: None,
    }
}

/// A lifecycle call, a new one for each number.
fn call(nth: i64) -> LifecycleCall {
    LifecycleCall {
        client_key: installation().client_key,
        token_hash: nth.to_string(),
        body_hash: "body".to_owned(),
        issued_at: start_time() + TimeDelta::seconds(nth),
    }
}

fn source() -> SourceId {
    SourceId::parse("pd").expect("valid")
}

fn ids() -> Vec<String> {
    (0..10).map(|n| format!("S{n}")).collect()
}

async fn execute(connection: &mut PgConnection, sql: &'static str) {
    sqlx::query(sql).execute(connection).await.expect("it executes");
}

#[tokio::test]
async fn a_transaction_that_a_deadlock_ended_is_repeated_at_once() {
    let world = World::start().await;
    let mut admin = world.connect().await;
    // Which of two transactions a real deadlock ends depends on when each began to wait: here it is always the store's.
    for sql in [
        "CREATE SEQUENCE statements",
        "CREATE FUNCTION end_the_first() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF nextval('statements') = 1 THEN RAISE 'deadlock detected' USING ERRCODE = 'deadlock_detected'; END IF;
            RETURN NULL;
        END $$",
        "CREATE TRIGGER once AFTER UPDATE ON deliveries EXECUTE FUNCTION end_the_first()",
    ] {
        execute(&mut admin, sql).await;
    }
    assert!(world.record(&ids()[..2]).await.expect("it was repeated"));
    let statements: i64 = sqlx::query_scalar("SELECT last_value FROM statements")
        .fetch_one(&mut admin)
        .await
        .expect("it counts");
    assert!(statements > 1, "the first one was ended");
}

#[tokio::test]
async fn changes_and_answers_lock_rows_in_one_order() {
    let world = World::start().await;
    for round in 1..20_i64 {
        let (mut forward, mut backward) = (ids(), ids());
        backward.reverse();
        forward.rotate_left(usize::try_from(round).expect("small") % 10);
        let (applied, one, two) =
            tokio::join!(world.apply(&backward, round), world.record(&forward), world.record(&backward),);
        applied.expect("it applies");
        assert!(one.expect("it records") && two.expect("it records"));
    }
    assert_eq!(world.count_deadlocks().await, 0);
}

#[tokio::test]
async fn what_waits_for_a_stopped_process_ends_in_time_and_blames_no_row() {
    let world = World::start().await;
    let mut stopped = world.connect().await;
    execute(&mut stopped, "BEGIN").await;
    let lock = "SELECT pg_advisory_xact_lock_shared(hashtextextended('incident-bridge sites ' || current_schema(), 0))";
    execute(&mut stopped, lock).await;
    world.apply(&ids(), 1).await.expect("changes do not exclude each other");
    let fault =
        world.store.install(&call(2), &installation(), &[source()]).await.expect_err("the lock is not free");
    assert!(fault.to_string().contains("lock timeout") && !fault.blames_data(), "{fault}");
    execute(&mut stopped, "ROLLBACK").await;
    world.store.install(&call(2), &installation(), &[source()]).await.expect("it is free now");
}
