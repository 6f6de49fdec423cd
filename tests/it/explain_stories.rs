//! The stories of `docs/EXPLAIN.md`, reproduced: the command prints what the document shows.
//!
//! Ids, instants, versions and the site's address differ from run to run and are compared by their kind.

use std::path::Path;

use incident_bridge::clock::Clock;
use incident_bridge::domain::parse_timestamp;

use crate::harness::pagerduty::{sign, triggered};
use crate::harness::place::{Place, command};
use crate::harness::program::{Program, eventually};

/// The site's name in the document.
const SITE: &str = "acme.atlassian.net";

/// The lines that the document shows below a heading.
fn documented(heading: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/EXPLAIN.md");
    let document = std::fs::read_to_string(path).expect("the document is there");
    let (_, section) = document.split_once(&format!("\n## {heading}\n")).expect("the heading is there");
    let (_, block) = section.split_once("```text\n").expect("a block of text");
    block.split_once("```").expect("its end").0.to_owned()
}

/// The text with everything that differs between two runs replaced by its kind.
fn normalise(text: &str, site: &str) -> String {
    let words = |line: &str| line.split(' ').map(|word| kind_of(word, site)).collect::<Vec<_>>().join(" ");
    text.lines().map(words).collect::<Vec<_>>().join("\n")
}

fn kind_of(word: &str, site: &str) -> String {
    let core = word.trim_matches(|c: char| "(),.:;`".contains(c));
    let is_id = |text: &str| text.len() >= 32 && text.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    let kind = match core {
        _ if core.contains('T') && parse_timestamp(core).is_some() => "TIME",
        _ if is_id(core) => "ID",
        _ if core.len() == 13 && core.chars().all(|c| c.is_ascii_digit()) => "VERSION",
        _ if core == site => "SITE",
        _ => return word.to_owned(),
    };
    word.replacen(core, kind, 1)
}

struct Stage {
    place: Place,
    _bridge: Program,
}

impl Stage {
    async fn set() -> Self {
        let place = Place::new();
        let bridge = place.serve().await;
        place.site.install(&place.base_url).await.expect("it installs");
        Self { place, _bridge: bridge }
    }

    async fn post(&self, body: &str) -> u16 {
        let request = reqwest::Client::new().post(format!("{}/webhooks/pd", self.place.base_url));
        let request = request.header("X-PagerDuty-Signature", sign(body)).body(body.to_owned());
        request.send().await.expect("the bridge answers").status().as_u16()
    }

    async fn confirmed(&self) {
        eventually("Jira holds the incident, and the bridge knows", async || {
            let said = command(&["explain", "Q1A2B3"], Some(&self.place.file)).await;
            said.out.contains("Jira holds version").then_some(())
        })
        .await;
    }

    /// What `explain` says once it contains `end`, compared with the document.
    async fn tells(&self, id: &str, end: &str, heading: &str) {
        let told = eventually(heading, async || {
            let said = command(&["explain", id], Some(&self.place.file)).await;
            said.out.contains(end).then_some(said.out)
        })
        .await;
        let shown = normalise(&documented(heading), SITE);
        assert_eq!(
            normalise(&told, &self.place.site.addr().to_string()),
            shown.trim_end(),
            "it really said:\n{told}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_incident_that_arrived() {
    let stage = Stage::set().await;
    assert_eq!(stage.post(&triggered("Q1A2B3").body(&Clock::system())).await, 202);
    stage.tells("Q1A2B3", "Jira holds version", "It arrived").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_incident_that_jira_refuses() {
    let stage = Stage::set().await;
    stage.place.site.refuse("pd:Q1A2B3", "the summary is not allowed here");
    assert_eq!(stage.post(&triggered("Q1A2B3").body(&Clock::system())).await, 202);
    stage.tells("pd:Q1A2B3", "stopped", "Jira refused it").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_incident_that_waits_for_its_site() {
    let stage = Stage::set().await;
    assert_eq!(stage.post(&triggered("Q1A2B3").body(&Clock::system())).await, 202);
    stage.confirmed().await;
    // The app is removed and reinstalled without the bridge being notified.
    stage.place.site.uninstall_silently();
    assert_eq!(stage.post(&triggered("Q1A2B3").resolved().body(&Clock::system())).await, 202);
    stage.tells("Q1A2B3", "install the app again", "Its site is parked").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_incident_that_was_told_more_than_once() {
    let stage = Stage::set().await;
    let body = triggered("Q1A2B3").body(&Clock::system());
    for _ in 0..3 {
        assert_eq!(stage.post(&body).await, 202);
    }
    stage.confirmed().await;
    // The same content under another id is not a duplicate, but nothing new either.
    assert_eq!(stage.post(&triggered("Q1A2B3").body(&Clock::system())).await, 202);
    stage.tells("Q1A2B3", "nothing new", "The tool sent it twice").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_incident_whose_webhook_cannot_be_mapped() {
    let stage = Stage::set().await;
    let whole = triggered("Q1A2B3").body(&Clock::system());
    assert_eq!(stage.post(&whole[..whole.len() - 1]).await, 400);
    stage.tells("pd:Q1A2B3", "quarantine replay", "Its webhook is in quarantine").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_printed_as_json_names_the_quarantine_as_well() {
    let stage = Stage::set().await;
    let whole = triggered("Q1A2B3").body(&Clock::system());
    assert_eq!(stage.post(&whole[..whole.len() - 1]).await, 400);
    let ask = async || {
        let said = command(&["explain", "pd:Q1A2B3", "--json"], Some(&stage.place.file)).await;
        (said.code, serde_json::from_str::<serde_json::Value>(&said.out).expect("it is JSON"))
    };
    let (code, told) = ask().await;
    assert_eq!((code, &told["stories"]), (Some(1), &serde_json::json!([])));
    let kept = &told["unknown"]["quarantined"][0];
    assert_eq!(
        (kept["source"].as_str(), kept["verified_by"].as_str()),
        (Some("pd"), Some("webhook_secrets[0]"))
    );
    assert!(kept["reason"].is_string() && kept["body"].is_null(), "{told}");
    assert_eq!(stage.post(&whole).await, 202);
    stage.confirmed().await;
    let (code, told) = ask().await;
    assert_eq!((code, told["stories"][0]["jira_id"].as_str()), (Some(0), Some("pd:Q1A2B3")));
    assert!(told["unknown"].is_null(), "{told}");
}
