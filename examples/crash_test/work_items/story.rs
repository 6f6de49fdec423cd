//! The run: rounds of load and kills, then rounds in which the tool changes no status, and then time to catch up.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::ensure;
use chrono::TimeDelta;
use incident_bridge::simulator::platform::Account;
use incident_bridge::simulator::{RunningSimulator, Simulator, SimulatorOptions};
use tokio::process::Child;
use tokio::time::sleep;

use super::super::model::{Course, ONE, Sender};
use super::super::program::Program;
use super::super::traffic::{Pace, Traffic};
use super::check::{COMPONENTS, Difference, compare};
use super::disturbance::{calm_down, catch_up, disturb};
use super::haste::{Haste, Time};
use super::mails::Span;
use super::people::{COMPONENT, PRIORITY, People};
use super::report::Report;

const EMAIL: &str = "bridge@example.com";
const TOKEN: &str = "a-token";
/// Work items take more requests than webhooks.
const PACE: Pace = Pace { parallel: 4, pause: 200 };
/// How long the bridge may take to deliver everything once Jira has recovered: it looks for a lost creation for 5 minutes.
const CATCH_UP_LIMIT: Duration = Duration::from_mins(10);
/// Longest lag of the search, and how often the bridge looks after everything that it has made.
const HOUR: TimeDelta = TimeDelta::minutes(62);

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
    /// Lets hours pass in minutes. Without, the search of an hour's lag finds nothing for the whole run.
    pub haste: Option<Haste>,
    /// Without the hour that passes in the end.
    pub brief: bool,
}

struct Stage {
    plan: Plan,
    time: Time,
    program: Program,
    jira: RunningSimulator,
    traffic: Traffic,
    people: People,
    /// When the program was down.
    down: Vec<Span>,
    report: Report,
}

/// Runs all rounds with files in `folder`; calls `progress` after each round.
///
/// # Errors
/// When the bridge cannot be started. Its failures are in the report.
pub async fn play(plan: Plan, folder: &Path, progress: impl Fn(u32, &Report)) -> anyhow::Result<Report> {
    let time = Time::start(plan.haste.clone());
    let options = SimulatorOptions { seed: plan.seed, ..SimulatorOptions::default() };
    let jira = Simulator::start(time.clock.clone(), "127.0.0.1:0".parse()?, options)?;
    let http = reqwest::Client::builder().timeout(Duration::from_secs(10)).build()?;
    let program = Program::new(&plan.program, folder, plan.port, http.clone());
    let sender = Sender::new(plan.seed, time.clock.clone(), ONE);
    let traffic = Traffic::new(sender, PACE, http, program.base_url());
    let people = People::new(plan.seed);
    let (down, report) = Default::default();
    let mut stage = Stage { plan, time, program, jira, traffic, people, down, report };
    stage.prepare()?;
    let begin = stage.time.clock.now();
    let mut bridge = stage.start_first().await?;
    // The last rounds show whose the status is: the tool changes none.
    let calm = stage.plan.rounds.div_ceil(10);
    for round in 1..=stage.plan.rounds {
        if round + calm == stage.plan.rounds + 1 {
            stage.settle().await?;
        }
        bridge = stage.play_round(bridge).await?;
        progress(round, &stage.report);
    }
    stage.finish().await?;
    stage.report.seconds = (stage.time.clock.now() - begin).num_seconds();
    bridge.kill().await?;
    Ok(stage.sum_up())
}

impl Stage {
    /// A project with the components of three services, and a destination that may write as fast as Jira lets anybody.
    fn prepare(&self) -> anyhow::Result<()> {
        let board = self.jira.board();
        board.admit(Account::of_user(EMAIL, TOKEN));
        board.configure(|platform| platform.limits.enabled = true);
        let named = |(id, name): (&str, &str)| (id.to_owned(), name.to_owned());
        board.change_project("OPS", |project| {
            let numbered = COMPONENTS.iter().zip(10_100_u32..);
            project.components = numbered.map(|(name, id)| (id.to_string(), (*name).to_owned())).collect();
            project.components.push(named(COMPONENT));
            project.priorities.push(named(PRIORITY));
        });
        let site = self.jira.addr();
        let destination = format!(
            "[connect]\ninsecure_sites = [\"{site}\"]\n[[jira_issues]]\nid = \"ops\"\nsite = \"http://{site}\"\n\
             project = \"OPS\"\nissue_type = \"Incident\"\nemail = \"{EMAIL}\"\napi_token = \"{TOKEN}\"\n\
             writes_per_second = 50\n"
        );
        self.program.configure(&destination, ONE)
    }

