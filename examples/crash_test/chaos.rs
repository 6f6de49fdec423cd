//! Several real programs on one PostgreSQL database under load: they are killed, stopped for longer than a lease, cut off
//! from the database, and replaced by a newer version, and Jira must still hold exactly what was acknowledged.
//!
//! Must not know how the programs share the work: it counts who has written what under which lease.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::ensure;
use incident_bridge::clock::Clock;
use incident_bridge::simulator::{Fault, RunningSimulator, Simulator, SimulatorOptions};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::database::Database;
use super::model::{Difference, Event, Random, SEVERAL, Sender, configure_sources};
use super::replica::Replica;

/// Webhooks in flight at once.
const PARALLEL: usize = 8;
/// Longer than a lease.
const STOPPED: Duration = Duration::from_secs(9);
/// How long a sender waits for an answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the programs may take to start, and, in the end, to deliver everything to Jira.
const START_LIMIT: Duration = Duration::from_mins(1);
const CATCH_UP_LIMIT: Duration = Duration::from_mins(5);

/// Notes for each answer of Jira which program has stored it under which lease.
const AUDIT: &str = "
    CREATE TABLE audit (lease TEXT, program TEXT NOT NULL);
    CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO audit SELECT
            (SELECT owner FROM leases WHERE name = 'site/' || NEW.destination), current_setting('application_name');
        RETURN NULL;
    END $$;
    CREATE TRIGGER audit AFTER UPDATE ON deliveries FOR EACH ROW
    WHEN (NEW.acknowledged > OLD.acknowledged) EXECUTE FUNCTION audit();";

/// What to run.
pub struct Plan {
    /// The built `incident-bridge`.
    pub program: PathBuf,
    /// An older version, with which all begin; they are replaced one by one in the course of the rounds.
    pub old_program: Option<PathBuf>,
    /// A superuser's URL of the cluster.
    pub cluster: String,
    /// A shell command that restarts it.
    pub restart: Option<String>,
    /// Free ports, one for each process.
    pub ports: Vec<u16>,
    pub rounds: u32,
    pub seed: u64,
    /// Longest time between two accidents.
    pub round: Duration,
}

/// What was run, and how it ended.
#[derive(Debug, Default)]
pub struct Report {
    pub kills: u32,
    pub stops: u32,
    pub outages: u32,
    /// Processes that ended in good order and came back in the newer version.
    pub upgrades: u32,
    /// From PostgreSQL's return to the first webhook that is answered with 2xx, in the worst case.
    pub until_ingest: Duration,
    pub webhooks: usize,
    pub unanswered: usize,
    pub incidents: usize,
    pub answers: i64,
    /// Answers of Jira that were stored without a lease.
    pub without_lease: i64,
    /// Leases under which several programs have stored answers.
    pub shared_leases: i64,
    pub violations: usize,
    pub waiting: usize,
    pub difference: Difference,
}

impl Report {
    /// Whether Jira holds exactly what was acknowledged, and nobody wrote what another was responsible for.
    pub fn is_clean(&self) -> bool {
        let wrong = self.without_lease + self.shared_leases;
        self.difference == Difference::default() && self.violations + self.waiting == 0 && wrong == 0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let difference = &self.difference;
        let rows = [
            ("kills", self.kills.to_string()),
            ("stops", self.stops.to_string()),
            ("outages of PostgreSQL", self.outages.to_string()),
            ("  longest until ingest, ms", self.until_ingest.as_millis().to_string()),
            ("upgrades", self.upgrades.to_string()),
            ("webhooks posted", self.webhooks.to_string()),
            ("  without a 2xx, so repeated", self.unanswered.to_string()),
            ("incidents", self.incidents.to_string()),
            ("answers of Jira stored", self.answers.to_string()),
            ("  without a lease", self.without_lease.to_string()),
            ("leases of several programs", self.shared_leases.to_string()),
            ("lost", difference.lost.len().to_string()),
            ("stale", difference.stale.len().to_string()),
            ("invented", difference.invented.len().to_string()),
            ("versions down", difference.versions_down.len().to_string()),
            ("rules of Jira broken", self.violations.to_string()),
            ("left waiting or refused", self.waiting.to_string()),
        ];
        rows.iter().try_for_each(|(name, value)| writeln!(f, "{name:<30}{value:>8}"))?;
        if self.is_clean() { Ok(()) } else { writeln!(f, "{difference:#?}") }
    }
}

struct Stage {
    plan: Plan,
    database: Database,
    jira: RunningSimulator,
    sender: Sender,
    accidents: Random,
    http: reqwest::Client,
    replicas: Vec<Replica>,
    pending: Vec<Event>,
    /// When PostgreSQL was there again, until a webhook is answered.
    back: Option<Instant>,
    report: Report,
}

/// A webhook, and when it was answered with 2xx.
type Posted = (Event, Option<Instant>);

