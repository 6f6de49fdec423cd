//! Kills the real program again and again under load, and counts what was lost.
//!
//! Run it with `cargo build --release && cargo run --release --example crash_test -- --rounds 100`. It exits
//! with 0 when Jira holds exactly what was acknowledged, and with 1 otherwise.

mod model;
mod story;

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::Parser as _;
use story::{Plan, Report, play};

#[derive(clap::Parser)]
struct Arguments {
    /// How often to kill
    #[arg(long, default_value_t = 100)]
    rounds: u32,
    /// The same seed gives the same load; where in the code a kill strikes varies
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Longest time between two kills
    #[arg(long, default_value_t = 2.0)]
    seconds_per_round: f64,
    /// The program to kill; by default the one built with the same profile as this test
    #[arg(long)]
    program: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let folder = tempfile::tempdir()?;
    let plan = Plan {
        program: arguments.program.clone().map_or_else(find_program, Ok)?,
        port: find_port()?,
        rounds: arguments.rounds,
        seed: arguments.seed,
        round: Duration::try_from_secs_f64(arguments.seconds_per_round)?,
    };
    let start = Instant::now();
    let report = play(plan, folder.path(), progress).await;
    if !report.as_ref().is_ok_and(Report::is_clean) {
        println!("database and log are kept in {}", folder.keep().display());
    }
    let report = report?;
    let (rounds, seed, seconds) = (arguments.rounds, arguments.seed, start.elapsed().as_secs());
    println!("rounds {rounds}, seed {seed}, {seconds} s\n{report}");
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// `target/release/examples/crash_test` is one folder below the program.
fn find_program() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.parent().and_then(|folder| folder.parent()).context("this program has no folder")?;
    let program = folder.join(format!("incident-bridge{}", std::env::consts::EXE_SUFFIX));
    if !program.exists() {
        let flag = if folder.ends_with("release") { " --release" } else { "" };
        bail!("{} does not exist: build it with `cargo build{flag}`", program.display());
    }
    Ok(program)
}

/// A port below those that the system assigns to clients, so that no client takes it between two starts.
fn find_port() -> anyhow::Result<u16> {
    let mut ports = 28_000..32_000;
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).context("no port is free")
}

fn progress(round: u32, report: &Report) {
    if round.is_multiple_of(10) {
        eprintln!("round {round}: {} webhooks, {} kills", report.webhooks, report.kills);
    }
}