    /// The first work item ends the first sync, so that nothing waits for an approval.
    async fn start_first(&mut self) -> anyhow::Result<Child> {
        self.program.environment = self.time.environment();
        let bridge = self.program.start().await?;
        let event = self.traffic.sender.open();
        let end = Instant::now() + CATCH_UP_LIMIT;
        self.traffic.post_now(event, end).await;
        while self.jira.board().issues().is_empty() {
            ensure!(Instant::now() < end, "the first work item is not made");
            sleep(Duration::from_millis(20)).await;
        }
        Ok(bridge)
    }

    /// Whether hours pass, so that even what only the hourly look finds can be waited for.
    fn waits_for_hours(&self) -> bool {
        self.time.is_hasty() && !self.plan.brief
    }

    async fn play_round(&mut self, mut bridge: Child) -> anyhow::Result<Child> {
        let gaps = self.waits_for_hours();
        disturb(&self.jira, &mut self.traffic.sender.random, gaps);
        let longest = u64::try_from(self.plan.round.as_millis())?;
        let end = Instant::now() + Duration::from_millis(self.traffic.sender.random.below(longest));
        let posting = self.traffic.post_until_killed(&mut bridge, end);
        let (posted, ()) = tokio::join!(posting, self.people.work_until(&self.jira, end));
        posted?;
        let killed_at = self.time.clock.now();
        self.program.environment = self.time.environment();
        let (bridge, kills) = self.program.start_or_die_trying(&mut self.traffic.sender.random).await?;
        self.down.push((killed_at, self.time.clock.now()));
        self.report.kills += 1 + kills;
        self.report.posted = self.traffic.posted;
        self.report.edits = self.people.edits;
        Ok(bridge)
    }

    /// Everything is delivered, and from then on the tool changes no status.
    async fn settle(&mut self) -> anyhow::Result<()> {
        self.catch_up().await?;
        self.people.settle(&self.jira);
        self.traffic.sender.course = Course::Calm;
        Ok(())
    }

    /// Jira recovers, PagerDuty repeats what was not answered, and the bridge has time to deliver.
    async fn catch_up(&mut self) -> anyhow::Result<()> {
        calm_down(&self.jira);
        if !self.waits_for_hours() {
            catch_up(&self.jira);
        }
        let end = Instant::now() + CATCH_UP_LIMIT;
        self.report.left = self.traffic.post_rest(end).await;
        while Instant::now() < end {
            sleep(Duration::from_millis(500)).await;
            (self.report.difference, self.report.tally) =
                compare(&self.jira, &self.traffic.sender, &self.people, &self.down);
            if self.time.is_hasty() {
                // A moment in which the machine is busy is ten seconds then.
                self.report.difference.noisy.clear();
            }
            let Difference { lost, stale, undone, .. } = &self.report.difference;
            // What was covered comes back when the work item is read back.
            if lost.is_empty() && stale.is_empty() && undone.is_empty() {
                self.report.left = self.program.list_left().await?;
                if self.report.left.is_empty() {
                    break;
                }
            }
        }
        Ok(())
    }

    /// The same, and with a fast clock an hour more: the search finds everything, and the bridge looks after what it has
    /// made.
    async fn finish(&mut self) -> anyhow::Result<()> {
        self.catch_up().await?;
        if self.waits_for_hours() {
            catch_up(&self.jira);
            self.time.pass(HOUR).await;
            self.catch_up().await?;
        }
        Ok(())
    }

    fn sum_up(self) -> Report {
        let board = self.jira.board();
        let mut violations: Vec<String> =
            self.jira.schema_violations().iter().map(|it| format!("{} {}", it.path, it.message)).collect();
        if board.count_calls("deleteIssue") > 0 {
            violations.push("a work item was deleted".to_owned());
        }
        Report {
            jira_requests: self.jira.request_count(),
            jira_refusals: self.jira.requests().iter().filter(|request| request.status >= 400).count(),
            incidents: self.traffic.sender.count(),
            violations,
            ..self.report
        }
    }
}
