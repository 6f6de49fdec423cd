//! The whole program under load, as a child process: durable webhooks, verified calls, memory, start.
//!
//! Loopback only, bounded in time. Generator, simulated Jira and program share the machine, so the figures
//! are lower than on a machine that runs only the program.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark that cannot go on can only report to the terminal"
)]

mod actions;
#[expect(dead_code, reason = "other benchmarks need the rest")]
#[path = "../support/bridge.rs"]
mod bridge;
#[path = "../support/catalogue.rs"]
mod catalogue;
#[path = "../support/client.rs"]
mod client;
#[path = "../support/config.rs"]
mod config;
mod drive;
#[path = "../support/latencies.rs"]
mod latencies;
mod report;
#[path = "../support/webhook.rs"]
mod webhook;
mod webhooks;

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use incident_bridge::clock::Clock;
use incident_bridge::simulator::{Simulator, SimulatorOptions};

use actions::Actions;
use bridge::{Bridge, Ground};
use catalogue::{fill_catalogue, read_config};
use config::webhook_source;
use drive::Outcome;
use report::Report;
use webhooks::{Webhooks, syncs_per_second};

const ROUNDS: usize = 5;
const SYNC_TIME: Duration = Duration::from_secs(1);
const WEBHOOK_TIME: Duration = Duration::from_secs(4);
const ACTION_TIME: Duration = Duration::from_secs(2);
const STARTS: usize = 4;
const IDLE_TIME: Duration = Duration::from_secs(10);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("measures nothing unless run by `cargo bench`");
        return;
    }
    let mut report = Report::default();
    measure_start(&mut report).await;
    measure_idle(&mut report).await;
    measure_load(&mut report).await;
    report.print();
}

/// Nothing listens there; nothing is installed in these rounds.
const NO_JIRA: &str = "http://127.0.0.1:9";

fn ground(jira: &str, install_keys: &str) -> Ground {
    Ground::new(&[jira], install_keys, &webhook_source("workspaces = \"teams\""))
}

async fn measure_start(report: &mut Report) {
    for _ in 0..ROUNDS {
        let ground = ground(NO_JIRA, NO_JIRA);
        for start in 0..STARTS {
            let (_bridge, took) = ground.start().await;
            let name =
                if start == 0 { "first start, new database, ms" } else { "start to first /healthz, ms" };
            report.add(name, took.as_secs_f64() * 1e3);
        }
    }
}

async fn measure_idle(report: &mut Report) {
    let grounds: Vec<Ground> = (0..ROUNDS).map(|_| ground(NO_JIRA, NO_JIRA)).collect();
    let started = join_all(grounds.iter().map(Ground::start)).await;
    let bridges: Vec<Bridge> = started.into_iter().map(|(bridge, _)| bridge).collect();
    for bridge in &bridges {
        report.add("resident memory after start, MB", bridge.resident_mb());
    }
    tokio::time::sleep(IDLE_TIME).await;
    for bridge in &bridges {
        report.add("resident memory after 10 s idle, MB", bridge.resident_mb());
    }
}

async fn measure_load(report: &mut Report) {
    let listen = "127.0.0.1:0".parse().expect("an address");
    let jira = Simulator::start(Clock::system(), listen, SimulatorOptions::default()).expect("a site");
    let ground = ground(jira.url(), &jira.install_keys_url());
    fill_catalogue(&read_config(&ground.config)).await;
    let (bridge, _) = ground.start().await;
    let site = jira.install(&ground.base_url()).await.expect("an installation");

    let mut webhooks = Webhooks::new();
    for _ in 0..ROUNDS {
        let syncs = syncs_per_second(ground.folder(), SYNC_TIME);
        let outcome = webhooks.post(&ground, &bridge, WEBHOOK_TIME).await;
        report.add("syncs per second of the disk alone", syncs);
        report.add("durable webhooks per second", outcome.per_second);
        report.add("durable webhooks per sync of the disk", outcome.per_second / syncs);
        add_latencies(report, &outcome, ["webhook p50, ms", "webhook p99, ms", "webhook longest, ms"]);
        report.add("last webhook to all incidents in Jira, s", webhooks.arrive(&jira).await);
    }
    let fetch = Arc::new(Actions::fetch_workspaces(&ground, &site));
    let page = Arc::new(Actions::search_containers(&ground, &site, 50));
    let few = Arc::new(Actions::search_containers(&ground, &site, 10));
    for _ in 0..ROUNDS {
        let outcome = fetch.call(&ground, ACTION_TIME).await;
        report.add("workspaces/fetch calls per second", outcome.per_second);
        add_latencies(report, &outcome, ["fetch p50, ms", "fetch p99, ms", "fetch longest, ms"]);
        let outcome = few.call(&ground, ACTION_TIME).await;
        report.add("containers/search calls per second, 10 hits", outcome.per_second);
        add_latencies(report, &outcome, ["search p50, ms", "search p99, ms", "search longest, ms"]);
        let outcome = page.call(&ground, ACTION_TIME).await;
        report.add("containers/search calls per second, 50 hits", outcome.per_second);
    }
    report.add("resident memory after the load, MB", bridge.resident_mb());
    report.add("peak resident memory, MB", bridge.peak_mb());
    drop(bridge);
    jira.stop().await.expect("the site's end");
}

fn add_latencies(report: &mut Report, outcome: &Outcome, [half, most, all]: [&'static str; 3]) {
    report.add(half, outcome.latencies.quantile_ms(0.5));
    report.add(most, outcome.latencies.quantile_ms(0.99));
    report.add(all, outcome.latencies.quantile_ms(1.0));
}
