//! The same episodes of a tool with memory through one process and through several on one database: the result must be
//! the same, with each webhook applied once.
//!
//! The processes here are engines with connections of their own. Must not know how they share the work.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, ensure};
use chrono::TimeDelta;
use incident_bridge::app::{build_ready_engine, read_configuration};
use incident_bridge::clock::Clock;
use incident_bridge::config::{Config, Environment};
use incident_bridge::domain::{Timestamp, format_timestamp, parse_timestamp};
use incident_bridge::sources::InboundWebhook;
use incident_bridge::sync::{Engine, Ingestor};
use serde_json::json;
use sqlx::{Connection as _, PgConnection};

use super::database::Database;
use super::model::Random;

/// Alert groups, each an incident from its first firing alert to its resolution.
const GROUPS: u64 = 12;

/// What a database holds in the end.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Every entity in its current version.
    pub entities: Vec<String>,
    /// What the source remembers.
    pub facts: Vec<String>,
    /// What was applied to each entity, in order: a webhook that is applied twice is there twice.
    pub history: Vec<String>,
    pub done: i64,
}

/// Plays `steps` webhooks, the same for each seed, through `processes` engines on a new database of the cluster.
///
/// # Errors
/// When PostgreSQL or an engine fails.
pub async fn play(cluster: &str, seed: u64, steps: usize, processes: usize) -> anyhow::Result<Outcome> {
    let database =
        Database::create(cluster, &format!("facts_{}_{seed}_{processes}", std::process::id())).await?;
    let played = run(&database.url, seed, steps, processes).await;
    database.drop().await?;
    played
}

async fn run(url: &str, seed: u64, steps: usize, processes: usize) -> anyhow::Result<Outcome> {
    let clock = Clock::manual(parse_timestamp("2026-09-14T08:00:00Z").context("a time")?);
    let config = configure(url)?;
    let mut engines = Vec::new();
    for _ in 0..processes {
        let engine = build_ready_engine(&config, clock.clone()).await?;
        engine.seed().await?;
        engines.push(engine);
    }
    let ingestors: Vec<_> = engines.iter().map(|engine| engine.start_ingest(64)).collect();
    let is_over = Arc::new(AtomicBool::default());
    let working: Vec<_> = engines.iter().map(|it| tokio::spawn(work(it.clone(), is_over.clone()))).collect();
    let mut tool = Tool::new(seed, clock);
    for _ in 0..steps {
        let body = tool.next_message();
        let nth = usize::try_from(tool.random.below(processes as u64))?;
        let (engine, ingestor) = engines.get(nth).zip(ingestors.get(nth)).context("one of the processes")?;
        post(engine, ingestor, body, tool.clock.now()).await?;
    }
    is_over.store(true, Ordering::SeqCst);
    for work in working {
        work.await??;
    }
    for engine in &engines {
        engine.store().close().await;
    }
    Outcome::read(url).await
}

/// What a process does in the background, as fast as it can.
async fn work(engine: Arc<Engine>, is_over: Arc<AtomicBool>) -> anyhow::Result<()> {
    loop {
        let was_over = is_over.load(Ordering::SeqCst);
        let worked = engine.inbound().process_inbox().await?;
        let waiting = engine.store().inbox().list_waiting_sources().await?;
        if was_over && !worked && waiting.is_empty() {
            return Ok(());
        }
        tokio::task::yield_now().await;
    }
}

async fn post(engine: &Engine, ingestor: &Ingestor, body: String, now: Timestamp) -> anyhow::Result<()> {
    let source = engine.registry().find("am").context("the source")?;
    let headers = [("Authorization", "Bearer alertmanager-token")].into_iter().collect();
    let inbound = InboundWebhook { headers, path_token: None, body: body.into_bytes(), received_at: now };
    let webhook = source.adapter.verify(inbound).map_err(|fault| anyhow::anyhow!("{fault:?}"))?;
    let receipt = ingestor.receive(&source, &webhook).await?;
    ensure!(receipt.unmappable.is_none(), "{receipt:?}");
    Ok(())
}

fn configure(url: &str) -> anyhow::Result<Config> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("bridge.toml");
    std::fs::write(
        &file,
        format!(
            "[server]\nbase_url = \"http://127.0.0.1:8080\"\n[store]\nurl = \"{url}\"\n\
             [vault]\nkey = \"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\"\n\
             [connect]\nsites = [\"acme.atlassian.net\"]\n\
             [[sources]]\nid = \"am\"\ntype = \"alertmanager\"\nwebhook_token = \"alertmanager-token\"\n"
        ),
    )?;
    Ok(read_configuration(&[file], &Environment::default())?.config)
}

