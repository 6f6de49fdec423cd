//! A burst of webhooks against a slow Jira: how many writes it causes, and how late they are.

use std::time::Duration;

use crate::arrivals::Arrivals;
use crate::bridge::Ground;
use crate::config::webhook_source;
use crate::jira::{Asked, start_sites};
use crate::sender::Load;
use crate::table::{Table, count};

const LOAD: Load = Load { per_second: 500, duration: Duration::from_mins(1), incidents: 5000, first: 0 };

pub async fn measure() {
    eprintln!("{} webhooks a second for a minute", LOAD.per_second);
    let sites = start_sites(1);
    let jira = &sites[0];
    let ground = Ground::new(&[jira.url()], &jira.install_keys_url(), &webhook_source(""));
    let (bridge, _) = ground.start().await;
    jira.install(&ground.base_url()).await.expect("an installation");
    let sent = LOAD.post(ground.public).await;
    let arrivals = Arrivals::wait(jira, &LOAD).await;
    let latencies = arrivals.latencies(&LOAD, &sent);
    let (asked, writes) = (Asked::of(jira), arrivals.writes());

    let mut table = Table::new(&["500 webhooks per second for 60 s, 5,000 incidents", "aim", "measured"]);
    table.add(&["webhooks acknowledged", "", &count(sent.len())]);
    table.add(&["entities written", "fewer than webhooks", &count(writes)]);
    table.add(&["write requests", "fewer than webhooks", &count(asked.writes)]);
    table.add(&["webhooks per entity written", "", &ratio(sent.len(), writes)]);
    table.add(&["webhooks per write request", "", &ratio(sent.len(), asked.writes)]);
    table.add(&["read-backs meanwhile", "", &count(asked.reads)]);
    table.add(&["2xx to accepted, p50, ms", "", &format!("{:.0}", latencies.quantile_ms(0.5))]);
    table.add(&["2xx to accepted, p99, ms", "< 1,000", &format!("{:.0}", latencies.quantile_ms(0.99))]);
    table.add(&["2xx to accepted, longest, ms", "", &format!("{:.0}", latencies.quantile_ms(1.0))]);
    table.add(&["peak resident memory, MB", "", &format!("{:.1}", bridge.peak_mb())]);
    table.print();
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than a float can count")]
fn ratio(one: usize, other: usize) -> String {
    format!("{:.1}", one as f64 / other as f64)
}
