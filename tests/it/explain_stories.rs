//! The stories of `docs/EXPLAIN.md`, reproduced: the command prints what the document shows.
//!
//! Ids, instants, versions and the site's address differ from run to run and are compared by their kind.

use std::path::Path;

use incident_bridge::clock::Clock;
use incident_bridge::domain::parse_timestamp;
use incident_bridge::simulator::platform::Account;

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

/// The text with everything that differs between two runs replaced by its kind, and without line breaks within
/// sentences, which depend on the length of names.
fn normalise(text: &str, site: &str) -> String {
    let text = ["http", "https"]
        .iter()
        .fold(text.to_owned(), |text, scheme| text.replace(&format!("{scheme}://{site}/"), "SITE/"));
    let mut sentences: Vec<String> = Vec::new();
    for line in text.lines() {
        match sentences.last_mut().filter(|_| line.starts_with("    ")) {
            Some(sentence) => *sentence = format!("{sentence} {}", line.trim_start()),
            None => sentences.push(line.to_owned()),
        }
    }
    let words = |line: &String| line.split(' ').map(|word| kind_of(word, site)).collect::<Vec<_>>().join(" ");
    sentences.iter().map(|line| words(&without_ages(line))).collect::<Vec<_>>().join("\n")
}

/// `(3 min ago)` and `(just now)` as `(AGE)`.
fn without_ages(line: &str) -> String {
    let parts = line.split('(').map(|part| match part.split_once(')') {
        Some((age, rest)) if age == "just now" || age.ends_with(" ago") => format!("AGE){rest}"),
        _ => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join("(")
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

    /// With a project for work items in place of the app.
    async fn with_work_items() -> Self {
        let place = Place::new();
        place.site.board().admit(Account::of_user("bot@acme.example", "a-token"));
        let table = format!(
            "[[jira_issues]]\nsite = \"{}\"\nproject = \"OPS\"\nissue_type = \"Incident\"\n\
             email = \"bot@acme.example\"\napi_token = \"a-token\"\n",
            place.site.addr()
        );
        let text = std::fs::read_to_string(&place.file).expect("it reads");
        std::fs::write(&place.file, format!("{text}\n{table}")).expect("the folder is writable");
        let bridge = place.serve().await;
        Self { place, _bridge: bridge }
    }

    async fn post(&self, body: &str) -> u16 {
        let request = reqwest::Client::new().post(format!("{}/webhooks/pd", self.place.base_url));
        let request = request.header("X-PagerDuty-Signature", sign(body)).body(body.to_owned());
        request.send().await.expect("the bridge answers").status().as_u16()
    }

    async fn confirmed(&self) {
        self.confirmed_with("").await;
    }

    async fn confirmed_with(&self, part: &str) {
        eventually("Jira holds the incident, and the bridge knows", async || {
            let said = command(&["explain", "Q1A2B3"], Some(&self.place.file)).await.out;
            (said.contains("Jira holds the last change") && said.contains(part)).then_some(())
        })
        .await;
    }

    /// What `explain` says once it contains `end`, compared with the document.
    async fn tells(&self, id: &str, end: &str, heading: &str) {
        self.tells_by(&["explain", id], end, heading).await;
    }

    async fn tells_by(&self, arguments: &[&str], end: &str, heading: &str) {
        let told = eventually(heading, async || {
            let said = command(arguments, Some(&self.place.file)).await;
            said.out.contains(end).then_some(said.out)
        })
        .await;
        let shown = normalise(&documented(heading), SITE);
        assert_eq!(
            normalise(&told, &self.place.site.addr().to_string()),
            shown.trim_end(),
            "it really said:\n{told}"
        );
        let is_whole = |line: &str| line.trim_start().contains(' ');
        let long =
            told.lines().find(|line| line.chars().count() > 80 && !line.contains('`') && is_whole(line));
        assert_eq!(long, None, "a line is wider than a terminal");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_incident_that_arrived() {
    let stage = Stage::set().await;
    assert_eq!(stage.post(&triggered("Q1A2B3").body(&Clock::system())).await, 202);
    stage.tells("Q1A2B3", "Jira holds the last change", "It arrived").await;
    stage.tells_by(&["explain", "Q1A2B3", "--verbose"], "Jira holds version", "With every id").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_incident_that_changed_and_is_asked_for_by_whatever_people_know_of_it() {
    let stage = Stage::set().await;
    assert_eq!(stage.post(&triggered("Q1A2B3").titled("Checkout is down").body(&Clock::system())).await, 202);
    stage.confirmed().await;
    let escalated = triggered("Q1A2B3").titled("Checkout and search are down").body(&Clock::system());
    assert_eq!(stage.post(&escalated.replace("\"P2\"", "\"P1\"")).await, 202);
    stage.confirmed_with("P2 → P1").await;
    let resolved =
        triggered("Q1A2B3").titled("Checkout and search are down").resolved().body(&Clock::system());
    assert_eq!(stage.post(&resolved.replace("\"P2\"", "\"P1\"")).await, 202);
    stage.confirmed_with("open → resolved").await;
    for name in ["Q1A2B3", "pd:Q1A2B3", "7", "#7", "https://acme.pagerduty.com/incidents/Q1A2B3/"] {
        stage.tells(name, "Jira holds the last change", "It changed").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_incident_that_is_a_work_item_and_that_people_have_edited() {
    let stage = Stage::with_work_items().await;
    assert_eq!(stage.post(&triggered("Q1A2B3").titled("Checkout is down").body(&Clock::system())).await, 202);
    stage.confirmed().await;
    stage.place.site.board().edit("OPS-1", "summary", "Checkout: bad deployment".into());
    let escalated = triggered("Q1A2B3").titled("Checkout and search are down").of_priority("P1");
    assert_eq!(stage.post(&escalated.body(&Clock::system())).await, 202);
    stage.confirmed_with("P2 → P1").await;
    let resolved = triggered("Q1A2B3").titled("Checkout and search are down").of_priority("P1").resolved();
    assert_eq!(stage.post(&resolved.body(&Clock::system())).await, 202);
    stage.confirmed_with("open → resolved").await;
    stage.tells("Q1A2B3", "Jira holds the last change", "It is a work item").await;
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
