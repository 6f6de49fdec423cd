//! An idle system: a round of every task costs the same, however many sites and sources there are; and what is found by
//! an index is what reading everything would find.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::TimeDelta;
use incident_bridge::domain::{ClientKey, DeliveryState, DestinationId};
use incident_bridge::store::{LifecycleCall, NewInstallation};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use crate::harness::pagerduty::triggered;
use crate::harness::{Bridge, Setup, fresh_postgres, on_both_databases};

on_both_databases! {
    destinations_with_work_are_those_that_reading_everything_finds
    gauges_count_what_the_store_has
}

/// Every task that runs without a signal.
const TASKS: [&str; 7] = ["directory", "settle", "inbox", "deliver", "link", "gauges", "housekeeping"];

/// What a round asked the database: its statements, and the rows that they returned or touched.
#[derive(Debug, Default, Clone)]
struct Cost {
    statements: Vec<String>,
    rows: u64,
}

struct Counter(Arc<Mutex<Cost>>);

impl<S: Subscriber> Layer<S> for Counter {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut asked = Asked::default();
        if event.metadata().target() == "sqlx::query" {
            event.record(&mut asked);
        }
        // The pool opens a connection when all others are in use, which no round decides.
        if !asked.statement.is_empty() && !asked.statement.contains("set_config") {
            let mut cost = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            cost.statements.push(asked.statement);
            cost.rows += asked.rows;
        }
    }
}

/// One statement.
#[derive(Default)]
struct Asked {
    statement: String,
    rows: u64,
}

impl Visit for Asked {
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.rows += if ["rows_returned", "rows_affected"].contains(&field.name()) { value } else { 0 };
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "summary" {
            value.clone_into(&mut self.statement);
        }
    }

    fn record_debug(&mut self, _field: &Field, _value: &dyn std::fmt::Debug) {}
}

/// A site that may see nothing.
async fn add_site(bridge: &Bridge, n: usize) {
    let client_key = ClientKey(format!("site-{n:04}"));
    let call = LifecycleCall {
        client_key: client_key.clone(),
        token_hash: format!("token {n}"),
        body_hash: "body".to_owned(),
        issued_at: bridge.clock.now(),
    };
    let new = NewInstallation {
        client_key,
        shared_secret: "a secret of enough bytes".into(),
        base_url: format!("https://site-{n:04}.example"),
        site: format!("site-{n:04}.example"),
        display_url: None,
    };
    bridge.engine.store().install(&call, &new, &[]).await.expect("the store works");
}

async fn cost_of_a_round(sites: usize, sources: usize) -> Cost {
    let mut text = String::new();
    for n in 0..sources {
        let _infallible = write!(
            text,
            "[[sources]]\nid = \"pd{n}\"\ntype = \"pagerduty\"\nsites = [\"{{site0}}\"]\nwebhook_secrets = [\"a-long-secret\"]\n"
        );
    }
    let bridge = Setup::default().store(fresh_postgres().await).sources(&text).start().await;
    bridge.install().await;
    for n in 0..sites {
        add_site(&bridge, n).await;
    }
    bridge.settle_after(5).await;
    // What was sent is read back: nothing is left that a round would begin and leave running.
    bridge.settle_after(120).await;
    let cost = cost_of_next_round(&bridge).await;
    bridge.finish().await;
    cost
}

fn count_into(cost: &Arc<Mutex<Cost>>) -> tracing::subscriber::DefaultGuard {
    tracing::subscriber::set_default(tracing_subscriber::registry().with(Counter(Arc::clone(cost))))
}

async fn cost_of_next_round(bridge: &Bridge) -> Cost {
    let tasks: Vec<_> = TASKS.iter().map(|name| bridge.task(name)).collect();
    for task in &tasks {
        task.run().await.expect("the store works");
    }
    bridge.advance(120);
    let cost = Arc::default();
    let counting = count_into(&cost);
    for task in &tasks {
        task.run().await.expect("the store works");
    }
    drop(counting);
    let cost = cost.lock().unwrap_or_else(PoisonError::into_inner).clone();
    assert!(!cost.statements.is_empty(), "the database says what it is asked");
    cost
}

