//! The polled tool refuses, fails, forgets, and changes while it is read.

use std::fmt::Write as _;
use std::time::Duration;

use chrono::TimeDelta;
use incident_bridge::clock::Clock;
use sqlx::{ConnectOptions as _, Connection as _};
use wiremock::{MockServer, ResponseTemplate};

use crate::harness::pagerduty_account::{Account, resolve};
use crate::harness::place::{Place, command, read};
use crate::harness::program::{Program, eventually};

/// The running bridge, which polls several PagerDuty accounts every second.
struct Story {
    place: Place,
    accounts: Vec<Account>,
    bridge: Program,
    _servers: Vec<MockServer>,
}

impl Story {
    /// Every account has three incidents by then, and Jira has them too.
    async fn begin(accounts: usize) -> Self {
        let story = Self::set(accounts).await;
        for account in &story.accounts {
            account.open(3, Clock::system().now() - TimeDelta::minutes(5));
        }
        story.arrived("the first incidents").await;
        story
    }

    async fn set(accounts: usize) -> Self {
        Self::set_with(accounts, |_, _| ()).await
    }

    /// Every account is prepared before it is first polled.
    async fn set_with(accounts: usize, prepare: impl Fn(usize, &Account)) -> Self {
        let (mut sources, mut started) = (String::new(), Vec::new());
        for nth in 0..accounts {
            let (account, server) = Account::start().await;
            prepare(nth, &account);
            let _infallible = writeln!(
                sources,
                "[[sources]]\nid = \"pd{nth}\"\ntype = \"pagerduty\"\nwebhook_secrets = [\"unused\"]\n\
                 api_token = \"rest-token\"\napi_url = \"{}\"\npoll = \"* * * * * *\"\n",
                server.uri()
            );
            started.push((account, server));
        }
        let place = Place::with(&[], &sources);
        let bridge = place.serve().await;
        place.site.install(&place.base_url).await.expect("it installs");
        let (accounts, servers) = started.into_iter().unzip();
        Self { place, accounts, bridge, _servers: servers }
    }

    /// Every account opens an incident and resolves an old one.
    fn news(&self) {
        for account in &self.accounts {
            account.open(1, Clock::system().now() - TimeDelta::seconds(1));
            account.resolve(|nth| nth == 0);
        }
    }

    /// Jira shows exactly what one account holds.
    async fn polled(&self, nth: usize, what: &str) {
        let source = format!("pd{nth}");
        let equal = || self.accounts[nth].compare(&source, &self.place.site).is_empty();
        eventually(&format!("{source} after {what}"), async || equal().then_some(())).await;
    }

    /// Jira shows exactly what the accounts hold.
    async fn arrived(&self, what: &str) {
        for nth in 0..self.accounts.len() {
            self.polled(nth, what).await;
        }
        assert!(self.place.site.schema_violations().is_empty(), "{what}");
    }

    async fn told(&self, words: &str) {
        eventually(words, async || read(&self.place.log()).contains(words).then_some(())).await;
    }
}

/// Temporary failures.
fn passing() -> Vec<ResponseTemplate> {
    let answer = ResponseTemplate::new;
    let date =
        (Clock::system().now() + TimeDelta::seconds(2)).format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    vec![
        answer(429),
        answer(429).insert_header("Retry-After", "1"),
        answer(429).insert_header("Retry-After", date.as_str()),
        answer(429).insert_header("ratelimit-reset", "2"),
        answer(500),
        answer(502),
        answer(503),
        answer(503).insert_header("Retry-After", "1"),
        answer(408),
        answer(200).set_body_string("<html>Maintenance</html>"),
        answer(200).set_body_string("{\"incidents\": [{\"id\": \"Q0"),
        answer(200).set_body_string("{}"),
    ]
}

