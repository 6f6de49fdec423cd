//! Rounds of load and `kill -9`: the real program between a PagerDuty that repeats and a Jira that fails.
//!
//! The bridge is a child process here, so that only its database survives a kill. Must not look into that
//! database: whether something was lost shows in Jira.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use chrono::TimeDelta;
use incident_bridge::clock::Clock;
use incident_bridge::simulator::{EntityKind, Fault, RunningSimulator, Simulator, SimulatorOptions};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::model::{Difference, Event, SECRET, Sender};

/// Webhooks in flight at once.
const PARALLEL: usize = 8;
/// How long the bridge may take to start, and, after the last round, to deliver everything to Jira.
const START_LIMIT: Duration = Duration::from_mins(1);
const CATCH_UP_LIMIT: Duration = Duration::from_mins(5);

/// What to run.
pub struct Plan {
    /// The built `incident-bridge`.
    pub program: PathBuf,
    /// A free port for the bridge: the same for every start.
    pub port: u16,
    pub rounds: u32,
    pub seed: u64,
    /// Longest time between two kills.
    pub round: Duration,
}

/// What was run, and how it ended.
#[derive(Debug, Default)]
pub struct Report {
    pub kills: u32,
    pub webhooks: usize,
    pub duplicates: usize,
    pub late: usize,
    pub unanswered: usize,
    pub jira_requests: u64,
    pub jira_refusals: usize,
    pub writes: usize,
    pub incidents: usize,
    pub violations: usize,
    pub left: Vec<String>,
    pub difference: Difference,
}

impl Report {
    /// Whether Jira holds exactly what was acknowledged and nothing is left to do.
    pub fn is_clean(&self) -> bool {
        self.difference == Difference::default() && self.violations == 0 && self.left.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let difference = &self.difference;
        let rows = [
            ("kills", self.kills.to_string()),
            ("webhooks posted", self.webhooks.to_string()),
            ("  duplicates among them", self.duplicates.to_string()),
            ("  out of order", self.late.to_string()),
            ("  without a 2xx, so repeated", self.unanswered.to_string()),
            ("requests to Jira", self.jira_requests.to_string()),
            ("  failed by Jira", self.jira_refusals.to_string()),
            ("incidents", self.incidents.to_string()),
            ("writes of incidents", self.writes.to_string()),
            ("lost", difference.lost.len().to_string()),
            ("stale", difference.stale.len().to_string()),
            ("invented", difference.invented.len().to_string()),
            ("versions down", difference.versions_down.len().to_string()),
            ("rules of Jira broken", self.violations.to_string()),
            ("left waiting or refused", self.left.len().to_string()),
        ];
        rows.iter().try_for_each(|(name, value)| writeln!(f, "{name:<30}{value:>8}"))?;
        if self.is_clean() { Ok(()) } else { writeln!(f, "{difference:#?}\nleft: {:#?}", self.left) }
    }
}

struct Stage {
    plan: Plan,
    folder: PathBuf,
    jira: RunningSimulator,
    sender: Sender,
    http: reqwest::Client,
    /// Not answered yet: posted again after the next start, as PagerDuty does.
    pending: Vec<Event>,
    /// Held back, so that it arrives after later events.
    held: Vec<Event>,
    report: Report,
}

/// Runs all rounds with files in `folder`; calls `progress` after each round.
///
/// # Errors
/// When the bridge cannot be started. Its failures are in the report.
pub async fn play(plan: Plan, folder: &Path, progress: impl Fn(u32, &Report)) -> anyhow::Result<Report> {
    let clock = Clock::system();
    let options = SimulatorOptions { seed: plan.seed, ..SimulatorOptions::default() };
    let jira = Simulator::start(clock.clone(), "127.0.0.1:0".parse()?, options)?;
    let http = reqwest::Client::builder().timeout(Duration::from_secs(10)).build()?;
    let sender = Sender::new(plan.seed, clock);
    let mut stage = Stage {
        folder: folder.to_owned(),
        jira,
        sender,
        http,
        pending: Vec::new(),
        held: Vec::new(),
        report: Report::default(),
        plan,
    };
    stage.write_config()?;
    let mut bridge = stage.start().await?;
    stage.jira.install(&stage.base_url()).await?;
    for round in 1..=stage.plan.rounds {
        stage.disturb_jira();
        stage.load_until_killed(&mut bridge).await?;
        progress(round, &stage.report);
        bridge = stage.start_or_die_trying().await?;
    }
    stage.finish().await
}

