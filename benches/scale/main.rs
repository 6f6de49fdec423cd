//! What a start, an idle second, a new component and an installation cost in a large store, and how much memory it
//! takes. The program runs as a child process; `BRIDGE_BENCH_BINARY` names another one, and `--old BINARY` one that is
//! measured beside it.
//!
//! `cargo bench --bench scale` measures every store; names after `--` select some: `incidents`, `sites`, `sources`,
//! `containers`, `webhooks`. `--divide N` makes all of them smaller; given several times it measures each size, and
//! `--json FILE` writes them as curves for `benches/peers/run --curves FILE`. Loopback only, bounded in time.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark that cannot go on has nobody to tell but the terminal"
)]

#[expect(dead_code, reason = "other benchmarks need the rest")]
#[path = "../support/bridge.rs"]
mod bridge;
#[path = "../support/client.rs"]
mod client;
#[path = "../support/config.rs"]
mod config;
#[path = "../support/curves.rs"]
mod curves;
mod file;
mod fill;
mod jira;
mod measure;
mod point;
#[path = "../engine/table.rs"]
mod table;
#[path = "../support/webhook.rs"]
mod webhook;

use std::path::{Path, PathBuf};
use std::time::Duration;

use fill::Size;
use measure::{Cost, Figures};
use table::{Table, count};

/// The stores, by name.
const STORES: [(&str, Size); 5] = [
    ("empty", Size { incidents: 0, sites: 1, sources: 0, containers: 0 }),
    ("incidents", Size { incidents: 1_000_000, sites: 1, sources: 0, containers: 0 }),
    ("sites", Size { incidents: 0, sites: 10_000, sources: 0, containers: 0 }),
    ("sources", Size { incidents: 0, sites: 1, sources: 10_000, containers: 0 }),
    ("containers", Size { incidents: 0, sites: 1, sources: 0, containers: 100_000 }),
];

/// What names the measurement of the file.
const WEBHOOKS: &str = "webhooks";

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("measures nothing unless run by `cargo bench`");
        return;
    }
    let given = |flag: &'static str| {
        let places = arguments.iter().enumerate().filter(move |(_, argument)| *argument == flag);
        places.filter_map(|(at, _)| arguments.get(at + 1))
    };
    let mut divisors: Vec<usize> = given("--divide").map(|n| n.parse().expect("a number")).collect();
    divisors.resize(divisors.len().max(1), 1);
    let is_named = |name: &str| arguments.iter().any(|argument| argument == name);
    let old: Vec<_> = given("--old").map(PathBuf::from).collect();
    let programs: Vec<_> =
        [("new", None)].into_iter().chain(old.iter().map(|it| ("old", Some(it.as_path())))).collect();
    let all = !is_named(WEBHOOKS) && !STORES.iter().any(|(name, _)| is_named(name));
    let mut table = Table::new(&[
        "store",
        "program",
        "size",
        "start, ms",
        "idle second, ms of CPU",
        "new component, ms of CPU",
        "`installed`, ms of CPU",
        "resident, MB",
        "peak, MB",
    ]);
    let mut curves = Vec::new();
    for (name, size) in STORES.into_iter().filter(|(name, _)| all || is_named(name)) {
        for size in divisors.iter().map(|divisor| size.divided_by(*divisor)) {
            let entries = size.incidents.max(size.sites).max(size.sources).max(size.containers);
            for (version, program) in &programs {
                eprintln!("{entries} {name}, {version}");
                let found = measure::measure(size, *program).await;
                let mut row = vec![name.to_owned(), (*version).to_owned(), count(entries)];
                row.extend(cells(&found));
                table.add(&row.iter().map(String::as_str).collect::<Vec<_>>());
                curves.push(point::of(name, entries, version, &found));
            }
        }
    }
    table.print();
    if let Some(file) = given("--json").next() {
        curves::write(Path::new(file), &curves);
    }
    if all || is_named(WEBHOOKS) {
        let mut table = Table::new(&["program", "file for each live webhook, bytes"]);
        for (version, program) in &programs {
            table.add(&[version, &count(file::bytes_per_webhook(*program).await)]);
        }
        table.print();
    }
}

fn cells(found: &Figures) -> [String; 6] {
    let milliseconds = |time: Duration| format!("{:.1}", time.as_secs_f64() * 1_000.0);
    let cost = |cost: &Cost| {
        let more = if cost.is_more { "over " } else { "" };
        format!("{more}{}", milliseconds(cost.cpu))
    };
    [
        milliseconds(found.start),
        milliseconds(found.idle),
        cost(&found.component),
        found.installed.as_ref().map_or_else(|| "not measured".to_owned(), cost),
        format!("{:.1}", found.resident_mb),
        format!("{:.1}", found.peak_mb),
    ]
}
