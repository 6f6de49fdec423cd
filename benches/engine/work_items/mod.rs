//! Work items of a Jira project within Jira's own limits: a first sync of many incidents, then changes at a steady rate;
//! beside a plain loop that searches and then creates.
//!
//! Both get the same incidents and changes, the same limits and the same search, which is ten seconds behind.

mod changes;
mod figures;
mod program;
mod search_loop;

use std::time::Duration;

use chrono::TimeDelta;
use incident_bridge::simulator::RunningSimulator;
use incident_bridge::simulator::platform::Account;

use crate::jira::start_sites;
use crate::table::Table;
use changes::Load;
use figures::Figures;

const EMAIL: &str = "bench@example.com";
const TOKEN: &str = "a-token";
const PROJECT: &str = "OPS";
/// How far the search is behind.
const LAG: TimeDelta = TimeDelta::seconds(10);

/// `quick` is a twentieth of it, to see whether it works; `pace` is `writes_per_second`.
pub async fn measure(quick: bool, pace: u32) {
    let load = if quick {
        Load { incidents: 500, per_second: 50, duration: Duration::from_secs(5) }
    } else {
        Load { incidents: 10_000, per_second: 50, duration: Duration::from_mins(1) }
    };
    eprintln!("{} work items by the bridge, at most {pace} writes a second", load.incidents);
    let bridge = program::run(&load, pace).await;
    eprintln!("{} work items by a loop that searches and then creates", load.incidents);
    let search_loop = search_loop::run(&load).await;
    print(&load, pace, &bridge, &search_loop);
}

/// A site with Jira's limits.
fn start_site() -> RunningSimulator {
    let site = start_sites(1).remove(0);
    let board = site.board();
    board.admit(Account::of_user(EMAIL, TOKEN));
    board.configure(|platform| {
        platform.limits.enabled = true;
        platform.index.lag = LAG;
    });
    site
}

fn print(load: &Load, pace: u32, bridge: &Figures, search_loop: &Figures) {
    let head = format!("{} work items, then {} changes a second", load.incidents, load.per_second);
    let name = format!("bridge, {pace} writes/s");
    let mut table = Table::new(&[&head, "aim", &name, "search, then create"]);
    for ((name, aim, ours), (_, _, theirs)) in bridge.rows().into_iter().zip(search_loop.rows()) {
        table.add(&[name, aim, &ours, &theirs]);
    }
    table.print();
}
