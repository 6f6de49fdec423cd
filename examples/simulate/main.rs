//! Plays seeds of the deterministic simulation and says which break a rule.
//!
//! `cargo run --release --example simulate -- --seeds 10000` plays many; `--seed N` plays one and prints its
//! trace. It exits with 1 when a rule was broken.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a world that cannot be set up ends the program"
)]

mod adapter;
mod database;
mod ending;
mod jira;
mod lifecycle;
mod process;
mod run;
mod story;
mod tool;
mod virtual_site;
mod world;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser as _;
use run::{Totals, play_many, play_one};
use story::Plan;
use world::Sabotage;

#[derive(clap::Parser)]
struct Arguments {
    /// How many seeds to play
    #[arg(long, default_value_t = 10_000)]
    seeds: u64,
    /// The first of them
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Plays only this seed, and prints its trace
    #[arg(long)]
    seed: Option<u64>,
    /// Breaks one rule on purpose, with `--seed`
    #[arg(long, value_enum, default_value_t = Sabotage::None)]
    sabotage: Sabotage,
    /// Threads; each plays one seed at a time
    #[arg(long, default_value_t = 2)]
    threads: u64,
    /// Begins no further seed after this many seconds
    #[arg(long, default_value_t = 86_400)]
    seconds: u64,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    if let Some(seed) = arguments.seed {
        let outcome = play_one(Plan { seed, keep_trace: true, sabotage: arguments.sabotage })?;
        outcome.trace.iter().for_each(|line| println!("{line}"));
        println!(
            "seed {seed}: {}, trace {:016x}",
            outcome.broken.as_deref().unwrap_or("holds"),
            outcome.trace_hash
        );
        return Ok(if outcome.broken.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let start = Instant::now();
    let limit = Duration::from_secs(arguments.seconds);
    let seeds = arguments.from..arguments.from.saturating_add(arguments.seeds);
    let Totals { seeds, broken, requests, crashes, webhooks } = play_many(seeds, arguments.threads, limit)?;
    for (seed, why) in &broken {
        println!("seed {seed} breaks a rule: {why}");
        println!("  replay it: cargo run --release --example simulate -- --seed {seed}");
    }
    println!(
        "{seeds} seeds in {} s: {} broken; {webhooks} webhooks acknowledged, {requests} requests to Jira, {crashes} crashes",
        start.elapsed().as_secs(),
        broken.len()
    );
    Ok(if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
