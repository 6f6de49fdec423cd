//! One seed from beginning to end: steps in an order that the seed decides, the invariants after each, and at
//! the end a calm world in which everything must arrive.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{bail, ensure};
use chrono::TimeDelta;
use incident_bridge::clock::Clock;
use incident_bridge::domain::parse_timestamp;
use incident_bridge::sources::{Headers, InboundWebhook};
use tempfile::TempDir;

use super::database::Database;
use super::process::{Job, Process, Progress, TOKEN, create_database};
use super::tool::{SOURCES, Webhook};
use super::world::{Sabotage, World, lock};

/// Steps before the world calms down.
const STEPS: usize = 110;

/// What is to be run.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub seed: u64,
    pub sabotage: Sabotage,
    /// Whether every line of the trace is kept.
    pub keep_trace: bool,
}

impl Plan {
    pub fn of(seed: u64) -> Self {
        Self { seed, sabotage: Sabotage::None, keep_trace: false }
    }
}

/// How a seed ended.
#[derive(Debug)]
pub struct Outcome {
    /// The rule that was broken.
    pub broken: Option<String>,
    /// The same for every run of the seed.
    pub trace_hash: u64,
    pub trace: Vec<String>,
    pub requests: u64,
    pub crashes: usize,
    pub webhooks: usize,
}

/// The world, the process in it, and what was promised.
pub struct Story {
    pub world: Arc<World>,
    pub database: Database,
    process: Option<Process>,
    file: PathBuf,
    acknowledged: BTreeSet<String>,
    /// Acknowledged, and seen to have had its effect or to be in quarantine.
    finished: BTreeSet<String>,
    crashes: usize,
    _folder: TempDir,
}

/// Plays one seed to its end.
pub async fn play(plan: Plan) -> Outcome {
    let start = parse_timestamp("2026-09-14T08:00:00Z").expect("a valid time");
    let world = World::begin(plan.seed, Clock::manual(start), plan.sabotage, plan.keep_trace);
    let (broken, crashes, webhooks) = match Story::start(world.clone()).await {
        Ok(mut story) => {
            let broken = story.run().await.err().map(|fault| format!("{fault:#}"));
            if let Some(process) = story.process.take() {
                process.die(&world).await;
            }
            (broken, story.crashes, story.acknowledged.len())
        }
        Err(fault) => (Some(format!("the simulation does not start: {fault:#}")), 0, 0),
    };
    let requests = lock(&world.jira).requests;
    let trace_hash = world.trace_hash();
    Outcome { broken, trace_hash, trace: world.trace(), requests, crashes, webhooks }
}

/// Memory-backed where there is such a folder: what the disk does is not simulated.
fn folder() -> std::io::Result<TempDir> {
    let builder = tempfile::Builder::new();
    builder.tempdir_in("/dev/shm").or_else(|_| builder.tempdir())
}

impl Story {
    async fn start(world: Arc<World>) -> anyhow::Result<Self> {
        let folder = folder()?;
        let file = folder.path().join("bridge.db");
        create_database(&file, &world).await?;
        let process = Process::start(&file, &world).await?;
        Ok(Self {
            database: Database::open(&file).await?,
            process: Some(process),
            file,
            world,
            acknowledged: BTreeSet::new(),
            finished: BTreeSet::new(),
            crashes: 0,
            _folder: folder,
        })
    }

    async fn run(&mut self) -> anyhow::Result<()> {
        for host in super::jira::HOSTS {
            if self.world.chance(70) {
                self.install(host).await?;
            }
        }
        for _ in 0..STEPS {
            self.step().await?;
            if let Some(violation) = self.world.first_violation() {
                bail!(violation);
            }
        }
        self.calm_down().await
    }

    pub fn process(&mut self) -> anyhow::Result<&mut Process> {
        self.process.as_mut().ok_or_else(|| anyhow::anyhow!("no process runs"))
    }

