//! Kills the real program again and again under load, and counts what was lost.
//!
//! Run it with `cargo build --release && cargo run --release --example crash_test -- --rounds 100`. It exits
//! with 0 when Jira holds exactly what was acknowledged, and with 1 otherwise.
//!
//! With `--postgres postgres://USER@HOST/postgres` several programs share a database, which it creates and drops: one after
//! another is killed, stopped for longer than a lease, or cut off from the database with all others. `--restart COMMAND` is a
//! shell command that really restarts PostgreSQL in place of that; with `--old-program FILE` all programs begin in an older
//! version and are replaced one after another.
//!
//! With `--work-items` incidents become work items of a project, which people edit meanwhile, and whose search lags. The
//! search of an hour's lag then finds nothing for the whole run; with `--faketime LIBRARY` (libfaketime) and `--speed N` time
//! passes faster for the program and for Jira, so that such hours are over within the run;
//! bursts of mails are then counted and not judged.
//!
//! With `--facts` besides, it kills nothing: each round plays the same webhooks of a tool with memory through one
//! process and through several, and compares.

mod chaos;
mod database;
mod facts;
mod model;
mod program;
mod replica;
mod story;
mod traffic;
mod work_items;

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
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
    /// A superuser's URL of a PostgreSQL cluster
    #[arg(long)]
    postgres: Option<String>,
    /// Processes on one PostgreSQL database
    #[arg(long, default_value_t = 4)]
    processes: usize,
    /// A shell command that restarts this cluster; without it, its sessions end and new ones are refused for a moment
    #[arg(long, requires = "postgres", conflicts_with = "facts")]
    restart: Option<String>,
    /// An older version of the program, from which the processes are upgraded one by one
    #[arg(long, requires = "postgres", conflicts_with = "facts")]
    old_program: Option<PathBuf>,
    /// Compare what several processes make of the same webhooks with what one does
    #[arg(long, requires = "postgres")]
    facts: bool,
    /// Write work items instead of the Incidents page
    #[arg(long, conflicts_with = "postgres")]
    work_items: bool,
    /// `libfaketimeMT.so.1`, to let time pass faster
    #[arg(long, requires = "work_items")]
    faketime: Option<PathBuf>,
    /// How much faster, with `--faketime`
    #[arg(long, default_value_t = 20, requires = "faketime")]
    speed: u32,
    /// The program to kill; by default the one built with the same profile as this test
    #[arg(long)]
    program: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    if let Some(cluster) = arguments.postgres.as_ref().filter(|_| arguments.facts) {
        return compare_facts(cluster, &arguments).await;
    }
    let program = arguments.program.clone().map_or_else(find_program, Ok)?;
    if let Some(cluster) = &arguments.postgres {
        return play_chaos(program, cluster, &arguments).await;
    }
    if arguments.work_items {
        return play_work_items(program, arguments).await;
    }
    let folder = tempfile::tempdir()?;
    let plan = Plan {
        program,
        port: find_ports(1)?.first().copied().unwrap_or_default(),
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

/// Webhooks in a round of `--facts`.
const WEBHOOKS: usize = 360;

async fn compare_facts(cluster: &str, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let (first, rounds, processes) = (arguments.seed, u64::from(arguments.rounds), arguments.processes);
    let mut differing = 0;
    for seed in first..first.saturating_add(rounds) {
        let one = facts::play(cluster, seed, WEBHOOKS, 1).await?;
        let several = facts::play(cluster, seed, WEBHOOKS, processes).await?;
        if let Some(difference) = one.difference(&several) {
            differing += 1;
            println!("seed {seed} differs:\n{difference}");
        } else if seed.is_multiple_of(10) {
            eprintln!("seed {seed}: {} webhooks, {} entities", one.done, one.entities.len());
        }
    }
    println!(
        "{rounds} rounds with {processes} processes, {WEBHOOKS} webhooks each: {differing} differ from one process"
    );
    Ok(if differing == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn play_work_items(program: PathBuf, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let folder = tempfile::tempdir()?;
    let (rounds, seed) = (arguments.rounds, arguments.seed);
    let plan = work_items::Plan {
        program,
        port: find_ports(1)?.first().copied().unwrap_or_default(),
        rounds,
        seed,
        round: Duration::try_from_secs_f64(arguments.seconds_per_round)?,
        haste: arguments.faketime.map(|library| work_items::Haste { library, speed: arguments.speed }),
        brief: false,
    };
    let start = Instant::now();
    let report = work_items::play(plan, folder.path(), |round, report| {
        if round.is_multiple_of(10) {
            eprintln!("round {round}: {} webhooks, {} edits by people", report.posted.webhooks, report.edits);
        }
    });
    let report = report.await;
    if !report.as_ref().is_ok_and(work_items::report::Report::is_clean) {
        println!("database and log are kept in {}", folder.keep().display());
    }
    let report = report?;
    println!("work items, rounds {rounds}, seed {seed}, {} s\n{report}", start.elapsed().as_secs());
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn play_chaos(program: PathBuf, cluster: &str, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let folder = tempfile::tempdir()?;
    let plan = chaos::Plan {
        program,
        old_program: arguments.old_program.clone(),
        cluster: cluster.to_owned(),
        restart: arguments.restart.clone(),
        ports: find_ports(arguments.processes)?,
        rounds: arguments.rounds,
        seed: arguments.seed,
        round: Duration::try_from_secs_f64(arguments.seconds_per_round)?,
    };
    let report = chaos::play(plan, folder.path(), |round, report| {
        if round.is_multiple_of(10) {
            eprintln!("round {round}: {} webhooks", report.webhooks);
        }
    });
    let report = report.await?;
    if !report.is_clean() {
        println!("logs are kept in {}", folder.keep().display());
    }
    let (rounds, seed, processes) = (arguments.rounds, arguments.seed, arguments.processes);
    println!("rounds {rounds}, seed {seed}, {processes} programs on PostgreSQL\n{report}");
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

/// Ports below those that the system assigns to clients, so that no client takes one between two starts; others for each
/// process, so that two runs at once do not share one.
fn find_ports(count: usize) -> anyhow::Result<Vec<u16>> {
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let first = 28_000 + u16::try_from(std::process::id() % 400)? * 10;
    let ports: Vec<u16> = (first..32_000).chain(28_000..first).filter(is_free).take(count).collect();
    ensure!(ports.len() == count, "no port is free");
    Ok(ports)
}

fn progress(round: u32, report: &Report) {
    if round.is_multiple_of(10) {
        eprintln!("round {round}: {} webhooks, {} kills", report.posted.webhooks, report.kills);
    }
}
