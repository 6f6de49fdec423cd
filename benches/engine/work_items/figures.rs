//! What a run cost, and how right it was in the end.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use incident_bridge::simulator::Simulator;
use incident_bridge::simulator::platform::Issue;

use super::changes::{Change, Load};
use crate::table::count;

/// The counters of a site at one moment.
#[derive(Debug, Default, Clone, Copy)]
pub struct Seen {
    requests: usize,
    refused: usize,
    mails: usize,
}

impl Seen {
    pub fn of(site: &Simulator) -> Self {
        let requests = site.requests();
        Self {
            requests: requests.len(),
            refused: requests.iter().filter(|request| request.status == 429).count(),
            mails: site.board().mails().len(),
        }
    }

    fn since(self, before: Self) -> Self {
        Self {
            requests: self.requests - before.requests,
            refused: self.refused - before.refused,
            mails: self.mails - before.mails,
        }
    }
}

/// One run.
pub struct Figures {
    load: Load,
    made_in: Duration,
    first: Seen,
    /// From the first change until the last one was shown; `None` if that did not happen.
    shown_in: Option<Duration>,
    changes: Seen,
    doubles: usize,
    stale: usize,
}

impl Figures {
    /// Looks at a site on which everything is over; `made` is what it had seen when the first sync was.
    pub fn new(load: Load, site: &Simulator, identity: Identity, times: Times, made: Seen) -> Self {
        let Wrong { doubles, stale } = Wrong::of(site, &load, identity);
        let Times { made_in, shown_in } = times;
        Self { load, made_in, first: made, shown_in, changes: Seen::of(site).since(made), doubles, stale }
    }

    /// Name, aim and value.
    pub fn rows(&self) -> Vec<(&'static str, &'static str, String)> {
        let told = self.load.changes().len();
        let shown = self.shown_in.map_or_else(|| "never".to_owned(), |it| format!("{:.1}", it.as_secs_f64()));
        vec![
            ("first sync: requests per incident", "", ratio(self.first.requests, self.load.incidents)),
            ("first sync: time, s", "", format!("{:.1}", self.made_in.as_secs_f64())),
            ("first sync: answers 429", "", count(self.first.refused)),
            ("first sync: mails per incident", "1", ratio(self.first.mails, self.load.incidents)),
            ("changes: requests per change", "", ratio(self.changes.requests, told)),
            ("changes: from the first until all are shown, s", "", shown),
            ("changes: answers 429", "", count(self.changes.refused)),
            ("changes: mails per change", "at most 1", ratio(self.changes.mails, told)),
            ("incidents with several work items in the end", "0", count(self.doubles)),
            ("incidents shown wrongly in the end", "0", count(self.stale)),
        ]
    }
}

/// How long the two parts took.
#[derive(Clone, Copy)]
pub struct Times {
    pub made_in: Duration,
    pub shown_in: Option<Duration>,
}

/// Which incident a work item stands for.
pub type Identity = fn(&Issue) -> Option<String>;

/// Incidents that Jira does not show as the tool has them.
pub struct Wrong {
    pub doubles: usize,
    pub stale: usize,
}

impl Wrong {
    pub fn of(site: &Simulator, load: &Load, identity: Identity) -> Self {
        let board = site.board();
        let mut by_incident: BTreeMap<String, Vec<Issue>> = BTreeMap::new();
        for issue in board.issues() {
            by_incident.entry(identity(&issue).expect("it stands for an incident")).or_default().push(issue);
        }
        let is_shown = |id: &String, title: &str, is_resolved: bool| {
            by_incident.get(id).into_iter().flatten().any(|issue| {
                let is_done = board.category(&issue.id.to_string()) == Some("done");
                issue.text("summary") == title && is_done == is_resolved
            })
        };
        let ends = load.ends();
        // One that is over before it was made needs none.
        let needs_none = |id: &String, end: &Change| end.is_resolved && !by_incident.contains_key(id);
        let is_wrong = |id, end: &Change| !needs_none(id, end) && !is_shown(id, &end.title, end.is_resolved);
        let wrong = ends.iter().filter(|(id, end)| is_wrong(id, end));
        Self { stale: wrong.count(), doubles: by_incident.values().filter(|same| same.len() > 1).count() }
    }
}

/// Waits until that holds. Returns how long it took.
pub async fn wait_for(limit: Duration, what: impl Fn() -> bool) -> Option<Duration> {
    let start = Instant::now();
    while !what() {
        if start.elapsed() > limit {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    Some(start.elapsed())
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than a float can count")]
fn ratio(one: usize, other: usize) -> String {
    format!("{:.2}", one as f64 / other as f64)
}
