//! How Jira behaves in a round: what it refuses, whose answers get lost, and how far its search is behind.

use std::time::Duration;

use chrono::TimeDelta;
use incident_bridge::simulator::{Fault, Simulator};

use super::super::model::Random;

/// What the program asks of a project while it works.
const OPERATIONS: [&str; 11] = [
    "createIssue",
    "createIssue",
    "createIssues",
    "editIssue",
    "doTransition",
    "createOrUpdateRemoteIssueLink",
    "getIssue",
    "getTransitions",
    "getRemoteIssueLinks",
    "bulkFetchIssues",
    "searchAndReconsileIssuesUsingJqlPost",
];

/// Seconds by which the search may be behind.
const LAGS: [u64; 5] = [0, 2, 60, 600, 3600];

/// Numbers of work items that others made: as many as the bridge looks through, and more.
const FEW: u64 = 40;
const MANY: u64 = 350;

/// Disturbs the next round. `gaps` lets others make so many work items that one can be missed.
pub fn disturb(jira: &Simulator, random: &mut Random, gaps: bool) {
    jira.clear_faults();
    jira.set_rate_limit_share(if random.chance(50) { 0.05 } else { 0.0 });
    for _ in 0..random.below(5) {
        let nth = usize::try_from(random.below(OPERATIONS.len() as u64)).unwrap_or_default();
        let operation = OPERATIONS.get(nth).copied().unwrap_or_default();
        jira.fail_next(choose_fault(random).on_operation(operation));
    }
    let nth = usize::try_from(random.below(LAGS.len() as u64)).unwrap_or_default();
    let lag = LAGS.get(nth).copied().and_then(|it| i64::try_from(it).ok()).unwrap_or_default();
    let flicker = if random.chance(50) { 0.3 } else { 0.0 };
    let made = if gaps && random.chance(10) { MANY } else { random.below(FEW) };
    let board = jira.board();
    board.configure(|platform| {
        platform.index.lag = TimeDelta::seconds(lag);
        platform.index.flicker = flicker;
    });
    board.change_project("OPS", |project| project.next_number += made);
}

/// Jira recovers. Its search is as far behind as it was.
pub fn calm_down(jira: &Simulator) {
    jira.clear_faults();
    jira.set_rate_limit_share(0.0);
}

/// The search catches up.
pub fn catch_up(jira: &Simulator) {
    jira.board().configure(|platform| {
        platform.index.lag = TimeDelta::zero();
        platform.index.flicker = 0.0;
    });
}

fn choose_fault(random: &mut Random) -> Fault {
    match random.below(9) {
        0 => Fault::cut(),
        1 => Fault::dropped(),
        2 => Fault::truncated(),
        3 => Fault::status(500),
        4 => Fault::status(500).after_processing(),
        5 => Fault::status(503).header("Retry-After", "1"),
        6 => Fault::status(409),
        7 => Fault::rate_limited("jira-per-issue-on-write", Some(1)),
        _ => Fault::late(Duration::from_millis(random.below(400))),
    }
}
