//! What was run with work items, and how it ended.

use std::fmt;

use super::super::traffic::Posted;
use super::check::{Difference, Tally};

#[derive(Debug, Default)]
pub struct Report {
    pub kills: u32,
    pub posted: Posted,
    pub edits: usize,
    pub jira_requests: u64,
    pub jira_refusals: usize,
    pub violations: Vec<String>,
    pub left: Vec<String>,
    /// Seconds on the clock of the program and of Jira.
    pub seconds: i64,
    pub incidents: usize,
    pub tally: Tally,
    pub difference: Difference,
}

impl Report {
    /// Whether Jira holds exactly what it must, and nothing is left to do.
    pub fn is_clean(&self) -> bool {
        self.difference == Difference::default() && self.violations.is_empty() && self.left.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { difference, tally, posted, .. } = self;
        let rows = [
            ("kills", self.kills.to_string()),
            ("seconds on the program's clock", self.seconds.to_string()),
            ("webhooks posted", posted.webhooks.to_string()),
            ("  duplicates among them", posted.duplicates.to_string()),
            ("  out of order", posted.late.to_string()),
            ("  without a 2xx, so repeated", posted.unanswered.to_string()),
            ("edits by people", self.edits.to_string()),
            ("requests to Jira", self.jira_requests.to_string()),
            ("  failed by Jira", self.jira_refusals.to_string()),
            ("incidents", self.incidents.to_string()),
            ("  over before one was made", tally.never_made.to_string()),
            ("work items", tally.work_items.to_string()),
            ("  doubles, marked and closed", tally.closed_doubles.to_string()),
            ("changes of incidents", tally.changes.to_string()),
            ("mails", tally.mails.to_string()),
            ("bursts of mails", tally.bursts.to_string()),
            ("lost", difference.lost.len().to_string()),
            ("stale", difference.stale.len().to_string()),
            ("doubles", difference.doubles.len().to_string()),
            ("invented", difference.invented.len().to_string()),
            ("edits of people undone", difference.undone.len().to_string()),
            ("statuses changed unasked", difference.forced.len().to_string()),
            ("more bursts than changes", difference.noisy.len().to_string()),
            ("rules of Jira broken", self.violations.len().to_string()),
            ("left waiting or refused", self.left.len().to_string()),
        ];
        rows.iter().try_for_each(|(name, value)| writeln!(f, "{name:<32}{value:>8}"))?;
        if self.is_clean() {
            return Ok(());
        }
        writeln!(f, "{difference:#?}\nbroken: {:#?}\nleft: {:#?}", self.violations, self.left)
    }
}