#[tokio::test]
async fn a_round_of_every_task_costs_the_same_for_few_sites_and_sources_and_for_many() {
    // More than have a series of their own in the metrics.
    let few = cost_of_a_round(120, 3).await;
    let many = cost_of_a_round(400, 40).await;
    // Each site or source would add one.
    assert_eq!(many.statements, few.statements);
    // A source is a row of a few statements that list sources; of sites only those with something to do are read.
    assert!(many.rows <= few.rows + 4 * 40, "{few:?} {many:?}");
}

/// Posts webhooks until the points of this hour are nearly used up, so that what is sent is not read back.
async fn spend_points(bridge: &Bridge) {
    for n in 0..50 {
        let id = format!("Q{n}");
        bridge.pagerduty(&triggered(&id)).await;
        bridge.settle().await;
        bridge.settle_after(5).await;
        if bridge.delivery(&format!("pd:{id}")).await.state == DeliveryState::Accepted {
            return;
        }
    }
    panic!("the points are never used up");
}

async fn cost_of_a_round_while_reading_waits(sites: usize) -> Cost {
    let points = "[delivery]\nhourly_points = 30\n";
    let bridge = Setup::default().store(fresh_postgres().await).config(points).start().await;
    bridge.install().await;
    spend_points(&bridge).await;
    for n in 0..sites {
        add_site(&bridge, n).await;
        bridge
            .execute(&format!(
                "INSERT INTO deliveries (destination, kind, entity_id, wanted, state, queued_at, waiting_since, \
                 updated_at, read_back_at) VALUES ('site-{n:04}', 'incident', 'pd:Q0', 1, 'accepted', 0, 0, 1, 1)"
            ))
            .await;
    }
    bridge.settle_after(120).await;
    let cost = cost_of_next_round(&bridge).await;
    bridge.finish().await;
    cost
}

#[tokio::test]
async fn a_round_of_every_task_costs_the_same_however_many_sites_wait_to_be_read_back() {
    let few = cost_of_a_round_while_reading_waits(3).await;
    let many = cost_of_a_round_while_reading_waits(40).await;
    assert_eq!(many.statements, few.statements);
}

#[tokio::test]
async fn while_something_is_read_back_nobody_looks_again_for_what_is_to_be_sent() {
    let bridge = Setup::default().store(fresh_postgres().await).start().await;
    let site = DestinationId(bridge.install().await.client_key);
    bridge.settle_after(120).await;
    bridge.pagerduty(&triggered("Q1")).await;
    bridge.settle().await;
    bridge.advance(120);
    let cost = Arc::default();
    let counting = count_into(&cost);
    bridge.serve(&site).await.expect("the store works");
    drop(counting);
    let statements = cost.lock().unwrap_or_else(PoisonError::into_inner).statements.clone();
    let begins =
        |text: &str| statements.iter().position(|it| it.starts_with(text)).expect("it was read back");
    let meanwhile =
        &statements[begins("SELECT d.kind, d.entity_id") + 1..begins("UPDATE deliveries SET confirmed")];
    assert!(meanwhile.iter().all(|it| it.contains("FROM leases")), "{meanwhile:?}");
    bridge.finish().await;
}

/// What a test makes of a destination and its deliveries, in rows that it writes itself.
struct Story<'a> {
    bridge: &'a Bridge,
    choices: ChaCha8Rng,
}

