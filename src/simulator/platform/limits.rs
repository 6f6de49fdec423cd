//! Jira's burst limits and its limits on writes to one issue, on the site's clock.
//!
//! Off until a test or the command line turns them on: most tests are about something else.

use std::collections::{BTreeMap, VecDeque};

use chrono::TimeDelta;

use super::super::exchange::Answer;
use super::operation::Operation;
use crate::clock::Timestamp;

/// Writes to one issue: at most so many within so long.
const PER_ISSUE: [(usize, TimeDelta); 2] = [(20, TimeDelta::seconds(2)), (100, TimeDelta::seconds(30))];

/// When calls that count were made.
#[derive(Debug, Default)]
pub struct Limits {
    pub enabled: bool,
    bursts: BTreeMap<(&'static str, String), VecDeque<Timestamp>>,
    issues: BTreeMap<u64, VecDeque<Timestamp>>,
    /// Calls refused so far.
    pub refused: u64,
}

impl Limits {
    /// Counts a call, or says why it has to wait: `Retry-After` with the reason. Refused calls do nothing.
    pub fn admit(
        &mut self,
        now: Timestamp,
        method: &str,
        operation: &Operation,
        issue: Option<u64>,
    ) -> Result<(), Box<Answer>> {
        if !self.enabled {
            return Ok(());
        }
        let most = match (method, operation) {
            (_, Operation::GetIssue { .. }) => 150,
            ("PUT" | "DELETE", _) => 50,
            _ => 100,
        };
        let key = (operation.id(), method.to_owned());
        let second = [(most, TimeDelta::seconds(1))];
        if let Err(until) = take(self.bursts.entry(key).or_default(), now, &second) {
            return Err(Box::new(self.refuse(now, until, "jira-burst-based", most)));
        }
        if let Some(issue) = issue.filter(|_| operation.writes())
            && let Err(until) = take(self.issues.entry(issue).or_default(), now, &PER_ISSUE)
        {
            return Err(Box::new(self.refuse(now, until, "jira-per-issue-on-write", 20)));
        }
        Ok(())
    }

    fn refuse(&mut self, now: Timestamp, until: Timestamp, reason: &str, limit: usize) -> Answer {
        self.refused += 1;
        let seconds = ((until - now).num_milliseconds().max(1) + 999) / 1000;
        let headers = [
            ("Retry-After", seconds.to_string()),
            ("RateLimit-Reason", reason.to_owned()),
            ("X-RateLimit-Limit", limit.to_string()),
            ("X-RateLimit-Remaining", "0".to_owned()),
            ("X-RateLimit-Reset", until.to_rfc3339()),
        ];
        Answer { headers: headers.into(), ..Answer::bare(429) }
    }
}

/// Notes a call, or says when the next one is possible.
fn take(
    calls: &mut VecDeque<Timestamp>,
    now: Timestamp,
    limits: &[(usize, TimeDelta)],
) -> Result<(), Timestamp> {
    let longest = limits.iter().map(|(_, within)| *within).max().unwrap_or_default();
    while calls.front().is_some_and(|at| *at + longest <= now) {
        calls.pop_front();
    }
    for (most, within) in limits {
        let recent: Vec<&Timestamp> = calls.iter().filter(|at| **at + *within > now).collect();
        if recent.len() >= *most {
            return Err(recent.first().map_or(now, |at| **at + *within));
        }
    }
    calls.push_back(now);
    Ok(())
}