/// One account per failure; each fails at every kind of request that the bridge makes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_failure_of_a_polled_tool_that_passes_is_survived() {
    let fail = |path, nth, account: &Account| account.fail_next(path, passing().swap_remove(nth));
    let story = Story::set_with(passing().len(), |nth, account| fail("/services", nth, account)).await;
    story.news();
    story.arrived("/services").await;
    for path in ["/incidents", "/priorities", "/log_entries"] {
        for (nth, account) in story.accounts.iter().enumerate() {
            fail(path, nth, account);
        }
        story.news();
        for account in &story.accounts {
            eventually("every fault is met", async || (account.waiting_faults() == 0).then_some(())).await;
        }
        story.arrived(path).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_token_is_told_and_polling_goes_on_once_it_is_fixed() {
    let mut story = Story::begin(2).await;
    for account in &story.accounts {
        account.set_token("another");
    }
    story.news();
    story.told("PagerDuty refuses").await;
    story.told("`api_token`").await;
    for account in &story.accounts {
        account.set_token("rest-token");
    }
    // One recovers by polling at once, the other by a restart.
    let asked = command(&["sync", "--source", "pd0"], Some(&story.place.file)).await;
    assert!(!asked.out.contains("not read to its end"), "{asked:?}");
    story.bridge.kill();
    story.bridge = story.place.serve().await;
    story.arrived("a new token").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_missed_in_a_list_that_shrinks_while_it_is_read() {
    let story = Story::set(1).await;
    let account = &story.accounts[0];
    let yesterday = Clock::system().now() - TimeDelta::days(1);
    // Those of the first page move to another list, so that as many of the second move to a position already
    // read.
    account.between_pages("created_at:asc", |incidents| incidents.iter_mut().take(30).for_each(resolve));
    account.open(250, yesterday);
    eventually("two pages are read", async || (!account.waits_for_a_second_page()).then_some(())).await;
    story.arrived("a list that shrank").await;
    // The same for resolved ones, of which some are reopened.
    account.between_pages("resolved_at:desc", |incidents| {
        for incident in incidents.iter_mut().rev().take(30) {
            incident["status"] = "triggered".into();
            incident["updated_at"] = incident["resolved_at"].clone();
        }
    });
    account.resolve(|_| true);
    eventually("two pages are read", async || (!account.waits_for_a_second_page()).then_some(())).await;
    story.arrived("a list that shrank again").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_incidents_of_one_instant_than_a_page_holds_all_arrive() {
    let story = Story::set(1).await;
    story.accounts[0].open(230, Clock::system().now() - TimeDelta::hours(1));
    story.arrived("one instant").await;
    story.accounts[0].resolve(|_| true);
    story.arrived("their end").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_that_is_good_no_longer_makes_reading_start_over() {
    let mut story = Story::begin(1).await;
    story.bridge.kill();
    let file = story.place.folder.path().join("bridge.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file);
    let mut database = options.connect().await.expect("it opens");
    let spoilt = "UPDATE polls SET cursor = '{\"phase\":\"of an earlier release\"}'";
    assert_eq!(sqlx::query(spoilt).execute(&mut database).await.expect("it writes").rows_affected(), 1);
    database.close().await.expect("it closes");
    story.news();
    // Opened and resolved unnoticed, weeks ago.
    story.accounts[0].open(1, Clock::system().now() - TimeDelta::days(60));
    story.accounts[0].resolve(|nth| nth == 4);
    story.bridge = story.place.serve().await;
    story.told("starts over").await;
    story.arrived("a cursor of an earlier release").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_while_a_tool_is_read_makes_the_next_start_read_on() {
    let mut story = Story::begin(1).await;
    for path in ["/incidents", "/priorities", "/log_entries"] {
        story.accounts[0].fail_next(path, ResponseTemplate::new(500).set_delay(Duration::from_mins(1)));
        story.news();
        let asked = || story.accounts[0].waiting_faults() == 0;
        eventually("it is asked", async || asked().then_some(())).await;
        story.bridge.kill();
        story.bridge = story.place.serve().await;
        story.arrived(path).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_source_is_asked_nothing_until_it_is_resumed() {
    let story = Story::begin(2).await;
    let ask = async |what: &str| {
        let said = command(&["sync", what, "pd0"], Some(&story.place.file)).await;
        assert_eq!(said.code, Some(0), "{said:?}");
    };
    ask("--pause").await;
    // The round in progress ends before this one does.
    for _ in 0..2 {
        story.accounts[1].open(1, Clock::system().now());
        story.polled(1, "another round").await;
    }
    story.news();
    story.polled(1, "the news of the other").await;
    assert_eq!(story.accounts[0].compare("pd0", &story.place.site).len(), 2);
    let listed = command(&["sync", "--source", "pd0"], Some(&story.place.file)).await;
    assert!(listed.out.contains("pd0: it is paused"), "{listed:?}");
    ask("--resume").await;
    story.arrived("the pause").await;
}
