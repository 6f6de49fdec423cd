//! One story through all that Jira can do wrong, against the running program and the real clock.
//!
//! What each failure means second by second is in `faults.rs`, where time is moved by hand. Here incidents
//! go on changing all the while, and in the end Jira must hold what PagerDuty was told is safe.

use chrono::TimeDelta;
use incident_bridge::clock::Clock;
use incident_bridge::simulator::Fault;

use crate::crash_test::model::{Difference, Event, Sender};
use crate::harness::place::{Place, command};
use crate::harness::program::{Program, eventually};

const INCIDENTS: &str = "/rest/operations/1.0/bulk";

/// The running bridge, its site, and a PagerDuty that never rests.
struct Story {
    place: Place,
    sender: Sender,
    _bridge: Program,
}

impl Story {
    async fn begin() -> Self {
        let place = Place::new();
        let bridge = place.serve().await;
        place.site.install(&place.base_url).await.expect("it installs");
        let mut story = Self { place, sender: Sender::new(11, Clock::system()), _bridge: bridge };
        for _ in 0..3 {
            let event = story.sender.open();
            story.post(event).await;
        }
        story.arrived("the first incidents").await;
        story
    }

    async fn post(&mut self, event: Event) {
        let request = reqwest::Client::new().post(format!("{}/webhooks/pd", self.place.base_url));
        let request = request.header("X-PagerDuty-Signature", event.signature()).body(event.body.clone());
        assert_eq!(request.send().await.expect("the bridge answers").status(), 202);
        self.sender.acknowledge(event);
    }

    /// Something old changes and something new opens.
    async fn news(&mut self) {
        for event in [self.sender.change("Q000000"), self.sender.change("Q000001"), self.sender.open()] {
            self.post(event).await;
        }
    }

    async fn arrived(&self, what: &str) {
        let jira = &self.place.site;
        let equal = || self.sender.compare(jira) == Difference::default() && jira.queued() == 0;
        eventually(what, async || equal().then_some(())).await;
    }

    /// Jira meets the next write with `fault`; then everything arrives all the same.
    async fn survive(&mut self, what: &str, fault: Fault) {
        self.place.site.fail_next(fault.on("POST", INCIDENTS));
        self.news().await;
        let jira = &self.place.site;
        eventually(what, async || (jira.waiting_faults() == 0).then_some(())).await;
        self.arrived(what).await;
    }

    async fn parked(&self, word: &str) {
        eventually(word, async || {
            let said = command(&["installations"], Some(&self.place.file)).await;
            assert_eq!(said.code, Some(0), "{said:?}");
            said.out.contains(word).then_some(())
        })
        .await;
    }

    async fn reinstall(&self) {
        self.place.site.install(&self.place.base_url).await.expect("it installs again");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn incidents_go_on_changing_through_every_failure_of_jira_and_all_arrive() {
    let mut story = Story::begin().await;
    story.survive("429 with a time", Fault::rate_limited("jira-burst-based", Some(1))).await;
    story.survive("429 without headers", Fault::status(429)).await;
    for status in [500, 502, 503] {
        story.survive(&status.to_string(), Fault::status(status)).await;
    }
    story.survive("half an answer", Fault::truncated()).await;
    story.survive("a page of HTML", Fault::html()).await;
    story.survive("202 and not a word", Fault::empty_accept()).await;
    story.survive("no answer at all", Fault::dropped()).await;
    refuse_one_of_several(&mut story).await;
    show_late(&mut story).await;
    move_the_site(&mut story).await;
    change_the_secret_silently(&mut story).await;
    assert!(story.place.site.schema_violations().is_empty());
}

async fn refuse_one_of_several(story: &mut Story) {
    story.place.site.refuse("pd:Q000000", "not today");
    story.news().await;
    let jira = &story.place.site;
    let others = || story.sender.compare(jira).stale == ["pd:Q000000"] && jira.queued() == 0;
    eventually("all but the refused one arrive", async || others().then_some(())).await;
    eventually("the refusal is listed", async || {
        let listed = command(&["deliveries", "list", "--failed"], Some(&story.place.file)).await;
        listed.out.contains("not today").then_some(())
    })
    .await;
    jira.allow("pd:Q000000");
    let retried = command(&["deliveries", "retry", "pd:Q000000"], Some(&story.place.file)).await;
    assert!(retried.out.contains("1 will be sent again"), "{retried:?}");
    story.arrived("the refused one, once allowed").await;
}

async fn show_late(story: &mut Story) {
    story.place.site.set_visibility_delay(TimeDelta::milliseconds(2500));
    story.news().await;
    story.news().await;
    story.arrived("what shows late").await;
    story.place.site.set_visibility_delay(TimeDelta::zero());
}

async fn move_the_site(story: &mut Story) {
    story.place.site.fail_next(Fault::renamed_to("https://new.atlassian.net/").on("POST", INCIDENTS));
    story.news().await;
    story.parked("new.atlassian.net").await;
    story.news().await;
    story.reinstall().await;
    story.arrived("everything after a move").await;
}

async fn change_the_secret_silently(story: &mut Story) {
    story.place.site.uninstall_silently();
    story.news().await;
    story.parked("install the app again").await;
    let lost = story.sender.compare(&story.place.site).lost;
    assert_eq!(lost.len(), story.sender.count(), "a site that lost the app shows nothing of it");
    story.reinstall().await;
    story.arrived("everything at the new installation").await;
}
