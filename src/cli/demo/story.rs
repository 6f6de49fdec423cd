//! `--once`: one story with everything that can happen to incidents, and a check at its end.
//!
//! Acts only as the tools and as Jira would. Waits for what Jira shows, never for a length of time.

use std::time::Duration;

use anyhow::{Context, bail, ensure};

use super::compare::compare;
use super::scenery::{CHECKOUT, GATEWAY, LEDGER, NOTICES, RULES, SERVICES, TITLES};
use super::stage::Stage;
use super::summary::Summary;
use crate::simulator::tools::Change;

/// Incidents of the pager in the story.
const INCIDENTS: usize = 12;
/// Incidents of the status page whose postmortem is published.
const POSTMORTEMS: usize = 2;
/// Alert groups in the story.
const GROUPS: usize = 5;
/// What somebody on the team calls a work item, which keeps that name.
const RENAMED: &str = "On it: call me before you touch the database";
/// How long Jira may take to catch up at any point of the story.
const CATCH_UP_TIMEOUT: Duration = Duration::from_mins(1);
/// How often Jira is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(20);

/// Plays the story and compares Jira with the tools after every act.
///
/// # Errors
/// When something in the story itself fails, such as Jira's call to the bridge. A difference at the end is
/// no error: it is in the summary.
pub(super) async fn tell(stage: &Stage) -> anyhow::Result<Summary> {
    let started = stage.clock.now();
    let ids = open_all(stage);
    change_much(stage, &ids);
    let mut differences = wait_until_equal(stage, CATCH_UP_TIMEOUT).await;
    let forged = forge(stage, &ids[0]).await?;
    if differences.is_empty() {
        ensure!(stage.rename(&ids[4], RENAMED), "the story has lost a work item");
        ask_the_bridge(stage).await?;
        differences = pause_and_resume(stage, &ids).await?;
    }
    if differences.is_empty() {
        end_all(stage, &ids);
        differences = wait_until_equal(stage, CATCH_UP_TIMEOUT).await;
    }
    if forged != 401 {
        differences.push(format!("a forged webhook was answered with {forged} instead of 401"));
    }
    Ok(Summary::new(stage, started, differences))
}

/// Act 1: everything breaks at once.
fn open_all(stage: &Stage) -> Vec<String> {
    for (rule, severity) in RULES.into_iter().zip(["critical", "warning", "warning", "info", "warning"]) {
        stage.tools.alerts.fire(rule, severity);
    }
    for notice in NOTICES {
        stage.tools.status_page.open(notice);
    }
    let priorities = [Some(2), Some(3), None, Some(4), Some(1), Some(5)];
    let opened = TITLES.into_iter().zip(priorities.into_iter().cycle()).take(INCIDENTS);
    opened
        .map(|((service, title, _), priority)| stage.tools.pager.open(title, SERVICES[service], priority))
        .collect()
}

/// Act 2: a burst of changes to one incident, some to every other, and webhooks that come twice or late.
fn change_much(stage: &Stage, ids: &[String]) {
    let pager = &stage.tools.pager;
    let burst = [
        Change::Acknowledge,
        Change::Prioritise(Some(3)),
        Change::MoveTo(LEDGER),
        Change::Prioritise(Some(1)),
        Change::MoveTo(GATEWAY),
        Change::Escalate { title: TITLES[0].2 },
        Change::MoveTo(CHECKOUT),
        Change::Resolve,
        Change::Reopen,
        Change::Prioritise(Some(2)),
    ];
    for change in burst {
        pager.change(&ids[0], change);
    }
    for (n, id) in ids.iter().enumerate().skip(1) {
        pager.change(id, Change::Acknowledge);
        pager.change(id, Change::Escalate { title: TITLES[n].2 });
        pager.change(
            id,
            [Change::Prioritise(Some(1)), Change::Prioritise(None), Change::MoveTo(LEDGER)][n % 3],
        );
    }
    pager.repeat_latest(&ids[1]);
    pager.change_out_of_order(&ids[2], Change::Prioritise(Some(5)), Change::Prioritise(Some(2)));
    pager.change_out_of_order(&ids[3], Change::Acknowledge, Change::Resolve);
}