    /// Something happens, chosen by the seed.
    async fn step(&mut self) -> anyhow::Result<()> {
        match self.world.below(100) {
            0..24 => {
                lock(&self.world.tools).happen(&self.world);
                return Ok(());
            }
            24..36 => self.post_any().await?,
            36..48 => self.begin(Job::Inbox).await?,
            48..64 => self.serve_any().await?,
            64..76 => self.answer_any().await?,
            76..84 => self.pass_time(),
            84..86 => self.begin(Job::Link).await?,
            86..90 => self.begin(Job::Poll("polled")).await?,
            90..92 => self.begin(Job::Fetch("polled")).await?,
            92 => self.begin(Job::Nightly).await?,
            93..95 => self.crash().await?,
            95 => self.database.refuse_writes(&self.world).await?,
            96 => self.lose_something(),
            97 => self.operate().await?,
            _ => self.change_installation().await?,
        }
        if self.database.refuses && self.world.chance(20) {
            self.database.accept_writes().await?;
        }
        self.check().await
    }

    /// What must hold at every moment: an acknowledged webhook is stored until it has had its effect.
    pub async fn check(&mut self) -> anyhow::Result<()> {
        if let Some(violation) = self.world.first_violation() {
            bail!(violation);
        }
        if self.world.sabotage == Sabotage::WebhookVanishes && self.world.chance(10) {
            self.database.lose_webhook().await?;
        }
        let stored = self.database.list_webhooks().await?;
        for delivery in &self.acknowledged {
            match stored.get(delivery).map(String::as_str) {
                Some("new") => {}
                Some(_) => {
                    self.finished.insert(delivery.clone());
                }
                // Retention removes what has had its effect.
                None => ensure!(
                    self.finished.contains(delivery),
                    "{delivery} was acknowledged, and is gone before it had an effect"
                ),
            }
        }
        Ok(())
    }

    /// Time passes, sometimes much of it.
    fn pass_time(&self) {
        let world = &self.world;
        let milliseconds = match world.below(20) {
            0 => 3_600_000,
            1 | 2 => 600_000,
            3..=8 => 30_000,
            _ => 1_500,
        };
        let by = world.below(milliseconds);
        world.note(format_args!("{by} ms pass"));
        world.clock.advance(TimeDelta::milliseconds(i64::try_from(by).unwrap_or_default()));
    }

    /// A tool posts one of its webhooks: usually a new one, sometimes one that was answered before.
    async fn post_any(&mut self) -> anyhow::Result<()> {
        let world = self.world.clone();
        let webhook = {
            let mut tools = lock(&world.tools);
            let (pending, answered) = (tools.pending.len(), tools.answered.len());
            if answered > 0 && world.chance(10) {
                Some(tools.answered[world.below(answered)].clone())
            } else if pending > 0 {
                // Seldom in order.
                let nth = if world.chance(60) { 0 } else { world.below(pending) };
                Some(tools.pending.remove(nth))
            } else {
                None
            }
        };
        match webhook {
            Some(webhook) => self.post(webhook).await,
            None => Ok(()),
        }
    }

    /// Posts a webhook, and keeps it for later if it is not acknowledged.
    pub async fn post(&mut self, webhook: Webhook) -> anyhow::Result<()> {
        let world = self.world.clone();
        let received_at = world.clock.now();
        let process = self.process()?;
        let Some(source) = process.engine.registry().find(webhook.source) else {
            bail!("{} is not configured", webhook.source);
        };
        let authorization = format!("Bearer {TOKEN}");
        let headers =
            Headers::from_iter([("authorization", &authorization), ("webhook-id", &webhook.delivery)]);
        let body = webhook.body.clone().into_bytes();
        let verified =
            source.adapter.verify(InboundWebhook { headers, path_token: None, body, received_at })?;
        let receipt = process.ingestor.receive(&source, &verified).await;
        // The answer may be lost on its way.
        let answered = receipt.is_ok() && (world.is_calm() || !world.chance(5));
        world.note(format_args!("{} is posted: {}", webhook.delivery, answered));
        let mut tools = lock(&world.tools);
        if answered {
            self.acknowledged.insert(webhook.delivery.clone());
            tools.answered.push(webhook);
        } else {
            tools.pending.push(webhook);
        }
        Ok(())
    }