/// Runs all rounds with files in `folder`; calls `progress` after each round.
///
/// # Errors
/// When the programs cannot be started. Their failures are in the report.
pub async fn play(plan: Plan, folder: &Path, progress: impl Fn(u32, &Report)) -> anyhow::Result<Report> {
    let clock = Clock::system();
    let options = SimulatorOptions { seed: plan.seed, ..SimulatorOptions::default() };
    let jira = Simulator::start(clock.clone(), "127.0.0.1:0".parse()?, options)?;
    let name = format!("chaos_{}_{}", std::process::id(), plan.seed);
    let mut stage = Stage {
        database: Database::create(&plan.cluster, &name).await?,
        sender: Sender::new(plan.seed, clock, SEVERAL),
        accidents: Random(plan.seed),
        http: reqwest::Client::builder().timeout(PATIENCE).build()?,
        replicas: Vec::new(),
        pending: Vec::new(),
        back: None,
        report: Report::default(),
        jira,
        plan,
    };
    stage.start(folder).await?;
    let mut posts = JoinSet::new();
    for round in 1..=stage.plan.rounds {
        stage.disturb_jira();
        stage.upgrade(round)?;
        stage.cause_accident(round).await?;
        stage.load(&mut posts).await?;
        progress(round, &stage.report);
    }
    stage.finish(posts).await
}

impl Stage {
    async fn start(&mut self, folder: &Path) -> anyhow::Result<()> {
        for (nth, port) in self.plan.ports.clone().into_iter().enumerate() {
            let config = folder.join(format!("{nth}.toml"));
            std::fs::write(&config, self.configure(nth, port))?;
            let log = folder.join(format!("{nth}.log"));
            let program = self.plan.old_program.as_ref().unwrap_or(&self.plan.program);
            self.replicas.push(Replica::start(program.clone(), config, log)?);
        }
        let start = Instant::now();
        for port in self.plan.ports.clone() {
            while self.http.get(format!("http://127.0.0.1:{port}")).send().await.is_err() {
                ensure!(start.elapsed() < START_LIMIT, "a program does not start");
                sleep(Duration::from_millis(20)).await;
            }
        }
        self.execute(AUDIT).await?;
        self.jira.install(&self.base_url()).await?;
        Ok(())
    }

