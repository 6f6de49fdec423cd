//! What a story amounted to, for people and for programs.

use std::fmt;

use serde::Serialize;

use super::stage::Stage;
use crate::clock::Timestamp;
use crate::simulator::tools::{Delivered, Episode, Status};
use crate::simulator::{EntityKind, Simulator};

/// One simulated tool.
#[derive(Debug, Clone, Serialize)]
pub(super) struct ToolSummary {
    pub name: &'static str,
    pub incidents: usize,
    pub open: usize,
    /// Openings included.
    pub changes: u64,
}

/// The numbers of one story.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Summary {
    pub equal: bool,
    /// In words; empty when Jira equals the tools.
    pub differences: Vec<String>,
    pub seconds: f64,
    pub tools: Vec<ToolSummary>,
    /// Handed out by the pager and the status page, repeats included.
    pub webhooks: u64,
    pub delivered: Delivered,
    pub polls: u64,
    /// Bulk requests that Jira took.
    pub writes: usize,
    /// Entities in them: incidents, reviews and components.
    pub entities_written: usize,
    /// Versions of incidents among these.
    pub incident_versions: usize,
    /// Post-incident reviews that Jira holds.
    pub reviews: usize,
    /// Work items on the board.
    pub work_items: usize,
    /// Mails about work items that people got.
    pub mails: usize,
    /// All requests that Jira got, reading included.
    pub requests: u64,
}

impl Summary {
    pub fn new(stage: &Stage, started: Timestamp, differences: Vec<String>) -> Self {
        let (jira, tools) = (&stage.jira, &stage.tools);
        let incidents = tools.pager.incidents();
        let episodes = tools.alerts.episodes();
        let reports = tools.status_page.reports();
        let requests = jira.requests();
        let writes =
            requests.iter().filter(|it| it.status == 202 && it.path.ends_with("/bulk") && it.entities > 0);
        let entities: Vec<usize> = writes.map(|it| it.entities).collect();
        Self {
            equal: differences.is_empty(),
            differences,
            seconds: (stage.clock.now() - started).as_seconds_f64(),
            tools: vec![
                ToolSummary {
                    name: "pager",
                    incidents: incidents.len(),
                    open: incidents.iter().filter(|it| it.status != Status::Resolved).count(),
                    changes: tools.pager.changes(),
                },
                ToolSummary {
                    name: "alerts",
                    incidents: episodes.len(),
                    open: episodes.iter().filter(|it| Episode::fires(it)).count(),
                    changes: tools.alerts.changes(),
                },
                ToolSummary {
                    name: "status",
                    incidents: reports.len(),
                    open: reports.iter().filter(|it| it.resolved_at.is_none()).count(),
                    changes: tools.status_page.changes(),
                },
            ],
            webhooks: tools.sent(),
            delivered: tools.delivered(),
            polls: tools.alerts.polls(),
            writes: entities.len(),
            entities_written: entities.iter().sum(),
            incident_versions: count_versions(jira),
            reviews: jira.reviews().len(),
            work_items: jira.board().issues().len(),
            mails: jira.board().mails().len(),
            requests: jira.request_count(),
        }
    }

    /// Changes in the tools.
    pub fn changes(&self) -> u64 {
        self.tools.iter().map(|tool| tool.changes).sum()
    }
}

fn count_versions(jira: &Simulator) -> usize {
    let incidents = jira.incidents();
    let ids = incidents.iter().filter_map(|incident| incident["id"].as_str());
    ids.map(|id| jira.submitted_versions(EntityKind::Incident, id).len()).sum()
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<10}{:>10}{:>8}{:>10}", "tool", "incidents", "open", "changes")?;
        for tool in &self.tools {
            writeln!(f, "{:<10}{:>10}{:>8}{:>10}", tool.name, tool.incidents, tool.open, tool.changes)?;
        }
        let Delivered { attempts, accepted, dropped } = self.delivered;
        let rows = [
            (
                "webhooks",
                format!(
                    "{} sent in {attempts} attempts, {accepted} accepted, {dropped} dropped",
                    self.webhooks
                ),
            ),
            ("polls", self.polls.to_string()),
            (
                "writes to Jira",
                format!("{} requests with {} entities accepted", self.writes, self.entities_written),
            ),
            (
                "coalescing",
                format!("{} changes became {} versions of incidents", self.changes(), self.incident_versions),
            ),
            ("reviews", format!("{} in Jira", self.reviews)),
            ("work items", format!("{} on the board, {} mails about them", self.work_items, self.mails)),
            ("requests", format!("{} to Jira in all, reading back included", self.requests)),
            ("time", format!("{:.1} s", self.seconds)),
        ];
        writeln!(f)?;
        for (name, value) in rows {
            writeln!(f, "{name:<18}{value}")?;
        }
        write!(f, "\nJira equals the tools: {}", if self.equal { "yes" } else { "no" })?;
        for difference in &self.differences {
            write!(f, "\n  {difference}")?;
        }
        Ok(())
    }
}
