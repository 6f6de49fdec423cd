//! Several real programs on one PostgreSQL database: how long a webhook at one takes until another has delivered it, how
//! soon another goes on when one is killed, what more of them bring, and how soon webhooks are taken again after
//! PostgreSQL was restarted.
//!
//! `cargo bench --bench replicas -- --postgres postgres://postgres@localhost/postgres` measures everything that it can;
//! names select some: `latency`, `failover`, `throughput`, `restart`. The last needs `--restart 'COMMAND'`, a shell command
//! that restarts PostgreSQL, and so needs a cluster that nobody else uses. `--json FILE` writes the throughput as a curve for
//! `benches/peers/run --curves FILE`. `--quick` measures less, to see whether it works. `BRIDGE_BENCH_BINARY` names another
//! program to measure.
//!
//! Loopback only, bounded in time; makes databases of its own and drops them. Programs, PostgreSQL, the simulated Jira and
//! this share the machine. Does not check that nothing is lost: the crash test does.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark that cannot go on has nobody to tell but the terminal"
)]

#[expect(dead_code, reason = "other benchmarks need the rest")]
#[path = "../engine/arrivals.rs"]
mod arrivals;
#[expect(dead_code, reason = "other benchmarks need the rest")]
#[path = "../support/bridge.rs"]
mod bridge;
#[path = "../support/client.rs"]
mod client;
#[path = "../support/config.rs"]
mod config;
#[path = "../support/curves.rs"]
mod curves;
#[path = "../../examples/crash_test/database.rs"]
mod database;
mod failover;
mod inbox;
#[path = "../support/latencies.rs"]
mod latencies;
mod latency;
mod restart;
#[path = "../engine/sender.rs"]
mod sender;
mod stage;
mod stream;
#[path = "../engine/table.rs"]
mod table;
mod throughput;
mod tool;
#[path = "../support/webhook.rs"]
mod webhook;

use std::path::Path;

const HOW: &str = "measures nothing unless run by
    cargo bench --bench replicas -- --postgres URL [--restart 'COMMAND'] [--json FILE] [--quick]
    [latency] [failover] [throughput] [restart]
URL is that of a superuser of a PostgreSQL cluster, COMMAND restarts it.";

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let named = |name: &str| arguments.iter().any(|argument| argument == name);
    let Some(cluster) = text(&arguments, "--postgres").filter(|_| named("--bench")) else {
        println!("{HOW}");
        return;
    };
    let all = !["latency", "failover", "throughput", "restart"].into_iter().any(named);
    let quick = named("--quick");
    if all || named("latency") {
        latency::measure(cluster, quick).await;
    }
    if all || named("failover") {
        failover::measure(cluster, quick).await;
    }
    if all || named("throughput") {
        let points = throughput::measure(cluster, quick).await;
        if let Some(file) = text(&arguments, "--json") {
            curves::write(Path::new(file), &points);
        }
    }
    match text(&arguments, "--restart") {
        Some(command) if all || named("restart") => restart::measure(cluster, command, quick).await,
        None if named("restart") => println!("{HOW}"),
        _ => {}
    }
}

/// What follows a flag.
fn text<'a>(arguments: &'a [String], flag: &str) -> Option<&'a str> {
    let at = arguments.iter().position(|argument| argument == flag)?;
    arguments.get(at + 1).map(String::as_str)
}