    /// A destination with work is served, unless it is being served.
    async fn serve_any(&mut self) -> anyhow::Result<()> {
        let world = self.world.clone();
        let process = self.process()?;
        let found = process.engine.store().deliveries().list_destinations_with_work().await?;
        let mut ids: Vec<_> = found.into_iter().map(|it| it.id).collect();
        ids.retain(|id| !process.is_running(&Job::Serve(id.clone())));
        ids.sort();
        match ids.get(world.below(ids.len())).cloned() {
            Some(id) => self.begin_always(Job::Serve(id)).await,
            None => Ok(()),
        }
    }

    /// Begins a job, unless it is under way: a task does one round at a time.
    pub async fn begin(&mut self, job: Job) -> anyhow::Result<()> {
        if self.process()?.is_running(&job) { Ok(()) } else { self.begin_always(job).await }
    }

    async fn begin_always(&mut self, job: Job) -> anyhow::Result<()> {
        let world = self.world.clone();
        world.note(format_args!("{job:?} begins"));
        let past = self.database.count_past_refusals();
        let work = self.process()?.begin(job, past, &world);
        self.follow(work).await
    }

    /// One of the requests that wait is answered, and what asked goes on.
    pub async fn answer_any(&mut self) -> anyhow::Result<()> {
        let count = self.world.count_waiting();
        let nth = self.world.below(count);
        match self.world.release(nth) {
            Some(work) => self.follow(work).await,
            None => Ok(()),
        }
    }

    /// Lets a piece of work go on until it is done or waits.
    async fn follow(&mut self, work: u64) -> anyhow::Result<()> {
        let world = self.world.clone();
        let progress = self.process()?.follow(work, &world).await?;
        let failed = matches!(progress, Progress::Failed { .. });
        // A task goes on with other work after a refusal, and tells it at its end: writes may work again by then.
        if let Progress::Failed { past } = progress {
            ensure!(self.database.refusals > past, "a task fails although the database works");
        }
        if world.take_crash() || (failed && world.chance(50)) {
            self.crash().await?;
        }
        Ok(())
    }

    /// The process dies and another starts.
    async fn crash(&mut self) -> anyhow::Result<()> {
        self.world.note(format_args!("the process dies"));
        self.crashes += 1;
        if let Some(process) = self.process.take() {
            process.die(&self.world).await;
        }
        let mut started = Process::start(&self.file, &self.world).await;
        if started.is_err() && self.database.refuses {
            self.world.note(format_args!("it does not start"));
            self.database.accept_writes().await?;
            started = Process::start(&self.file, &self.world).await;
        }
        self.process = Some(started?);
        Ok(())
    }

    /// A site loses an entity that it showed.
    fn lose_something(&self) {
        let (world, hosts) = (&self.world, super::jira::HOSTS);
        let host = hosts[world.below(hosts.len())];
        let nth = world.below(1000);
        let lost = lock(&world.jira).sites.get_mut(host).and_then(|site| site.lose(nth));
        if let Some(lost) = lost {
            world.note(format_args!("{host} loses {lost:?}"));
        }
    }

    /// An operator tries again what was refused, or has everything sent once more.
    async fn operate(&mut self) -> anyhow::Result<()> {
        let (world, refuses) = (self.world.clone(), self.database.refuses);
        let engine = self.process()?.engine.clone();
        let done = if world.chance(70) {
            engine.operator().retry_deliveries(None).await.map(drop)
        } else {
            let source = SOURCES[world.below(SOURCES.len())].id;
            match engine.registry().find(source) {
                Some(source) => engine.send_everything_again(&source).await,
                None => Ok(()),
            }
        };
        world.note(format_args!("an operator acts: {}", done.is_ok()));
        ensure!(done.is_ok() || refuses, "an operator's command fails although the database works");
        Ok(())
    }
}
