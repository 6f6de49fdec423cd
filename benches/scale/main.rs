//! What a start, an idle second, a new component and an installation cost in a large store, and how much memory it
//! takes. The program runs as a child process; `BRIDGE_BENCH_BINARY` names another one to compare with.
//!
//! `cargo bench --bench scale` measures every store; names after `--` select some: `incidents`, `sites`, `sources`,
//! `containers`. `--divide N` makes all of them smaller. Loopback only, bounded in time.

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
mod fill;
mod jira;
mod measure;
#[path = "../engine/table.rs"]
mod table;
#[expect(dead_code, reason = "other benchmarks need the rest")]
#[path = "../support/webhook.rs"]
mod webhook;

use fill::Size;
use table::{Table, count};

/// The stores, by name.
const STORES: [(&str, Size); 5] = [
    ("empty", Size { incidents: 0, sites: 1, sources: 0, containers: 0 }),
    ("incidents", Size { incidents: 1_000_000, sites: 1, sources: 0, containers: 0 }),
    ("sites", Size { incidents: 0, sites: 10_000, sources: 0, containers: 0 }),
    ("sources", Size { incidents: 0, sites: 1, sources: 10_000, containers: 0 }),
    ("containers", Size { incidents: 0, sites: 1, sources: 0, containers: 100_000 }),
];

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("measures nothing unless run by `cargo bench`");
        return;
    }
    let given = arguments.iter().position(|argument| argument == "--divide");
    let divisor = given.and_then(|at| arguments.get(at + 1)).map_or(1, |n| n.parse().expect("a number"));
    let is_named = |name: &str| arguments.iter().any(|argument| argument == name);
    let all = !STORES.iter().any(|(name, _)| is_named(name));
    let mut table = Table::new(&[
        "store",
        "size",
        "start, ms",
        "idle second, ms of CPU",
        "new component, ms of CPU",
        "`installed`, ms of CPU",
        "resident, MB",
        "peak, MB",
    ]);
    for (name, size) in STORES.into_iter().filter(|(name, _)| all || is_named(name)) {
        eprintln!("{name}");
        let size = size.divided_by(divisor);
        let found = measure::measure(size).await;
        let size = count(size.incidents.max(size.sites).max(size.sources).max(size.containers));
        let mut row = vec![name.to_owned(), size];
        row.extend(found.map(|figure| format!("{figure:.1}")));
        table.add(&row.iter().map(String::as_str).collect::<Vec<_>>());
    }
    table.print();
}
