//! Groups the mails of a work item into bursts: writes that people get together.
//!
//! Mails that are no more than ten seconds apart are one burst. Time in which the program was down does not count.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::TimeDelta;
use incident_bridge::clock::Timestamp;
use incident_bridge::simulator::Simulator;
use incident_bridge::simulator::platform::Mail;

const BURST: TimeDelta = TimeDelta::seconds(10);

/// From one instant to another.
pub type Span = (Timestamp, Timestamp);

/// All mails, by work item. Only the bridge causes mails here.
pub struct Mails<'a> {
    by_issue: BTreeMap<u64, Vec<Mail>>,
    /// When the program was down.
    down: &'a [Span],
}

impl<'a> Mails<'a> {
    pub fn of(jira: &Simulator, down: &'a [Span]) -> Self {
        let mut by_issue: BTreeMap<u64, Vec<Mail>> = BTreeMap::new();
        for mail in jira.board().mails() {
            by_issue.entry(mail.issue).or_default().push(mail);
        }
        Self { by_issue, down }
    }

    pub fn count(&self) -> usize {
        self.by_issue.values().map(Vec::len).sum()
    }

    pub fn count_bursts(&self, issue: u64) -> u64 {
        let Some(mails) = self.by_issue.get(&issue) else { return 0 };
        let gaps = mails.windows(2).filter(|pair| self.is_gap(pair));
        1 + gaps.count() as u64
    }

    fn is_gap(&self, pair: &[Mail]) -> bool {
        let [before, after] = pair else { return false };
        let overlap = |(from, to): &Span| (*to.min(&after.at) - *from.max(&before.at)).max(TimeDelta::zero());
        let down: TimeDelta = self.down.iter().map(overlap).sum();
        after.at - before.at - down > BURST
    }

    /// What was sent when, and how often the program was killed in between.
    pub fn describe(&self, issue: u64) -> String {
        let mut text = String::new();
        let mut last: Option<Timestamp> = None;
        for mail in self.by_issue.get(&issue).into_iter().flatten() {
            if let Some(last) = last {
                let kills = self.down.iter().filter(|(from, _)| *from > last && *from < mail.at).count();
                let _ = write!(text, " +{:.1} s ({kills} kills)", (mail.at - last).as_seconds_f64());
            }
            last = Some(mail.at);
            let _ = write!(text, " {}", mail.cause);
        }
        text
    }
}
