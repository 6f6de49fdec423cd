//! The run of the program: it reads the incidents from the tool, and gets the changes as webhooks.

use std::time::{Duration, Instant};

use incident_bridge::clock::Clock;
use incident_bridge::simulator::Simulator;
use incident_bridge::simulator::platform::Issue;
use tokio::time::sleep_until;

use super::changes::{Change, Load};
use super::figures::{Figures, Seen, Times, Wrong, wait_for};
use super::{EMAIL, PROJECT, TOKEN, start_site};
use crate::bridge::Ground;
use crate::client::Connection;
use crate::config::WEBHOOK_SECRET;
use crate::tool;
use crate::webhook::{Event, Template};

const FIRST_LIMIT: Duration = Duration::from_hours(2);
const LAST_LIMIT: Duration = Duration::from_mins(10);

pub async fn run(load: &Load, pace: u32) -> Figures {
    let (tool, _account) = tool::start_open(load.incidents);
    let site = start_site();
    let tables = format!(
        "[[sources]]\nid = \"pd\"\ntype = \"pagerduty\"\napi_token = \"token\"\napi_url = \"http://{tool}\"\n\
         webhook_secrets = [\"{WEBHOOK_SECRET}\"]\n\
         [[jira_issues]]\nid = \"ops\"\nsite = \"{}\"\nproject = \"{PROJECT}\"\nissue_type = \"Incident\"\n\
         email = \"{EMAIL}\"\napi_token = \"{TOKEN}\"\nwrites_per_second = {pace}\n",
        site.url()
    );
    let ground = Ground::new(&[site.url()], &site.install_keys_url(), &tables);
    let start = Instant::now();
    let (_bridge, _) = ground.start().await;
    // The first sync waits for a person, who approves it at once.
    while site.board().issues().is_empty() {
        assert!(start.elapsed() < FIRST_LIMIT, "nothing is made");
        ground.command(&["destinations", "approve", "ops"]).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    wait_for(FIRST_LIMIT, || is_made(&site, load)).await.expect("all are made");
    let (made_in, made) = (start.elapsed(), Seen::of(&site));
    let start = Instant::now();
    post(&ground, load.changes(), load.per_second).await;
    let is_right = || Wrong::of(&site, load, identity).stale == 0;
    let shown_in = wait_for(LAST_LIMIT, is_right).await.map(|_| start.elapsed());
    Figures::new(*load, &site, identity, Times { made_in, shown_in }, made)
}

fn identity(issue: &Issue) -> Option<String> {
    Some(issue.properties.get("incident-bridge")?["id"].as_str()?.to_owned())
}

/// Each incident has its work item, with the link to it.
fn is_made(site: &Simulator, load: &Load) -> bool {
    let issues = site.board().issues();
    issues.len() >= load.incidents && issues.iter().all(|issue| !issue.remote_links.is_empty())
}

async fn post(ground: &Ground, changes: Vec<Change>, per_second: usize) {
    let template = Template::new(&ground.public.to_string());
    let mut connection = Connection::open(ground.public).await.expect("a connection");
    let gap = Duration::from_secs(1) / u32::try_from(per_second).expect("small");
    let start = Instant::now();
    for Change { number, incident, title, is_resolved } in changes {
        sleep_until((start + gap * u32::try_from(number).expect("not that many")).into()).await;
        let event = Event { number, at: Clock::system().now(), incident: &incident, title: &title };
        let status = if is_resolved { "resolved" } else { "triggered" };
        let request = template.request_with(&event, |incident| incident["status"] = status.into());
        let (status, body) = connection.call(&request).await.expect("an answer");
        assert_eq!(status, 202, "{}", String::from_utf8_lossy(body));
    }
}
