//! Two sites, one of which answers "too many requests" to everything: whether this affects the other one.

use std::time::Duration;

use incident_bridge::simulator::{Fault, Simulator};

use crate::arrivals::Arrivals;
use crate::bridge::Ground;
use crate::config::webhook_source;
use crate::jira::{Asked, start_sites};
use crate::latencies::Latencies;
use crate::sender::Load;
use crate::table::Table;

const QUIET: Load = Load { per_second: 100, duration: Duration::from_mins(1), incidents: 1000, first: 0 };

pub async fn measure(failing_for: Duration) {
    eprintln!("a site beside one that fails, a minute without and {} s with it", failing_for.as_secs());
    let sites = start_sites(2);
    let (good, bad) = (&sites[0], &sites[1]);
    let ground = Ground::new(&[good.url(), bad.url()], &good.install_keys_url(), &webhook_source(""));
    let (_bridge, _) = ground.start().await;
    for site in &sites {
        site.install(&ground.base_url()).await.expect("an installation");
    }
    let without = run(QUIET, &ground, good).await;
    // No `Retry-After`, as when an edge gateway refuses requests.
    bad.fail_next(Fault::rate_limited("jira-burst-based", None).times(u32::MAX));
    let before = Asked::of(bad).all;
    let load = Load { first: QUIET.end(), duration: failing_for, ..QUIET };
    let with = run(load, &ground, good).await;
    let asked = Asked::of(bad).all - before;
    bad.clear_faults();
    // What waited there arrives once the failure is over.
    Arrivals::wait(bad, &load).await;
    print(&without, &with, failing_for, asked);
}

async fn run(load: Load, ground: &Ground, jira: &Simulator) -> Latencies {
    let sent = load.post(ground.public).await;
    let arrivals = Arrivals::wait(jira, &load).await;
    arrivals.latencies(&load, &sent)
}

fn print(without: &Latencies, with: &Latencies, failing_for: Duration, asked: usize) {
    let minutes = format!("beside 429 for {} min", failing_for.as_secs() / 60);
    let mut table = Table::new(&["a site's 2xx to accepted", "aim", "both healthy", &minutes, "ratio"]);
    for (name, aim, share) in [("p50, ms", "", 0.5), ("p99, ms", "about 1", 0.99), ("longest, ms", "", 1.0)] {
        let (one, other) = (without.quantile_ms(share), with.quantile_ms(share));
        let ratio = format!("{:.2}", other / one);
        table.add(&[name, aim, &format!("{one:.0}"), &format!("{other:.0}"), &ratio]);
    }
    table.add(&["requests to the failing site", "", "", &asked.to_string(), ""]);
    table.print();
}
