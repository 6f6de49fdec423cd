//! Rounds of load and `kill -9`: the real program between a PagerDuty that repeats and a Jira that fails.
//!
//! The bridge is a child process here, so that only its database survives a kill. Must not look into that
//! database: whether something was lost shows in Jira.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use incident_bridge::clock::Clock;
use incident_bridge::simulator::{EntityKind, Fault, RunningSimulator, Simulator, SimulatorOptions};
use tokio::time::sleep;

use super::model::{Difference, SEVERAL, Sender};
use super::program::Program;
use super::traffic::{Pace, Posted, Traffic};

const PACE: Pace = Pace { parallel: 8, pause: 20 };
/// How long the bridge may take, after the last round, to deliver everything to Jira.
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
    pub posted: Posted,
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
            ("webhooks posted", self.posted.webhooks.to_string()),
            ("  duplicates among them", self.posted.duplicates.to_string()),
            ("  out of order", self.posted.late.to_string()),
            ("  without a 2xx, so repeated", self.posted.unanswered.to_string()),
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
    program: Program,
    jira: RunningSimulator,
    traffic: Traffic,
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
    let program = Program::new(&plan.program, folder, plan.port, http.clone());
    let traffic = Traffic::new(Sender::new(plan.seed, clock, SEVERAL), PACE, http, program.base_url());
    let mut stage = Stage { program, jira, traffic, report: Report::default(), plan };
    stage.configure()?;
    let mut bridge = stage.program.start().await?;
    stage.jira.install(&stage.program.base_url()).await?;
    for round in 1..=stage.plan.rounds {
        stage.disturb_jira();
        let longest = u64::try_from(stage.plan.round.as_millis())?;
        let end = Instant::now() + Duration::from_millis(stage.traffic.sender.random.below(longest));
        stage.traffic.post_until_killed(&mut bridge, end).await?;
        stage.report.kills += 1;
        stage.report.posted = stage.traffic.posted;
        progress(round, &stage.report);
        let kills;
        (bridge, kills) = stage.program.start_or_die_trying(&mut stage.traffic.sender.random).await?;
        stage.report.kills += kills;
    }
    stage.finish().await
}

impl Stage {
    fn configure(&self) -> anyhow::Result<()> {
        let (site, keys) = (self.jira.addr(), self.jira.install_keys_url());
        let connect = format!(
            "[connect]\nsites = [\"{site}\"]\ninsecure_sites = [\"{site}\"]\ninstall_key_urls = [\"{keys}\"]\n"
        );
        self.program.configure(&connect, SEVERAL)
    }

    /// How Jira behaves in the next round: refuses at random, fails, and shows accepted entities late.
    fn disturb_jira(&mut self) {
        let random = &mut self.traffic.sender.random;
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

    /// Jira recovers, PagerDuty repeats what was not answered, and the bridge has time to catch up.
    async fn finish(mut self) -> anyhow::Result<Report> {
        self.jira.clear_faults();
        self.jira.set_visibility_delay(TimeDelta::zero());
        let end = Instant::now() + CATCH_UP_LIMIT;
        self.report.left = self.traffic.post_rest(end).await;
        while Instant::now() < end {
            sleep(Duration::from_millis(500)).await;
            self.report.difference = self.traffic.sender.compare(&self.jira);
            if self.report.difference == Difference::default() && self.jira.queued() == 0 {
                self.report.left = self.program.list_left().await?;
                if self.report.left.is_empty() {
                    break;
                }
            }
        }
        Ok(self.sum_up())
    }

    fn sum_up(self) -> Report {
        let versions = |incident: serde_json::Value| {
            let id = incident.get("id").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
            self.jira.submitted_versions(EntityKind::Incident, &id).len()
        };
        Report {
            posted: self.traffic.posted,
            jira_requests: self.jira.request_count(),
            jira_refusals: self.jira.requests().iter().filter(|request| request.status >= 400).count(),
            writes: self.jira.incidents().into_iter().map(versions).sum(),
            incidents: self.traffic.sender.count(),
            violations: self.jira.schema_violations().len(),
            ..self.report
        }
    }
}