impl Outcome {
    async fn read(url: &str) -> anyhow::Result<Self> {
        let mut db = PgConnection::connect(url).await?;
        let entities =
            "SELECT kind || ' ' || id || ' ' || version || ' ' || event_time || ' ' || digest FROM entities
            ORDER BY kind, id";
        let facts = "SELECT key || ' ' || value FROM source_memory ORDER BY source, key";
        let history = "SELECT entity_id || ' ' || string_agg(event, ' ' ORDER BY id) FROM timeline
            GROUP BY kind, entity_id ORDER BY kind, entity_id";
        let outcome = Self {
            entities: sqlx::query_scalar(entities).fetch_all(&mut db).await?,
            facts: sqlx::query_scalar(facts).fetch_all(&mut db).await?,
            history: sqlx::query_scalar(history).fetch_all(&mut db).await?,
            done: sqlx::query_scalar("SELECT COUNT(*) FROM inbox WHERE state = 'done'")
                .fetch_one(&mut db)
                .await?,
        };
        db.close().await?;
        Ok(outcome)
    }

    /// The first lines in which the two differ.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Option<String> {
        if self == other {
            return None;
        }
        let mut lines = format!("done: {} and {}\n", self.done, other.done);
        for (one, other) in
            [(&self.entities, &other.entities), (&self.facts, &other.facts), (&self.history, &other.history)]
        {
            for line in one.iter().filter(|line| !other.contains(line)).take(3) {
                let _infallible = writeln!(lines, "- {line}");
            }
            for line in other.iter().filter(|line| !one.contains(line)).take(3) {
                let _infallible = writeln!(lines, "+ {line}");
            }
        }
        Some(lines)
    }
}

/// An Alertmanager with its groups.
struct Tool {
    random: Random,
    clock: Clock,
    /// By group: its alerts, each with its start and its end.
    groups: Vec<Vec<(Timestamp, Option<Timestamp>)>>,
    /// Messages that a second replica of it says once more.
    said: Vec<String>,
}

impl Tool {
    fn new(seed: u64, clock: Clock) -> Self {
        let groups = (0..GROUPS).map(|_| Vec::new()).collect();
        Self { random: Random(seed), clock, groups, said: Vec::new() }
    }

    fn next_message(&mut self) -> String {
        let pause = i64::try_from(1 + self.random.below(20)).unwrap_or(1);
        self.clock.advance(TimeDelta::seconds(pause));
        let (now, nth) = (self.clock.now(), usize::try_from(self.random.below(GROUPS)).unwrap_or(0));
        let repeated = usize::try_from(self.random.below(self.said.len() as u64)).unwrap_or(0);
        if self.random.chance(20)
            && let Some(said) = self.said.get(repeated)
        {
            return said.clone();
        }
        let resolve = self.random.chance(45);
        let Some(alerts) = self.groups.get_mut(nth) else { return String::new() };
        if alerts.iter().all(|(_, end)| end.is_some()) {
            // A new episode, sometimes with the alerts of the one before.
            if self.random.chance(50) {
                alerts.clear();
            }
            alerts.push((now, None));
        } else if resolve {
            for (_, end) in alerts.iter_mut() {
                *end = end.or(Some(now));
            }
        } else {
            alerts.push((now, None));
        }
        let message = message(nth, alerts);
        self.said.push(message.clone());
        message
    }
}

/// A webhook of Alertmanager, version 4.
fn message(group: usize, alerts: &[(Timestamp, Option<Timestamp>)]) -> String {
    let fires = alerts.iter().any(|(_, end)| end.is_none());
    let listed = alerts.iter().enumerate().map(|(n, (start, end))| {
        json!({
            "status": if end.is_none() { "firing" } else { "resolved" },
            "labels": { "alertname": format!("Group{group}"), "instance": n.to_string() },
            "annotations": { "summary": format!("Group {group} fires") },
            "startsAt": format_timestamp(*start),
            "endsAt": end.map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), format_timestamp),
            "fingerprint": format!("{group:04x}{n:04x}"),
            "generatorURL": "",
        })
    });
    let message = json!({
        "version": "4", "groupKey": format!("{{}}:{{alertname=\"Group{group}\"}}"), "truncatedAlerts": 0,
        "status": if fires { "firing" } else { "resolved" }, "receiver": "bridge",
        "groupLabels": { "alertname": format!("Group{group}") }, "commonLabels": {}, "commonAnnotations": {},
        "externalURL": "http://alertmanager.example.com", "alerts": listed.collect::<Vec<_>>(),
    });
    message.to_string()
}
