//! A bridge that writes to a Jira project, and verbs for what the tool says and what people do.
//!
//! Every story ends with `finish`, which checks what must hold whatever happened.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::TimeDelta;
use incident_bridge::domain::DeliveryState;
use incident_bridge::simulator::RunningSimulator;
use incident_bridge::simulator::platform::{Account, Board, Issue};
use incident_bridge::store::DeliveryRow;

use crate::harness::pagerduty::{PagerDutyEvent, triggered};
use crate::harness::{Bridge, Setup};

const SOURCES: &str = r#"
[[sources]]
id = "pd"
type = "pagerduty"
webhook_secrets = ["pagerduty-signs-with-this"]
"#;

/// Writes that belong to one change are within this of each other.
const BURST: TimeDelta = TimeDelta::seconds(10);

pub const EMAIL: &str = "bridge@example.com";

pub struct World {
    pub bridge: Bridge,
    /// How often the tool said something.
    told: AtomicUsize,
}

impl World {
    /// On SQLite, with the project `OPS`.
    pub async fn start() -> Self {
        Self::with(Setup::default(), "").await
    }

    /// With more keys of the destination.
    pub async fn keyed(keys: &str) -> Self {
        Self::with(Setup::default(), keys).await
    }

    pub async fn with(setup: Setup, keys: &str) -> Self {
        let project =
            if keys.contains("project =") { "" } else { "project = \"OPS\"\nissue_type = \"Incident\"\n" };
        let table = format!(
            "{SOURCES}\n[[jira_issues]]\nid = \"ops\"\nsite = \"http://{{site0}}\"\n\
             email = \"{EMAIL}\"\napi_token = \"a-token\"\n{project}{keys}\n"
        );
        let bridge = setup.sources(&table).start().await;
        bridge.jira().board().admit(Account::of_user(EMAIL, "a-token"));
        Self { bridge, told: AtomicUsize::new(0) }
    }

    pub fn jira(&self) -> &RunningSimulator {
        self.bridge.jira()
    }