    /// Behind a load balancer, which would have this address.
    fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.plan.ports.first().copied().unwrap_or_default())
    }

    fn configure(&self, nth: usize, port: u16) -> String {
        let (site, base_url, keys) = (self.jira.addr(), self.base_url(), self.jira.install_keys_url());
        let separator = if self.database.url.contains('?') { '&' } else { '?' };
        format!(
            "[server]\nlisten = \"127.0.0.1:{port}\"\nbase_url = \"{base_url}\"\n[operator]\nlisten = \"127.0.0.1:0\"\n\
             [store]\nurl = \"{}{separator}application_name=program{nth}\"\n\
             [vault]\nkey = \"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\"\n\
             [connect]\nsites = [\"{site}\"]\ninsecure_sites = [\"{site}\"]\ninstall_key_urls = [\"{keys}\"]\n\
             {}",
            self.database.url,
            configure_sources(SEVERAL)
        )
    }

    async fn execute(&self, sql: &'static str) -> anyhow::Result<()> {
        let mut admin = PgConnection::connect(&self.database.url).await?;
        sqlx::raw_sql(sql).execute(&mut admin).await?;
        Ok(admin.close().await?)
    }

    fn disturb_jira(&mut self) {
        self.jira.clear_faults();
        self.jira.set_rate_limit_share(if self.accidents.chance(50) { 0.1 } else { 0.0 });
        if self.accidents.chance(20) {
            self.jira.fail_next(Fault::status(503).on("POST", "/rest/"));
        }
    }

    /// Replaces one process by its newer version, when it is the next one's turn: the last leaves a share of the rounds to
    /// the new version alone.
    fn upgrade(&mut self, round: u32) -> anyhow::Result<()> {
        if self.plan.old_program.is_none() {
            return Ok(());
        }
        let turns = u32::try_from(self.replicas.len())? + 1;
        let due = usize::try_from(round * turns / self.plan.rounds.max(1))?;
        for replica in self.replicas.iter_mut().take(due).filter(|it| it.program != self.plan.program) {
            replica.program.clone_from(&self.plan.program);
            replica.signal("-TERM")?;
            self.report.upgrades += 1;
        }
        Ok(())
    }

    /// One process is killed or stopped, or all lose the database; at least one goes on.
    async fn cause_accident(&mut self, round: u32) -> anyhow::Result<()> {
        let nth = usize::try_from(self.accidents.below(self.replicas.len() as u64))?;
        let are_stopped = self.replicas.iter().filter(|it| it.is_stopped()).count();
        let may_stop = are_stopped + 1 < self.replicas.len();
        let Some(replica) = self.replicas.get_mut(nth) else { return Ok(()) };
        match round % 4 {
            1 if may_stop && !replica.is_stopped() => {
                replica.stop(Instant::now() + STOPPED)?;
                self.report.stops += 1;
            }
            0 => self.restart().await?,
            _ => {
                replica.signal("-KILL")?;
                self.report.kills += 1;
            }
        }
        Ok(())
    }

    /// PostgreSQL restarts, or does as if.
    async fn restart(&mut self) -> anyhow::Result<()> {
        match &self.plan.restart {
            Some(command) => {
                let status =
                    Command::new("/bin/sh").arg("-c").arg(command).stdout(Stdio::null()).status().await?;
                ensure!(status.success(), "{command}: {status}");
            }
            None => self.cut_off().await?,
        }
        self.back = Some(Instant::now());
        self.report.outages += 1;
        Ok(())
    }

    /// All sessions end, and for a moment there are no new ones.
    async fn cut_off(&mut self) -> anyhow::Result<()> {
        let name = self.database.name.clone();
        self.database.execute(&format!("ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false")).await?;
        let end = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
        self.database.execute(&end).await?;
        sleep(Duration::from_millis(self.accidents.below(1500))).await;
        self.database.execute(&format!("ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true")).await
    }

    /// Posts webhooks to all programs, also to those that do not answer.
    async fn load(&mut self, posts: &mut JoinSet<Posted>) -> anyhow::Result<()> {
        let longest = u64::try_from(self.plan.round.as_millis())?;
        let end = Instant::now() + Duration::from_millis(longest / 2 + self.accidents.below(longest / 2));
        while Instant::now() < end {
            for replica in &mut self.replicas {
                replica.look_after()?;
            }
            while posts.len() < PARALLEL {
                let event = self.pending.pop().unwrap_or_else(|| self.sender.next_event());
                posts.spawn(post(self.http.clone(), self.pick_port(), event));
            }
            let left = end.saturating_duration_since(Instant::now());
            if let Ok(Some(done)) = tokio::time::timeout(left, posts.join_next()).await {
                self.note(done?);
            }
            sleep(Duration::from_millis(self.accidents.below(10))).await;
        }
        Ok(())
    }

    fn pick_port(&mut self) -> u16 {
        let nth = usize::try_from(self.accidents.below(self.plan.ports.len() as u64)).unwrap_or(0);
        self.plan.ports.get(nth).copied().unwrap_or_default()
    }

    fn note(&mut self, (event, answered): Posted) {
        self.report.webhooks += 1;
        if let Some(at) = answered {
            self.sender.acknowledge(event);
            if let Some(back) = self.back.take_if(|back| *back <= at) {
                self.report.until_ingest = self.report.until_ingest.max(at - back);
            }
        } else {
            self.report.unanswered += 1;
            self.pending.push(event);
        }
    }

    /// No more accidents: senders repeat what was not answered, and the programs have time to catch up.
    async fn finish(mut self, mut posts: JoinSet<Posted>) -> anyhow::Result<Report> {
        self.jira.clear_faults();
        self.jira.set_rate_limit_share(0.0);
        let start = Instant::now();
        while start.elapsed() < CATCH_UP_LIMIT {
            for replica in &mut self.replicas {
                replica.look_after()?;
            }
            while let Some(done) = posts.join_next().await {
                self.note(done?);
            }
            for event in std::mem::take(&mut self.pending) {
                posts.spawn(post(self.http.clone(), self.pick_port(), event));
            }
            sleep(Duration::from_millis(300)).await;
            self.report.difference = self.sender.compare(&self.jira);
            let all_run = self.replicas.iter().all(|replica| !replica.is_stopped());
            let is_told = posts.is_empty() && self.report.difference == Difference::default();
            if all_run && is_told && self.count_waiting().await? == 0 {
                break;
            }
        }
        let (waiting, audit) = (self.count_waiting().await?, self.read_audit().await?);
        self.replicas.clear();
        self.database.drop().await?;
        Ok(Report {
            waiting: waiting + self.pending.len(),
            answers: audit.0,
            without_lease: audit.1,
            shared_leases: audit.2,
            incidents: self.sender.count(),
            violations: self.jira.schema_violations().len(),
            ..self.report
        })
    }

    async fn count_waiting(&self) -> anyhow::Result<usize> {
        let sql = "SELECT COUNT(*) FROM deliveries WHERE state IN ('waiting', 'refused')";
        let mut admin = PgConnection::connect(&self.database.url).await?;
        let count: i64 = sqlx::query_scalar(sql).fetch_one(&mut admin).await?;
        admin.close().await?;
        Ok(usize::try_from(count)?)
    }

    async fn read_audit(&self) -> anyhow::Result<(i64, i64, i64)> {
        let sql = "SELECT COUNT(*), COUNT(*) FILTER (WHERE lease IS NULL),
            (SELECT COUNT(*) FROM (SELECT lease FROM audit GROUP BY lease HAVING COUNT(DISTINCT program) > 1) AS many)
            FROM audit";
        let mut admin = PgConnection::connect(&self.database.url).await?;
        let counts = sqlx::query_as(AssertSqlSafe(sql.to_owned())).fetch_one(&mut admin).await?;
        admin.close().await?;
        Ok(counts)
    }
}

/// Posts one webhook.
async fn post(http: reqwest::Client, port: u16, event: Event) -> Posted {
    let request = http.post(format!("http://127.0.0.1:{port}/webhooks/{}", event.account));
    let request = request.header("X-PagerDuty-Signature", event.signature()).body(event.body.clone());
    let answered = request.send().await.is_ok_and(|answer| answer.status().is_success());
    (event, answered.then(Instant::now))
}
