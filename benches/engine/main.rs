//! The delivery engine as a whole: the program runs as a child process, the tool and Jira in this one.
//!
//! `cargo bench --bench engine` measures everything; names after `--` select some: `backfill`, `coalescing`, `fair`,
//! `neighbour` (with `--minutes N`), `strangers`. Loopback only, bounded in time.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark that cannot go on has nobody to tell but the terminal"
)]

mod arrivals;
mod attack;
mod backfill;
#[expect(dead_code, reason = "other benchmarks need the rest")]
#[path = "../support/bridge.rs"]
mod bridge;
#[path = "../support/client.rs"]
mod client;
mod coalescing;
#[path = "../support/config.rs"]
mod config;
mod fair;
mod jira;
#[path = "../support/latencies.rs"]
mod latencies;
mod neighbour;
mod sender;
mod strangers;
mod table;
mod tool;
#[path = "../support/webhook.rs"]
mod webhook;

use std::time::Duration;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("measures nothing unless run by `cargo bench`");
        return;
    }
    let figures = ["backfill", "coalescing", "fair", "neighbour", "strangers"];
    let named = |figure: &str| arguments.iter().any(|argument| argument == figure);
    let all = !figures.iter().any(|figure| named(figure));
    if all || named("backfill") {
        backfill::measure().await;
    }
    if all || named("coalescing") {
        coalescing::measure().await;
    }
    if all || named("fair") {
        fair::measure().await;
    }
    if all || named("neighbour") {
        neighbour::measure(minutes(&arguments)).await;
    }
    if all || named("strangers") {
        strangers::measure().await;
    }
}

/// How long the neighbour fails: one minute by default.
fn minutes(arguments: &[String]) -> Duration {
    let given = arguments.iter().position(|argument| argument == "--minutes");
    let given = given.and_then(|at| arguments.get(at + 1)).map(|text| text.parse().expect("a number"));
    Duration::from_mins(given.unwrap_or(1))
}
