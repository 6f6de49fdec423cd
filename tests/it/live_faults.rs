//! The running program on the real clock while something fails: Jira (`jira`), the tool that it polls
//! (`tool`), or the machine that it runs on (`ourselves`).
//!
//! `faults.rs` checks each failure second by second and moves the time itself. Here incidents keep changing
//! all the time, and every test ends with the same check: Jira holds what the bridge acknowledged.

mod jira;
mod ourselves;
mod tool;

use incident_bridge::clock::Clock;
use incident_bridge::simulator::RunningSimulator;
use serde_json::Value;

use crate::crash_test::model::{Difference, Event, ONE, Sender};
use crate::harness::place::{Place, SOURCE, command};
use crate::harness::program::{Program, eventually};
use crate::harness::start_site;

const INCIDENTS: &str = "/rest/operations/1.0/bulk";
const COMPONENTS: &str = "/rest/devopscomponents/1.0/bulk";
const LINKS: &str = "/rest/operations/1.0/linkedWorkspaces/bulk";
const ONE_INCIDENT: &str = "/rest/operations/1.0/incidents/";

/// Short timeouts, so that no test takes minutes.
const HASTE: &str = "[delivery]\ntimeout = \"2s\"\nvisible_within = \"2s\"\nparallel_sites = 64\n";

/// The running bridge, its sites, and a PagerDuty that changes all the time.
struct Story {
    place: Place,
    sites: Vec<RunningSimulator>,
    sender: Sender,
    bridge: Program,
}

impl Story {
    /// A bridge that runs, beside sites that have not installed it yet.
    async fn set(sites: usize) -> Self {
        Self::set_under(sites, "").await
    }

    /// The same, started by a shell that first runs `first`.
    async fn set_under(sites: usize, first: &str) -> Self {
        let sites: Vec<_> = (0..sites).map(|_| start_site(&Clock::system(), 0)).collect();
        let place = Place::with(&sites, &format!("{SOURCE}{HASTE}"));
        let bridge = place.serve_under(first).await;
        Self { place, sites, sender: Sender::new(11, Clock::system(), ONE), bridge }
    }

    /// A running bridge, whose sites all hold the first incidents.
    async fn begin(sites: usize) -> Self {
        let mut story = Self::set(sites).await;
        story.install().await;
        story.open(3).await;
        story.arrived("the first incidents").await;
        story
    }

    /// Every site installs the app, or installs it again.
    async fn install(&self) {
        for site in &self.sites {
            site.install(&self.place.base_url).await.expect("it installs");
        }
    }

    async fn open(&mut self, incidents: usize) {
        for _ in 0..incidents {
            let event = self.sender.open();
            self.post(event).await;
        }
    }

    /// Something old changes and something new opens.
    async fn news(&mut self) {
        for event in [self.sender.change("Q000000"), self.sender.change("Q000001"), self.sender.open()] {
            self.post(event).await;
        }
    }

    async fn post(&mut self, event: Event) {
        assert_eq!(self.try_post(&event).await.status(), 202);
        self.sender.acknowledge(event);
    }

    async fn try_post(&self, event: &Event) -> reqwest::Response {
        let request = reqwest::Client::new().post(format!("{}/webhooks/pd", self.place.base_url));
        let request = request.header("X-PagerDuty-Signature", event.signature()).body(event.body.clone());
        request.send().await.expect("the bridge answers")
    }

    /// Whether a site holds exactly what was acknowledged.
    fn holds_all(&self, site: &RunningSimulator) -> bool {
        self.sender.compare(site) == Difference::default() && site.queued() == 0
    }

    /// Every site holds exactly what was acknowledged, and received no invalid request.
    async fn arrived(&self, what: &str) {
        for (nth, site) in self.sites.iter().enumerate() {
            let what = format!("site {nth} after {what}");
            eventually(&what, async || self.holds_all(site).then_some(())).await;
            assert!(site.schema_violations().is_empty(), "{what}: {:?}", site.schema_violations());
        }
    }

    /// Every scripted fault has been used up.
    async fn faults_are_met(&self, what: &str) {
        for (nth, site) in self.sites.iter().enumerate() {
            let what = format!("the fault of site {nth}: {what}");
            eventually(&what, async || (site.waiting_faults() == 0).then_some(())).await;
        }
    }

    /// The output of a command that must succeed.
    async fn ask(&self, arguments: &[&str]) -> String {
        let said = command(arguments, Some(&self.place.file)).await;
        assert_eq!(said.code, Some(0), "{said:?}");
        said.out
    }

    /// The operator's list of sites.
    async fn installations(&self) -> Vec<Value> {
        let listed = self.ask(&["installations", "--json"]).await;
        let listed: Value = serde_json::from_str(&listed).expect("JSON");
        listed["installations"].as_array().expect("a list").clone()
    }

    /// Waits until the list of sites says this of every one; shows the rest of the list if it never does.
    async fn every_site(&self, what: &str, says: impl Fn(&Value) -> bool) {
        eventually(what, async || {
            let rows = self.installations().await;
            (rows.len() == self.sites.len() && rows.iter().all(&says)).then_some(())
        })
        .await;
    }
}
