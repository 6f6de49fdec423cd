//! One tenant's flood beside a hundred quiet sources: how long the quiet ones' webhooks take from their 2xx until Jira
//! has accepted their content, alone and beside the flood.
//!
//! A site gets one request after the other, and each request is about one source. With answers after 50 ms that is at
//! most twenty sources a second, so the quiet ones change half as often: more would measure a queue, and not a neighbour.

use std::net::SocketAddr;
use std::ops::Range;
use std::time::{Duration, Instant};

use incident_bridge::clock::{Clock, Timestamp};
use incident_bridge::simulator::{EntityKind, Simulator};

use crate::bridge::Ground;
use crate::client::Connection;
use crate::config::{webhook_source, webhook_source_named};
use crate::jira::start_sites;
use crate::latencies::Latencies;
use crate::sender::{Load, event_time, incident_id};
use crate::table::Table;
use crate::webhook::{Event, Template};

const QUIET: usize = 100;
/// Webhooks of all quiet sources together, and the pause between two.
const WEBHOOKS: usize = 500;
const PAUSE: Duration = Duration::from_millis(100);
const ARRIVAL_LIMIT: Duration = Duration::from_mins(2);

/// A webhook of a quiet source, by the id of its incident in Jira.
struct Sent {
    entity: String,
    answered_at: Timestamp,
}

pub async fn measure() {
    eprintln!("{QUIET} quiet sources, alone and beside one with 1,000 webhooks a second");
    let sites = start_sites(1);
    let jira = &sites[0];
    let quiet: String = (0..QUIET).map(|n| webhook_source_named(&name(n), "")).collect();
    let sources = format!("{}{quiet}", webhook_source(""));
    let ground = Ground::new(&[jira.url()], &jira.install_keys_url(), &sources);
    let (_bridge, _) = ground.start().await;
    jira.install(&ground.base_url()).await.expect("an installation");
    // The first of each source, which wait for its components.
    let first = arrive(jira, post(ground.public, 0..QUIET).await).await;
    let alone = arrive(jira, post(ground.public, QUIET..QUIET + WEBHOOKS).await).await;
    let duration = PAUSE * u32::try_from(WEBHOOKS).expect("few") + Duration::from_secs(2);
    let flood = Load { per_second: 1_000, duration, incidents: 1_000, first: 0 };
    let flooding = tokio::spawn(flood.post(ground.public));
    let beside = arrive(jira, post(ground.public, QUIET + WEBHOOKS..QUIET + 2 * WEBHOOKS).await).await;
    flooding.await.expect("the flood is answered");
    print(&first, &alone, &beside);
}

fn name(quiet: usize) -> String {
    format!("quiet{quiet:03}")
}

/// Posts one webhook after another, each to the next source and about a new incident.
async fn post(bridge: SocketAddr, numbers: Range<usize>) -> Vec<Sent> {
    let templates: Vec<_> = (0..QUIET).map(|n| Template::named(&bridge.to_string(), &name(n))).collect();
    let mut connection = Connection::open(bridge).await.expect("a connection");
    let (start, mut sent) = (Instant::now(), Vec::new());
    for number in numbers.clone() {
        let due = start + PAUSE * u32::try_from(number - numbers.start).expect("few");
        tokio::time::sleep_until(due.into()).await;
        let incident = incident_id(number);
        let event = Event { number, at: event_time(number), incident: &incident, title: "Checkout is slow" };
        let request = templates[number % QUIET].request(&event);
        let (status, _) = connection.call(&request).await.expect("an answer");
        assert_eq!(status, 202);
        let entity = format!("{}:{incident}", name(number % QUIET));
        sent.push(Sent { entity, answered_at: Clock::system().now() });
    }
    sent
}

async fn arrive(jira: &Simulator, sent: Vec<Sent>) -> Latencies {
    let (start, mut latencies) = (Instant::now(), Vec::new());
    for Sent { entity, answered_at } in sent {
        let arrived = loop {
            if let Some(first) = jira.submissions(EntityKind::Incident, &entity).first() {
                break first.at;
            }
            assert!(start.elapsed() < ARRIVAL_LIMIT, "Jira does not get to know {entity}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        latencies.push((arrived - answered_at).as_seconds_f64() * 1e3);
    }
    Latencies::new(latencies)
}

fn print(first: &Latencies, alone: &Latencies, beside: &Latencies) {
    let mut table = Table::new(&[
        "a quiet source's 2xx to accepted",
        "aim",
        "its first, right after the installation",
        "alone",
        "beside a flood",
        "ratio",
    ]);
    for (name, aim, share) in
        [("p50, ms", "", 0.5), ("p99, ms", "at most 1.5", 0.99), ("longest, ms", "", 1.0)]
    {
        let [first, one, other] = [first, alone, beside].map(|latencies| latencies.quantile_ms(share));
        let cells = [first, one, other].map(|ms| format!("{ms:.0}"));
        let ratio = format!("{:.2}", other / one);
        table.add(&[name, aim, &cells[0], &cells[1], &cells[2], &ratio]);
    }
    table.print();
}