/// A stranger posts a webhook. The status of the answer.
async fn forge(stage: &Stage, id: &str) -> anyhow::Result<u16> {
    let latest = stage.tools.pager.find_latest(id).context("the story has lost an incident")?;
    Ok(stage.tools.outbox.post_forged(&latest).await?)
}

/// Act 3: Jira asks the bridge what its people ask Jira.
async fn ask_the_bridge(stage: &Stage) -> anyhow::Result<()> {
    let mut looks = tokio::time::interval(LOOK);
    let search = async {
        // New services become searchable a moment after their incidents were sent.
        while search(stage, "check").await? != [CHECKOUT.name, RULES[0].service] {
            looks.tick().await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(CATCH_UP_TIMEOUT, search)
        .await
        .context("a search did not find the services of both tools")??;
    let linked = stage.jira.linked_workspaces();
    let ids: Vec<&str> = linked.iter().map(String::as_str).collect();
    let answer = stage.jira.fetch_workspaces(&ids).await?;
    let count = answer.body["workspaces"].as_array().map_or(0, Vec::len);
    ensure!(answer.problems.is_empty(), "the workspaces broke Jira's rules: {}", answer.problems.join("; "));
    ensure!(
        answer.status == 200 && count == 3 && ids.len() == 3,
        "of {} linked workspaces {count} were named (status {})",
        ids.len(),
        answer.status
    );
    Ok(())
}

/// The names of the services that Jira's search finds.
async fn search(stage: &Stage, text: &str) -> anyhow::Result<Vec<String>> {
    let found = stage.jira.search_containers(text, None).await?;
    ensure!(found.status == 200, "a search for services was answered with {}", found.status);
    ensure!(found.problems.is_empty(), "the search broke Jira's rules: {}", found.problems.join("; "));
    let hits = found.body["containers"].as_array().into_iter().flatten();
    Ok(hits.filter_map(|hit| Some(hit["name"].as_str()?.to_owned())).collect())
}

/// Act 4: the app is paused, the tools go on, the app is resumed. What differs after that.
async fn pause_and_resume(stage: &Stage, ids: &[String]) -> anyhow::Result<Vec<String>> {
    stage.jira.disable().await?;
    for id in &ids[4..8] {
        stage.tools.pager.change(id, Change::Prioritise(Some(2)));
        stage.tools.pager.change(id, Change::Resolve);
    }
    stage.tools.alerts.fire(RULES[1], "critical");
    wait_until(stage, CATCH_UP_TIMEOUT, webhooks_are_settled).await;
    if compare(&stage.jira, &stage.tools).is_empty() {
        bail!("the bridge wrote to Jira although its app was switched off");
    }
    stage.jira.enable().await?;
    Ok(wait_until_equal(stage, CATCH_UP_TIMEOUT).await)
}

/// Act 5: it gets better, but for one incident that comes back, and two postmortems are published.
fn end_all(stage: &Stage, ids: &[String]) {
    for id in ids {
        stage.tools.pager.change(id, Change::Resolve);
    }
    stage.tools.pager.change(&ids[INCIDENTS - 1], Change::Reopen);
    for rule in RULES.into_iter().take(GROUPS) {
        stage.tools.alerts.resolve(rule);
    }
    let page = &stage.tools.status_page;
    for (n, report) in page.reports().iter().enumerate() {
        page.resolve(&report.id);
        if n < POSTMORTEMS {
            page.publish(&report.id);
        }
    }
}

/// Waits until Jira equals the tools; what still differs when the time is up.
pub(super) async fn wait_until_equal(stage: &Stage, within: Duration) -> Vec<String> {
    let is_equal = |stage: &Stage| webhooks_are_settled(stage) && stage.differences().is_empty();
    wait_until(stage, within, is_equal).await;
    let mut differences = stage.differences();
    if !webhooks_are_settled(stage) {
        differences.push("the bridge has not taken every webhook".to_owned());
    }
    differences
}

fn webhooks_are_settled(stage: &Stage) -> bool {
    stage.tools.delivered().settled() == stage.tools.sent()
}

async fn wait_until(stage: &Stage, within: Duration, is_done: impl Fn(&Stage) -> bool) {
    let mut looks = tokio::time::interval(LOOK);
    let look = async {
        while !is_done(stage) {
            looks.tick().await;
        }
    };
    // Whether the time was up shows in what differs afterwards.
    let _timed_out = tokio::time::timeout(within, look).await;
}
