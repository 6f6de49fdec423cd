//! What a script does, and what Alertmanager's and other receivers do: for each change it searches for the label of the
//! incident, creates a work item if none is found, and else edits it and moves it.
//!
//! As good as such a loop can be without a memory of its own: several workers, an incident always with the same one, and each
//! waits as long as Jira asks for.

use std::time::{Duration, Instant};

use incident_bridge::simulator::platform::Issue;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use super::changes::{Change, Load};
use super::figures::{Figures, Seen, Times};
use super::{EMAIL, PROJECT, TOKEN, start_site};
use crate::sender::incident_id;
use crate::tool::Account;

const WORKERS: usize = 16;
const LABEL: &str = "incident-";

pub async fn run(load: &Load) -> Figures {
    let site = start_site();
    let begin = Instant::now();
    let first = (0..load.incidents).map(|number| Change {
        number,
        incident: incident_id(number),
        title: Account::title(number),
        is_resolved: false,
    });
    work(site.url(), first.collect(), None).await;
    let (made_in, made) = (begin.elapsed(), Seen::of(&site));
    let begin = Instant::now();
    work(site.url(), load.changes(), Some(load.per_second)).await;
    let times = Times { made_in, shown_in: Some(begin.elapsed()) };
    Figures::new(*load, &site, identity, times, made)
}

fn identity(issue: &Issue) -> Option<String> {
    issue.labels().into_iter().find_map(|label| label.strip_prefix(LABEL).map(str::to_owned))
}

/// Gives the changes to the workers, at that rate or all at once, and waits until everything is done.
async fn work(url: &str, changes: Vec<Change>, per_second: Option<usize>) {
    let (mut senders, mut workers) = (Vec::new(), JoinSet::new());
    for _ in 0..WORKERS {
        let (sender, receiver) = unbounded_channel();
        senders.push(sender);
        workers.spawn(Worker { url: url.to_owned(), http: reqwest::Client::new() }.follow(receiver));
    }
    hand_out(senders, changes, per_second).await;
    workers.join_all().await;
}

async fn hand_out(senders: Vec<UnboundedSender<Change>>, changes: Vec<Change>, per_second: Option<usize>) {
    let start = Instant::now();
    for change in changes {
        if let Some(rate) = per_second {
            let nth = u32::try_from(change.number).expect("not that many");
            sleep_until((start + Duration::from_secs(1) * nth / u32::try_from(rate).expect("small")).into())
                .await;
        }
        let digits = change.incident.trim_start_matches(|c: char| !c.is_ascii_digit());
        let nth = digits.parse::<usize>().expect("a number") % WORKERS;
        senders[nth].send(change).expect("the worker listens");
    }
}

struct Worker {
    url: String,
    http: reqwest::Client,
}

impl Worker {
    async fn follow(self, mut changes: UnboundedReceiver<Change>) {
        while let Some(change) = changes.recv().await {
            let label = format!("{LABEL}{}", change.incident);
            let jql = format!("project = \"{PROJECT}\" AND labels = \"{}\"", label.to_lowercase());
            let query = json!({ "jql": jql, "maxResults": 1, "fields": ["status"] });
            let found = self.call(Method::POST, "search/jql", Some(&query)).await;
            match found["issues"].get(0) {
                None => self.create(&change, &label).await,
                Some(issue) => self.update(&change, issue).await,
            }
        }
    }

    async fn create(&self, change: &Change, label: &str) {
        let body = json!({ "fields": {
            "project": { "key": PROJECT }, "issuetype": { "name": "Incident" },
            "summary": change.title, "labels": [label],
        }});
        let made = self.call(Method::POST, "issue", Some(&body)).await;
        if change.is_resolved {
            self.follow_status(change, made["id"].as_str().expect("an id")).await;
        }
    }

    async fn update(&self, change: &Change, issue: &Value) {
        let id = issue["id"].as_str().expect("an id");
        let body = json!({ "fields": { "summary": change.title } });
        self.call(Method::PUT, &format!("issue/{id}"), Some(&body)).await;
        let is_done = issue["fields"]["status"]["statusCategory"]["key"] == "done";
        if is_done != change.is_resolved {
            self.follow_status(change, id).await;
        }
    }

    async fn follow_status(&self, change: &Change, id: &str) {
        let path = format!("issue/{id}/transitions");
        let offered = self.call(Method::GET, &path, None).await;
        let wanted = if change.is_resolved { "done" } else { "new" };
        let mut ways = offered["transitions"].as_array().into_iter().flatten();
        let way = ways.find(|way| way["to"]["statusCategory"]["key"] == wanted).expect("a way");
        self.call(Method::POST, &path, Some(&json!({ "transition": { "id": way["id"] } }))).await;
    }

    /// One call, repeated after a 429 as late as Jira asks for.
    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Value {
        loop {
            let url = format!("{}/rest/api/3/{path}", self.url);
            let mut request = self.http.request(method.clone(), url).basic_auth(EMAIL, Some(TOKEN));
            if let Some(body) = body {
                request = request.header("Content-Type", "application/json").body(body.to_string());
            }
            let answer = request.send().await.expect("an answer");
            if answer.status() == 429 {
                let seconds =
                    answer.headers()["Retry-After"].to_str().expect("text").parse().expect("seconds");
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                continue;
            }
            assert!(answer.status().is_success(), "{path}: {}", answer.status());
            let text = answer.bytes().await.expect("a body");
            return serde_json::from_slice(&text).unwrap_or_default();
        }
    }
}
