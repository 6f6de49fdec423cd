//! The delivery engine as a whole: the program runs as a child process, the tool and Jira in this one.
//!
//! `cargo bench --bench engine` measures everything but `work-items`; names after `--` select some: `backfill`, `coalescing`,
//! `fair`, `neighbour` (with `--minutes N`), `strangers`, `work-items` (with `--pace N` and `--quick`). Loopback only, bounded in time.

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
mod work_items;

use std::time::Duration;

/// `writes_per_second` that Jira's own limits allow.
const FASTEST: u32 = 100;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("measures nothing unless run by `cargo bench`");
        return;
    }
    let figures = ["backfill", "coalescing", "fair", "neighbour", "strangers", "work-items"];
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
        let minutes = number(&arguments, "--minutes").unwrap_or(1);
        neighbour::measure(Duration::from_mins(minutes.into())).await;
    }
    if all || named("strangers") {
        strangers::measure().await;
    }
    // By its name only: how long it takes follows from Jira's limits, not from the machine.
    if named("work-items") {
        let pace = number(&arguments, "--pace").unwrap_or(FASTEST);
        work_items::measure(named("--quick"), pace).await;
    }
}

/// The number after a flag.
fn number(arguments: &[String], flag: &str) -> Option<u32> {
    let text = arguments.get(arguments.iter().position(|argument| argument == flag)? + 1)?;
    Some(text.parse().expect("a number"))
}
