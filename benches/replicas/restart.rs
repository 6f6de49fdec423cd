//! PostgreSQL restarts while webhooks arrive: how soon they are taken again.
//!
//! The time counts from the first session that the new server lets in, and until each process has answered a webhook with
//! 2xx. A shell command restarts it, so this needs a cluster that nobody else uses.

use std::time::{Duration, Instant};

use incident_bridge::clock::{Clock, Timestamp};
use sqlx::{Connection as _, PgConnection};
use tokio::process::Command;

use crate::config::webhook_source;
use crate::latencies::Latencies;
use crate::stage::{ALL_ROLES, Stage, on_new_database};
use crate::stream::Stream;
use crate::table::Table;

const TIMES: usize = 5;
const PROCESSES: usize = 2;
const PATIENCE: Duration = Duration::from_mins(2);

pub async fn measure(cluster: &str, command: &str, quick: bool) {
    let times = if quick { 2 } else { TIMES };
    eprintln!("PostgreSQL restarts {times} times under {PROCESSES} processes that take webhooks");
    let run = async |url: &str| run(url, command, times).await;
    let (after, without) = on_new_database(cluster, run).await;
    let mut table = Table::new(&["a restart of PostgreSQL", "aim, s", "median, s", "longest, s"]);
    for (name, aim, found) in [
        ("from its first session to a 2xx of each process", "5", after),
        ("longest time without any 2xx", "", without),
    ] {
        let of = |share| format!("{:.2}", found.quantile_ms(share) / 1_000.0);
        table.add(&[name, aim, &of(0.5), &of(1.0)]);
    }
    table.print();
}

/// For each restart the milliseconds until each process took webhooks again, and in which none was taken.
async fn run(url: &str, command: &str, times: usize) -> (Latencies, Latencies) {
    let stage = Stage::new(url, PROCESSES, &webhook_source(""));
    let _programs = [stage.start(0, ALL_ROLES).await, stage.start(1, ALL_ROLES).await];
    stage.install().await;
    let stream = Stream::start(stage.grounds.iter().map(|ground| ground.public).collect());
    let (mut after, mut without) = (Vec::new(), Vec::new());
    for _ in 0..times {
        tokio::time::sleep(Duration::from_secs(3)).await;
        let began = stream.answers().len();
        let back_at = restart(url, command).await;
        after.push(millis_between(back_at, wait_for_all(&stream, &stage, back_at).await));
        let answers = stream.answers();
        let since = answers.get(began.saturating_sub(1)..).unwrap_or_default();
        let gaps = since.iter().zip(since.iter().skip(1)).map(|(one, next)| millis_between(one.at, next.at));
        without.push(gaps.fold(0.0, f64::max));
    }
    (Latencies::new(after), Latencies::new(without))
}

/// Runs the command; returns when the new server let the first session in.
async fn restart(url: &str, command: &str) -> Timestamp {
    let before = started_at(url).await.expect("PostgreSQL");
    let mut shell = Command::new("/bin/sh");
    let mut shell = shell.arg("-c").arg(command).kill_on_drop(true).spawn().expect("a shell");
    let start = Instant::now();
    while started_at(url).await.is_none_or(|now| now == before) {
        let ended = shell.try_wait().expect("its end");
        assert!(ended.is_none_or(|ended| ended.success()), "the command fails");
        assert!(start.elapsed() < PATIENCE, "PostgreSQL does not come back");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let back_at = Clock::system().now();
    let ended = tokio::time::timeout(PATIENCE, shell.wait()).await.expect("it ends").expect("its end");
    assert!(ended.success(), "the command fails");
    back_at
}

/// When the server was started, if it lets us in.
async fn started_at(url: &str) -> Option<String> {
    let mut session = PgConnection::connect(url).await.ok()?;
    sqlx::query_scalar("SELECT pg_postmaster_start_time()::TEXT").fetch_one(&mut session).await.ok()
}

/// When each process had answered a webhook after `since`.
async fn wait_for_all(stream: &Stream, stage: &Stage, since: Timestamp) -> Timestamp {
    let start = Instant::now();
    loop {
        let answers = stream.answers();
        let first = |by| answers.iter().find(|answer| answer.by == by && answer.at > since);
        let firsts = stage.grounds.iter().map(|ground| first(ground.public).map(|answer| answer.at));
        if let Some(all) = firsts.collect::<Option<Vec<_>>>() {
            return all.into_iter().max().expect("a process");
        }
        assert!(start.elapsed() < PATIENCE, "webhooks are not taken again");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn millis_between(one: Timestamp, other: Timestamp) -> f64 {
    (other - one).as_seconds_f64() * 1_000.0
}
