//! What a webhook or a page says, in runs that each fit into one transaction.
//!
//! Must not touch the store.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde_json::{Value, json};

use crate::domain::{Component, State, UnmappedValue, Workspace};
use crate::sources::Findings;
use crate::store::{Origin, Report};

/// Statements in one transaction: enough for a page of any tool, and applied in a moment.
pub(super) const STATEMENTS: usize = 500;

/// Everything that a webhook or a page says, numbered in the order in which it is applied.
pub(super) struct Statements<'a> {
    findings: &'a Findings,
    memory: Option<&'a BTreeMap<String, Option<String>>>,
    /// What the changes of the memory follow from, if the memory was read earlier.
    facts: Option<&'a BTreeMap<String, String>>,
    unmapped: &'a BTreeSet<UnmappedValue>,
    origin: Origin<'a>,
}

impl<'a> Statements<'a> {
    pub fn new(
        findings: &'a Findings,
        memory: Option<&'a BTreeMap<String, Option<String>>>,
        unmapped: &'a BTreeSet<UnmappedValue>,
        origin: Origin<'a>,
    ) -> Self {
        Self { findings, memory, facts: None, unmapped, origin }
    }

    /// The same, valid only for as long as the source remembers what it did when the page was read.
    pub fn following(self, facts: Option<&'a BTreeMap<String, String>>) -> Self {
        Self { facts, ..self }
    }

    /// Runs that each fit into one transaction, and whether each is the last.
    pub fn runs(&self) -> impl DoubleEndedIterator<Item = (Range<usize>, bool)> + use<> {
        let all = count_statements(self.findings);
        let count = all.div_ceil(STATEMENTS).max(1);
        (0..count).map(move |n| {
            let end = all.min((n + 1).saturating_mul(STATEMENTS));
            (n.saturating_mul(STATEMENTS)..end, n + 1 == count)
        })
    }

    /// Everything at once.
    pub fn whole(&self) -> Report<'a> {
        self.report(&(0..count_statements(self.findings)), true)
    }

    /// The statements of a run; the last one carries the facts and the end of the webhook or page.
    pub fn report(&self, run: &Range<usize>, is_last: bool) -> Report<'a> {
        let facts = Report {
            memory: self.memory.filter(|_| is_last),
            facts: self.facts,
            unmapped: Some(self.unmapped).filter(|_| is_last),
            ..self.without_facts(is_last)
        };
        let Findings { mentioned, observations, workspaces, refetch, .. } = self.findings;
        let mut before = 0;
        Report {
            mentioned: within(mentioned, run, &mut before),
            observations: within(observations, run, &mut before),
            workspaces: within(workspaces, run, &mut before),
            refetch: within(refetch, run, &mut before),
            ..facts
        }
    }

    /// The end alone.
    pub fn without_facts(&self, is_last: bool) -> Report<'a> {
        Report { is_last, ..Report::new(self.origin) }
    }

    /// A statement, with a name for it, for an operator.
    pub fn describe(&self, number: usize) -> Option<(String, Value)> {
        let report = self.report(&(number..number.saturating_add(1)), false);
        let component = |it: &Component| (format!("component {}", it.provider_id), json!(it));
        let workspace = |it: &Workspace| (format!("workspace {}", it.provider_id), json!(it));
        let found = report.mentioned.first().map(component);
        let found = found.or_else(|| {
            let observation = report.observations.first()?;
            let name = format!("{} {}", observation.kind(), observation.provider_id());
            let content = match &observation.state {
                State::Present(entity) => json!(entity),
                State::Deleted { .. } => json!({ "deleted": observation.provider_id() }),
            };
            Some((name, content))
        });
        let found = found.or_else(|| report.workspaces.first().map(workspace));
        found.or_else(|| report.refetch.first().map(|id| (format!("incident {id}"), json!({ "fetch": id }))))
    }
}

pub(super) fn count_statements(findings: &Findings) -> usize {
    let Findings { mentioned, observations, workspaces, refetch, .. } = findings;
    mentioned.len() + observations.len() + workspaces.len() + refetch.len()
}

/// Those of `items` that are in the run, of which `before` are in earlier lists.
fn within<'a, T>(items: &'a [T], run: &Range<usize>, before: &mut usize) -> &'a [T] {
    let place = |at: usize| at.saturating_sub(*before).min(items.len());
    let found = items.get(place(run.start)..place(run.end)).unwrap_or_default();
    *before = before.saturating_add(items.len());
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_cover_every_statement_once_and_the_last_one_ends_the_page() {
        let names = |n: usize| (0..n).map(|n| n.to_string()).collect::<Vec<_>>();
        for count in [0, 1, STATEMENTS, STATEMENTS + 1, 3 * STATEMENTS] {
            let findings = Findings { refetch: names(count), ..Findings::default() };
            let (memory, unmapped) = (BTreeMap::new(), BTreeSet::new());
            let all = Statements::new(&findings, Some(&memory), &unmapped, Origin::Fetch);
            let reports: Vec<_> = all.runs().map(|(run, is_last)| all.report(&run, is_last)).collect();
            let told: Vec<_> = reports.iter().flat_map(|report| report.refetch).collect();
            assert_eq!(told, findings.refetch.iter().collect::<Vec<_>>());
            let (last, earlier) = reports.split_last().expect("there is always an end");
            assert!(last.is_last && last.memory.is_some());
            assert!(
                earlier.iter().all(|it| !it.is_last && it.memory.is_none() && it.refetch.len() == STATEMENTS)
            );
        }
    }
}
