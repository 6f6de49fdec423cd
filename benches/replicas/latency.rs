//! From a webhook's 2xx at one process until Jira has received its content, whichever process delivers it.
//!
//! Jira answers at once. Says nothing about a load that keeps the processes busy.

use std::time::Duration;

use crate::arrivals::Arrivals;
use crate::config::webhook_source;
use crate::latencies::Latencies;
use crate::sender::Load;
use crate::stage::{ALL_ROLES, Stage, on_new_database};
use crate::table::Table;

const LOAD: Load = Load { per_second: 20, duration: Duration::from_secs(30), incidents: 1_000, first: 0 };

/// Webhooks go to the first process.
const PLACEMENTS: [(&str, &[&str]); 3] = [
    ("one process alone", &[ALL_ROLES]),
    ("to `web`, delivered by `sync`", &["web", "sync"]),
    ("to one of two with both roles", &[ALL_ROLES, ALL_ROLES]),
];

pub async fn measure(cluster: &str, quick: bool) {
    let load = if quick { Load { duration: Duration::from_secs(5), ..LOAD } } else { LOAD };
    let seconds = load.duration.as_secs();
    eprintln!("{} webhooks a second for {seconds} s, to one of the processes", load.per_second);
    let head = [
        "a webhook's 2xx to its content in Jira",
        "p50, ms",
        "p99, ms",
        "longest, ms",
        "delivered by another",
    ];
    let mut table = Table::new(&head);
    for (name, roles) in PLACEMENTS {
        let (latencies, by_another) =
            on_new_database(cluster, async |url: &str| run(url, roles, load).await).await;
        let of = |share| format!("{:.0}", latencies.quantile_ms(share));
        table.add(&[name, &of(0.5), &of(0.99), &of(1.0), &format!("{:.0} %", by_another * 100.0)]);
    }
    table.add(&["aim", "", "150", "", ""]);
    table.print();
}

async fn run(url: &str, roles: &[&str], load: Load) -> (Latencies, f64) {
    let stage = Stage::new(url, roles.len(), &webhook_source(""));
    let mut programs = Vec::new();
    for (nth, roles) in roles.iter().enumerate() {
        programs.push(stage.start(nth, roles).await);
    }
    stage.take_notes().await;
    stage.install().await;
    // Linking workspaces, and a first look at everything, are over by then.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let sent = load.post(stage.grounds.first().expect("a process").public).await;
    let arrivals = Arrivals::wait(&stage.jira, &load).await;
    (arrivals.latencies(&load, &sent), 1.0 - stage.share_of_answers(0).await)
}