impl Story<'_> {
    fn pick<const N: usize>(&mut self, from: [i64; N]) -> i64 {
        let n = usize::try_from(self.choices.next_u32()).expect("it fits") % N;
        from[n]
    }

    /// Whether a wait is over.
    fn is_over(&self, until: i64, since: i64) -> bool {
        let now = self.bridge.clock.now().timestamp_millis();
        until <= now || since > now
    }

    /// Returns whether it has work that may be done now, and since when its oldest delivery has waited.
    async fn add(&mut self, name: &str) -> (bool, Option<i64>) {
        let now = self.bridge.clock.now().timestamp_millis();
        let (past, future) = (now - 5_000, now + 5_000);
        let enabled = self.pick([1, 1, 1, 0]) == 1;
        let (until, since) = (self.pick([0, past, future]), self.pick([past, past, future]));
        let state = if enabled { "enabled" } else { "disabled" };
        self.bridge
            .execute(&format!(
                "INSERT INTO destinations (id, state, base_url, site, installed_at, updated_at, wait_until, wait_since) \
                 VALUES ('{name}', '{state}', '', '{name}', 0, 0, {until}, {since})"
            ))
            .await;
        let (mut oldest, mut reads) = (None, BTreeMap::new());
        for n in 0..self.pick([0, 1, 3, 6]) {
            let waits = self.pick([0, 0, 0, 1]) == 1;
            let (waiting_since, updated_at) =
                (past - self.pick([1, 2, 3]) * 1_000, self.pick([past, past, future]));
            let read_back_at = (!waits).then(|| self.pick([past, future]) + n);
            let state = if waits { DeliveryState::Waiting } else { DeliveryState::Accepted };
            let at = read_back_at.map_or("NULL".to_owned(), |at| at.to_string());
            self.bridge
                .execute(&format!(
                    "INSERT INTO deliveries (destination, kind, entity_id, wanted, state, queued_at, waiting_since, \
                     updated_at, read_back_at) VALUES ('{name}', 'incident', 'pd:{n}', 1, '{}', 0, {waiting_since}, \
                     {updated_at}, {at})",
                    state.as_str()
                ))
                .await;
            oldest = oldest.into_iter().chain(waits.then_some(waiting_since)).min();
            reads.extend(read_back_at.map(|at| (at, updated_at)));
        }
        let reads_now = reads.first_key_value().is_some_and(|(at, since)| self.is_over(*at, *since));
        (enabled && self.is_over(until, since) && (oldest.is_some() || reads_now), oldest)
    }
}

async fn destinations_with_work_are_those_that_reading_everything_finds(setup: Setup) {
    let bridge = setup.start().await;
    let choices = ChaCha8Rng::seed_from_u64(11);
    let mut story = Story { bridge: &bridge, choices };
    let (mut working, mut oldest) = (Vec::<(String, bool)>::new(), None::<i64>);
    for n in 0..40 {
        let name = format!("d{n:02}");
        let (works, since) = story.add(&name).await;
        working.extend(works.then_some((name, since.is_none())));
        oldest = oldest.into_iter().chain(since).min();
        let deliveries = bridge.engine.store().deliveries();
        let found = deliveries.list_destinations_with_work().await.expect("the store works");
        let found = found.into_iter().map(|it| (it.id.0, it.only_reads));
        assert_eq!(found.collect::<Vec<_>>(), working);
        let found = deliveries.find_oldest_waiting().await.expect("the store works");
        assert_eq!(found.map(|at| at.timestamp_millis()), oldest);
    }
    assert!(working.len() > 5 && working.len() < 35, "{working:?}");
    for table in ["deliveries", "destinations"] {
        bridge.execute(&format!("DELETE FROM {table}")).await;
    }
    bridge.finish().await;
}

async fn gauges_count_what_the_store_has(setup: Setup) {
    let bridge = setup.sites(2).start().await;
    bridge.install_on(0).await;
    bridge.install_on(1).await;
    for n in 0..4 {
        bridge.pagerduty(&triggered(&format!("Q{n}"))).await;
        bridge.settle_after(n).await;
    }
    bridge.sites[1].disable().await.expect("the call is believed");
    bridge.pagerduty(&triggered("Q9")).await;
    bridge.engine.inbound().process_inbox().await.expect("the store works");
    bridge.clock.advance(TimeDelta::seconds(7));
    bridge.task("gauges").run().await.expect("the store works");
    let metrics = bridge.get_as_operator("/metrics").await.text;
    let counted = |state: &str| -> i64 {
        let lines = metrics.lines().filter(|line| line.starts_with("incident_bridge_deliveries{"));
        let lines = lines.filter(|line| line.contains(&format!("state=\"{state}\"")));
        let values = lines.filter_map(|line| line.rsplit(' ').next());
        values.map(|value| value.trim_end_matches(".0").parse::<i64>().expect("a whole number")).sum()
    };
    for (state, stored) in [
        ("waiting", "SELECT COUNT(*) FROM deliveries WHERE state = 'waiting'"),
        ("accepted", "SELECT COUNT(*) FROM deliveries WHERE state = 'accepted'"),
        ("confirmed", "SELECT COUNT(*) FROM deliveries WHERE state = 'confirmed'"),
    ] {
        assert_eq!(counted(state), bridge.count(stored).await, "{state}");
    }
    assert!(
        counted("waiting") > 0 && metrics.contains("incident_bridge_oldest_waiting_seconds 7"),
        "{metrics}"
    );
    bridge.sites[1].enable().await.expect("the call is believed");
    bridge.settle_after(5).await;
    bridge.finish().await;
}
