//! How many webhooks a second one, two and four processes make of a full inbox, with one source and with several.
//!
//! A site is installed and served meanwhile. The time counts from when all processes answer, and so do the webhooks that are
//! left then. Of several processes on few cores no more can be expected than that they are not slower than one.

use std::time::Instant;

use futures::future::join_all;
use serde_json::{Value, json};

use crate::config::webhook_source_named;
use crate::inbox::{count_applied, count_new, fill, source_id, wait_until_empty};
use crate::stage::{Stage, on_new_database};
use crate::table::{Table, count};

const WEBHOOKS: usize = 10_000;
const ROUNDS: usize = 3;
const PROCESSES: [usize; 3] = [1, 2, 4];
const SOURCES: [usize; 2] = [1, 8];

/// What was found in one round.
struct Found {
    per_second: f64,
    applied: (i64, i64),
}

/// Returns the curves over the number of processes.
pub async fn measure(cluster: &str, quick: bool) -> Vec<Value> {
    let (webhooks, rounds) = if quick { (2_000, 1) } else { (WEBHOOKS, ROUNDS) };
    let head =
        ["inbox to effect", "webhooks per second, median", "least", "most", "÷ one", "aim", "applied, times"];
    let mut table = Table::new(&head);
    let mut points = vec![json!({}); PROCESSES.len() * rounds];
    for sources in SOURCES {
        eprintln!("{webhooks} webhooks through 1, 2 and 4 processes, sources: {sources}, rounds: {rounds}");
        let mut found: [Vec<Found>; 3] = Default::default();
        for _ in 0..rounds {
            for (processes, found) in PROCESSES.into_iter().zip(&mut found) {
                let run = async |url: &str| run(url, webhooks, sources, processes).await;
                found.push(on_new_database(cluster, run).await);
            }
        }
        let one = found.first().map(|rounds| speeds(rounds)[1]).expect("one process");
        let all = PROCESSES.into_iter().zip(&found);
        let all = all.flat_map(|(processes, found)| found.iter().enumerate().map(move |it| (processes, it)));
        for (point, (processes, (round, found))) in points.iter_mut().zip(all) {
            point["figure"] = "Cost over processes".into();
            point["case"] = format!("{processes} processes").into();
            point["peer"] = "new".into();
            point["round"] = round.into();
            point[format!("us_per_webhook_sources_{sources}")] = (1e6 / found.per_second).into();
        }
        for (processes, rounds) in PROCESSES.into_iter().zip(&found) {
            let [least, median, most] = speeds(rounds);
            let name = format!("sources: {sources}, processes: {processes}");
            let [middle, low, high] = [median, least, most].map(|speed| format!("{speed:.0}"));
            let ratio = format!("{:.2}", median / one);
            table.add(&[&name, &middle, &low, &high, &ratio, "≥ 1", &times(rounds)]);
        }
    }
    println!("{} webhooks each", count(webhooks));
    table.print();
    points
}

async fn run(url: &str, webhooks: usize, sources: usize, processes: usize) -> Found {
    let toml: String = (0..sources).map(|nth| webhook_source_named(&source_id(nth), "")).collect();
    let stage = Stage::new(url, processes, &toml);
    fill(&stage, webhooks, sources).await;
    let mut admin = stage.connect().await;
    let _programs = join_all((0..processes).map(|nth| stage.start(nth, "sync"))).await;
    let (left, start) = (count_new(&mut admin).await, Instant::now());
    wait_until_empty(&mut admin).await;
    let left = f64::from(u32::try_from(left).expect("few"));
    Found { per_second: left / start.elapsed().as_secs_f64(), applied: count_applied(&mut admin).await }
}

/// The least, the median and the most of some rounds.
fn speeds(rounds: &[Found]) -> [f64; 3] {
    let mut speeds: Vec<f64> = rounds.iter().map(|found| found.per_second).collect();
    speeds.sort_by(f64::total_cmp);
    let at = |place: usize| speeds.get(place).copied().expect("a round");
    [at(0), at(speeds.len() / 2), at(speeds.len() - 1)]
}

/// How often each webhook was applied, in all rounds.
fn times(rounds: &[Found]) -> String {
    let least = rounds.iter().map(|found| found.applied.0).min().expect("a round");
    let most = rounds.iter().map(|found| found.applied.1).max().expect("a round");
    if least == most { most.to_string() } else { format!("{least} to {most}") }
}