impl Stage {
    fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.plan.port)
    }

    fn config(&self) -> PathBuf {
        self.folder.join("bridge.toml")
    }

    fn write_config(&self) -> anyhow::Result<()> {
        let (port, url, site) = (self.plan.port, self.base_url(), self.jira.addr());
        let database = self.folder.join("bridge.db");
        let text = format!(
            "[server]\nlisten = \"127.0.0.1:{port}\"\nbase_url = \"{url}\"\n[operator]\nlisten = \"127.0.0.1:0\"\n\
             [store]\nurl = \"sqlite://{}\"\n[vault]\nkey = \"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\"\n\
             [connect]\nsites = [\"{site}\"]\ninsecure_sites = [\"{site}\"]\ninstall_key_urls = [\"{}\"]\n\
             [[sources]]\nid = \"pd\"\ntype = \"pagerduty\"\nwebhook_secrets = [\"{SECRET}\"]\n",
            database.display(),
            self.jira.install_keys_url()
        );
        Ok(std::fs::write(self.config(), text)?)
    }

    fn spawn(&self) -> anyhow::Result<Child> {
        let log = std::fs::File::options().create(true).append(true).open(self.folder.join("bridge.log"))?;
        let mut command = Command::new(&self.plan.program);
        command.arg("serve").arg("--config").arg(self.config()).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        command.spawn().with_context(|| format!("{} does not start", self.plan.program.display()))
    }

    async fn start(&self) -> anyhow::Result<Child> {
        let mut bridge = self.spawn()?;
        let start = Instant::now();
        while self.http.get(self.base_url()).send().await.is_err() {
            let ended = bridge.try_wait()?;
            ensure!(ended.is_none() && start.elapsed() < START_LIMIT, "the bridge does not start: {ended:?}");
            sleep(Duration::from_millis(10)).await;
        }
        Ok(bridge)
    }

    /// One start in four is killed before it completes.
    async fn start_or_die_trying(&mut self) -> anyhow::Result<Child> {
        if self.sender.random.chance(25) {
            let mut bridge = self.spawn()?;
            sleep(Duration::from_millis(self.sender.random.below(150))).await;
            bridge.kill().await?;
            self.report.kills += 1;
        }
        self.start().await
    }

    /// How Jira behaves in the next round: refuses at random, fails, and shows accepted entities late.
    fn disturb_jira(&mut self) {
        let random = &mut self.sender.random;
        self.jira.clear_faults();
        self.jira.set_rate_limit_share(if random.chance(50) { 0.1 } else { 0.0 });
        let late = if random.chance(50) { random.below(1500) } else { 0 };
        self.jira.set_visibility_delay(TimeDelta::milliseconds(i64::try_from(late).unwrap_or_default()));
        if random.chance(20) {
            self.jira.fail_next(Fault::status(503).on("POST", "/rest/"));
        }
        if random.chance(10) {
            self.jira.fail_next(Fault::dropped().on("POST", "/rest/"));
        }
    }

    /// Posts webhooks, and kills the bridge at a random moment in between.
    async fn load_until_killed(&mut self, bridge: &mut Child) -> anyhow::Result<()> {
        let longest = u64::try_from(self.plan.round.as_millis())?;
        let end = Instant::now() + Duration::from_millis(self.sender.random.below(longest));
        let mut posts = JoinSet::new();
        let mut waiting = std::mem::take(&mut self.pending);
        while Instant::now() < end {
            self.keep_posting(&mut posts, &mut waiting);
            let left = end.saturating_duration_since(Instant::now());
            if let Ok(Some(done)) = tokio::time::timeout(left, posts.join_next()).await {
                self.note(done?);
            }
            sleep(Duration::from_millis(self.sender.random.below(20))).await;
        }
        // Answered webhooks make room for others, so that the kill finds webhooks at every stage.
        while let Some(done) = posts.try_join_next() {
            self.note(done?);
        }
        self.keep_posting(&mut posts, &mut waiting);
        sleep(Duration::from_micros(self.sender.random.below(8000))).await;
        bridge.kill().await?;
        self.report.kills += 1;
        while let Some(done) = posts.join_next().await {
            self.note(done?);
        }
        self.pending.append(&mut waiting);
        Ok(())
    }

    fn keep_posting(&mut self, posts: &mut JoinSet<(Event, bool)>, waiting: &mut Vec<Event>) {
        while posts.len() < PARALLEL {
            if let Some(event) = waiting.pop().or_else(|| self.next_event()) {
                posts.spawn(post(self.http.clone(), self.base_url(), event));
            }
        }
    }

    /// Usually a new event; now and then a repetition, or one that was held back. `None` holds this
    /// event back.
    fn next_event(&mut self) -> Option<Event> {
        match self.sender.random.below(100) {
            0..10 => self.sender.repeat().inspect(|_| self.report.duplicates += 1),
            10..15 => {
                let event = self.sender.next_event();
                self.held.push(event);
                None
            }
            15..25 if !self.held.is_empty() => {
                self.report.late += 1;
                Some(self.held.remove(0))
            }
            _ => Some(self.sender.next_event()),
        }
    }

    fn note(&mut self, (event, answered): (Event, bool)) {
        self.report.webhooks += 1;
        if answered {
            self.sender.acknowledge(event);
        } else {
            self.report.unanswered += 1;
            self.pending.push(event);
        }
    }

    /// Jira recovers, PagerDuty repeats what was not answered, and the bridge has time to catch up.
    async fn finish(mut self) -> anyhow::Result<Report> {
        self.jira.clear_faults();
        self.jira.set_visibility_delay(TimeDelta::zero());
        let start = Instant::now();
        self.pending.append(&mut self.held);
        while !self.pending.is_empty() && start.elapsed() < CATCH_UP_LIMIT {
            for event in std::mem::take(&mut self.pending) {
                let done = post(self.http.clone(), self.base_url(), event).await;
                self.note(done);
            }
        }
        self.report.left = self.pending.iter().map(|event| event.id.clone()).collect();
        while start.elapsed() < CATCH_UP_LIMIT {
            sleep(Duration::from_millis(500)).await;
            self.report.difference = self.sender.compare(&self.jira);
            if self.report.difference == Difference::default()
                && self.jira.queued() == 0
                && self.is_idle().await?
            {
                break;
            }
        }
        Ok(self.sum_up())
    }

    /// Asks the bridge, as an operator would, whether anything waits or was refused.
    async fn is_idle(&mut self) -> anyhow::Result<bool> {
        let mut command = Command::new(&self.plan.program);
        command.args(["deliveries", "list", "--json", "--config"]).arg(self.config());
        let said = command.output().await?;
        ensure!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        let rows: Vec<serde_json::Value> = serde_json::from_slice(&said.stdout)?;
        self.report.left = rows.iter().map(ToString::to_string).collect();
        Ok(rows.is_empty())
    }

    fn sum_up(self) -> Report {
        let versions = |incident: serde_json::Value| {
            let id = incident.get("id").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
            self.jira.submitted_versions(EntityKind::Incident, &id).len()
        };
        Report {
            jira_requests: self.jira.request_count(),
            jira_refusals: self.jira.requests().iter().filter(|request| request.status >= 400).count(),
            writes: self.jira.incidents().into_iter().map(versions).sum(),
            incidents: self.sender.count(),
            violations: self.jira.schema_violations().len(),
            ..self.report
        }
    }
}

/// Posts one webhook. Says whether it was answered with 2xx.
async fn post(http: reqwest::Client, base_url: String, event: Event) -> (Event, bool) {
    let request = http.post(format!("{base_url}/webhooks/pd"));
    let request = request.header("X-PagerDuty-Signature", event.signature()).body(event.body.clone());
    let answered = request.send().await.is_ok_and(|answer| answer.status().is_success());
    (event, answered)
}
