//! `destinations test`: one test work item from beginning to end, step by step.
//!
//! Waits where the client asks for it, because nobody else does here. Leaves the work item resolved, and deletes nothing.

use std::process::ExitCode;

use anyhow::anyhow;
use serde::Serialize;

use crate::app::{build_http, open_vault, read_issues_tables};
use crate::cli::output::{self, Tone};
use crate::cli::usage::unknown;
use crate::clock::Clock;
use crate::config::Config;
use crate::destinations::issues::client::{CallError, Client, Fault};
use crate::destinations::issues::content::issue::Issue;
use crate::destinations::issues::content::workflow::{Category, Step};
use crate::destinations::issues::options::Options;
use crate::destinations::issues::probe::{State, find_type, judge, look};
use crate::destinations::issues::trial::{TEST_LABEL, find_way, is_as_sent, plan};

/// How often a call is tried that is only held back.
const PATIENCE: usize = 5;

/// One step.
#[derive(Serialize)]
struct Told {
    step: &'static str,
    ok: bool,
    seen: String,
}

/// What has happened so far.
struct Log {
    steps: Vec<Told>,
    json: bool,
}

impl Log {
    fn tell(&mut self, step: &'static str, ok: bool, seen: impl Into<String>) {
        let seen = seen.into();
        if !self.json {
            let mark = if ok { (Tone::Good, "ok    ") } else { (Tone::Bad, "FAIL  ") };
            output::toned(&[mark, (Tone::Plain, &format!("{step}: {seen}"))]);
        }
        self.steps.push(Told { step, ok, seen });
    }

    /// Notes a failure that ends the test.
    fn fail<T>(&mut self, step: &'static str, result: Result<T, CallError>) -> Option<T> {
        result.map_err(|error| self.tell(step, false, error.to_string())).ok()
    }
}

/// Exits with 1 if a step failed.
pub async fn main(config: &Config, id: &str, json: bool) -> anyhow::Result<ExitCode> {
    let vault = open_vault(config)?;
    let (tables, _) = read_issues_tables(&config.destinations, Some(&vault));
    let known: Vec<&str> = tables.iter().map(|table| table.id.as_str()).collect();
    let table = tables.iter().find(|table| table.id == id);
    let options = &table.ok_or_else(|| anyhow!(unknown("[[jira_issues]] table", id, &known)))?.options;
    let (http, clock) = (build_http(config)?, Clock::system());
    let connect = |options: &Options| Client::new(http.clone(), clock.clone(), options);
    let mut log = Log { steps: Vec::new(), json };
    let is_possible = examine(options, &connect, &clock, &mut log).await;
    let is_done = is_possible && run(&connect(options), options, &clock, &mut log).await.unwrap_or(false);
    if json {
        output::json(&log.steps)?;
    }
    Ok(if is_done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What `doctor` would find. Whether a work item can be made.
async fn examine(
    options: &Options,
    connect: &(impl Fn(&Options) -> Client + Sync),
    clock: &Clock,
    log: &mut Log,
) -> bool {
    let findings = judge(&look(options, connect).await, options, clock.now().date_naive());
    let faults: Vec<_> = findings.iter().filter(|finding| finding.state == State::Fix).collect();
    for finding in &faults {
        let fix = finding.fix.as_deref().unwrap_or_default();
        log.tell("asked", false, format!("{}: {}; {fix}", finding.row.as_str(), finding.seen));
    }
    if faults.is_empty() {
        log.tell("asked", true, "site, token, permissions, project, type and screens are as needed");
    }
    faults.is_empty()
}

/// `None` when a call failed, which is told; else whether all is as it should be.
async fn run(client: &Client, options: &Options, clock: &Clock, log: &mut Log) -> Option<bool> {
    let types = log.fail("type", client.list_issue_types(&options.project).await)?.value;
    let kind = find_type(&types, options)?;
    let screen = log.fail("screen", client.find_create_screen(&options.project, &kind.id).await)?.value;
    let body = match plan(options, kind, &screen) {
        Ok(body) => body,
        Err(why) => {
            log.tell("created", false, why);
            return None;
        }
    };
    let created = log.fail("created", client.create_issue(&body).await)?.value;
    log.tell(
        "created",
        true,
        format!("{} with the label {TEST_LABEL}: {}", created.key, client.browse_url(&created.key)),
    );
    let issue = read_back(client, &created.id, clock, log).await?;
    let is_same = is_as_sent(&issue);
    log.tell("read back", is_same, if is_same { "it is as it was sent" } else { "it is not as it was sent" });
    resolve(client, options, &issue, clock, log).await.map(|is_resolved| is_resolved && is_same)
}

async fn read_back(client: &Client, id: &str, clock: &Clock, log: &mut Log) -> Option<Issue> {
    let answer = patiently(clock, async || client.find_issue(id).await).await;
    log.fail("read back", answer).map(|answer| answer.value)
}

async fn resolve(
    client: &Client,
    options: &Options,
    issue: &Issue,
    clock: &Clock,
    log: &mut Log,
) -> Option<bool> {
    let from = issue.status().unwrap_or("its first status").to_owned();
    let step = patiently(clock, async || find_way(client, issue, options).await).await;
    match log.fail("resolved", step)? {
        Step::Nothing => log.tell("resolved", true, format!("{from} is a final status already")),
        Step::NoWay(no_way) => {
            let offered =
                if no_way.offered.is_empty() { "none".to_owned() } else { no_way.offered.join(", ") };
            log.tell(
                "resolved",
                false,
                format!("no way leads from {from} to a final status; Jira offers: {offered}. The work item stays open"),
            );
            return None;
        }
        Step::Take(way) => {
            let taken = patiently(clock, async || client.transition_issue(&issue.id, &way).await).await;
            log.fail("resolved", taken)?;
            let after = read_back(client, &issue.id, clock, log).await?;
            let is_done = after.category() == Some(Category::Done);
            let to = after.status().unwrap_or("another status").to_owned();
            log.tell("resolved", is_done, format!("from {from} to {to} by {}", way.name));
            return Some(is_done);
        }
    }
    Some(true)
}

/// Repeats a call that was held back and not sent.
async fn patiently<T>(clock: &Clock, call: impl AsyncFn() -> Result<T, CallError>) -> Result<T, CallError> {
    for _ in 1..PATIENCE {
        let error = match call().await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let (Fault::HeldBack(held) | Fault::RateLimited { held, .. }) = &error.fault else {
            return Err(error);
        };
        tokio::time::sleep((held.until - clock.now()).to_std().unwrap_or_default()).await;
    }
    call().await
}