    pub fn board(&self) -> Board<'_> {
        self.bridge.jira().board()
    }

    /// The tool has said this much by other ways.
    pub fn expect_told(&self, count: usize) {
        self.told.fetch_add(count, Ordering::SeqCst);
    }

    /// The tool says something, and the bridge does what it can at this moment.
    pub async fn tell(&self, event: PagerDutyEvent) {
        self.told.fetch_add(1, Ordering::SeqCst);
        self.bridge.pagerduty(&event).await;
        self.bridge.settle().await;
    }

    /// The tool opens `M0`, `M1` and so on, and then the bridge does what it can.
    pub async fn tell_many(&self, count: usize) {
        self.tell_all((0..count).map(|n| triggered(&format!("M{n}")))).await;
    }

    /// The tool says all of this, and then the bridge does what it can.
    pub async fn tell_all(&self, events: impl Iterator<Item = PagerDutyEvent>) {
        for event in events {
            self.told.fetch_add(1, Ordering::SeqCst);
            self.bridge.pagerduty(&event).await;
        }
        self.bridge.settle().await;
    }

    /// The same, and a few seconds pass.
    pub async fn say(&self, event: PagerDutyEvent) {
        self.tell(event).await;
        self.pass(8).await;
    }

    pub async fn open(&self, id: &str) {
        self.say(triggered(id)).await;
    }

    pub async fn acknowledge(&self, id: &str) {
        self.say(triggered(id).acknowledged()).await;
    }

    pub async fn resolve(&self, id: &str) {
        self.say(triggered(id).resolved()).await;
    }

    pub async fn reopen(&self, id: &str) {
        self.say(triggered(id).kind("incident.reopened")).await;
    }

    /// Seconds pass, one by one.
    pub async fn pass(&self, seconds: u32) {
        for _ in 0..seconds {
            self.bridge.settle_after(1).await;
        }
    }

    /// Time passes until nothing waits, but no longer than this.
    pub async fn calm(&self, seconds: u32) {
        for _ in 0..seconds {
            if self.waiting().await.is_empty() {
                return;
            }
            self.bridge.settle_after(1).await;
        }
    }

    async fn waiting(&self) -> Vec<DeliveryRow> {
        let deliveries = self.bridge.engine.store().deliveries();
        deliveries.list(Some(DeliveryState::Waiting), 100).await.expect("the store works")
    }

    pub async fn tidy(&self) {
        self.bridge.task("tidy").run().await.expect("the store works");
        self.bridge.settle().await;
    }

    /// The work items of an incident that are not marked as doubles, the oldest first.
    pub fn issues_of(&self, id: &str) -> Vec<Issue> {
        let is_its = |issue: &Issue| issue.properties.get("incident-bridge").is_some_and(|it| it["id"] == id);
        let issues = self.board().issues().into_iter();
        issues.filter(|it| is_its(it) && !it.labels().contains(&"incident-bridge-duplicate")).collect()
    }

    /// The one work item of an incident.
    pub fn issue_of(&self, id: &str) -> Issue {
        let mut issues = self.issues_of(id);
        assert_eq!(issues.len(), 1, "{id}: {issues:?}");
        issues.remove(0)
    }

    /// `new`, `indeterminate` or `done`.
    pub fn category_of(&self, id: &str) -> &'static str {
        self.board().category(&self.issue_of(id).key).expect("it has a status")
    }

    pub fn calls(&self, operation: &str) -> u64 {
        self.board().count_calls(operation)
    }

    pub async fn state(&self, id: &str) -> String {
        self.bridge.delivery(&format!("pd:{id}")).await.state.as_str().to_owned()
    }

    pub async fn reason(&self, id: &str) -> String {
        self.bridge.delivery(&format!("pd:{id}")).await.reason.unwrap_or_default()
    }

    /// What `explain` says of its work item.
    pub async fn told(&self, id: &str) -> String {
        let operator = self.bridge.engine.operator();
        let told = operator.explain(id, &self.bridge.config.destinations).await.expect("the store works");
        let standings = told.stories.into_iter().flat_map(|story| story.deliveries);
        standings.filter_map(|it| it.made).flat_map(|made| made.sentences).collect::<Vec<_>>().join("\n")
    }

    /// That the destination is parked for this reason.
    pub async fn expect_parked(&self, why: &str) {
        self.bridge.log.expect_error("nothing can be sent until a person acts");
        let places = self.bridge.engine.store().sites().list_places().await.expect("the store works");
        let parked = places.into_iter().find(|place| place.name == "ops").and_then(|place| place.parked);
        assert!(parked.as_ref().is_some_and(|parked| parked.contains(why)), "{parked:?}");
    }

    /// Ends the story.
    pub async fn finish(self) {
        self.calm(900).await;
        let mut live: BTreeMap<String, usize> = BTreeMap::new();
        for issue in self.board().issues() {
            let Some(identity) = issue.properties.get("incident-bridge") else { continue };
            if !issue.labels().contains(&"incident-bridge-duplicate") {
                let key = format!("{}/{}/{}", identity["source"], identity["id"], identity["episode"]);
                *live.entry(key).or_default() += 1;
            }
        }
        assert!(live.values().all(|count| *count == 1), "work items by incident: {live:?}");
        assert_eq!(self.calls("deleteIssue"), 0, "nothing is ever deleted");
        let is_double = |issue: &&Issue| issue.labels().contains(&"incident-bridge-duplicate");
        let doubles = self.board().issues().iter().filter(is_double).count();
        // A double is an accident that nothing can prevent: it is made, and a sweep labels it and the next one resolves it.
        let told = self.told.load(Ordering::SeqCst) + 3 * doubles;
        let bursts = self.bursts();
        assert!(bursts <= told, "{bursts} bursts of mails for {told} changes");
        self.bridge.finish().await;
    }

    /// Groups of mails that people get together, of all work items.
    fn bursts(&self) -> usize {
        let mut last = BTreeMap::new();
        let mails = self.board().mails();
        let begins = mails.iter().filter(|mail| {
            let before = last.insert(mail.issue, mail.at);
            before.is_none_or(|before| mail.at - before > BURST)
        });
        begins.count()
    }
}
