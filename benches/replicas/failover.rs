//! The process that serves a site, or polls a source, is killed while it does so: how long until another one does.
//!
//! Jira and the tool answer slowly, so that there always is a process that waits for them under a lease. The time counts from
//! the end of the killed process to the arrival of the next request, which can only be the other's.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use incident_bridge::clock::{Clock, Timestamp};

use crate::bridge::Bridge;
use crate::config::webhook_source;
use crate::latencies::Latencies;
use crate::stage::{ALL_ROLES, Stage, on_new_database};
use crate::stream::Stream;
use crate::table::Table;
use crate::tool::Tool;

const TIMES: usize = 10;
const JIRA_TAKES: Duration = Duration::from_millis(300);
const TOOL_TAKES: Duration = Duration::from_secs(1);
const POLLED_EVERY: &str = "5s";
const PATIENCE: Duration = Duration::from_mins(3);

pub async fn measure(cluster: &str, quick: bool) {
    let times = if quick { 2 } else { TIMES };
    eprintln!("a process is killed {times} times while it serves a site, and {times} times while it polls");
    let site = on_new_database(cluster, async |url: &str| kill_servers(url, times).await).await;
    let poll = on_new_database(cluster, async |url: &str| kill_pollers(url, times).await).await;
    let mut table =
        Table::new(&["from a kill to the next request", "aim, s", "least, s", "median, s", "longest, s"]);
    let polled = format!("to a tool that is polled every {POLLED_EVERY}");
    for (name, found) in [("to Jira", site), (&polled, poll)] {
        let of = |share| format!("{:.1}", found.quantile_ms(share) / 1_000.0);
        table.add(&[name, "10", &of(0.0), &of(0.5), &of(1.0)]);
    }
    table.print();
}

async fn kill_servers(url: &str, times: usize) -> Latencies {
    let stage = Stage::new(url, 2, &webhook_source(""));
    let mut pair = Pair::start(&stage).await;
    stage.install().await;
    stage.jira.set_answer_delay(JIRA_TAKES);
    let addresses: Vec<_> = stage.grounds.iter().map(|ground| ground.public).collect();
    let stream = Stream::start(addresses.clone());
    let turn = |dead: Option<usize>| {
        let alive = addresses.iter().enumerate().filter(|(nth, _)| Some(*nth) != dead);
        stream.turn_to(alive.map(|(_, address)| *address).collect());
    };
    // Jira's log has the times of its answers.
    let delay = TimeDelta::from_std(JIRA_TAKES).expect("short");
    let next = |since: Timestamp| {
        let log = stage.jira.requests();
        let writes = log.iter().filter(|asked| asked.method == "POST" && asked.path.starts_with("/rest/"));
        writes.map(|asked| asked.at - delay).find(|at| *at > since)
    };
    pair.kill("site/%", times, turn, next).await
}

async fn kill_pollers(url: &str, times: usize) -> Latencies {
    let tool = Tool::start(TOOL_TAKES);
    let source = format!(
        "[[sources]]\nid = \"am\"\ntype = \"alertmanager\"\napi_url = \"http://{}\"\npoll_interval = \"{POLLED_EVERY}\"\n",
        tool.address
    );
    let stage = Stage::new(url, 2, &source);
    let mut pair = Pair::start(&stage).await;
    pair.kill("poll/%", times, |_| (), |since| tool.first_request(since)).await
}

/// Two processes, of which one is dead now and then.
struct Pair<'a> {
    stage: &'a Stage,
    programs: [Option<Bridge>; 2],
}

impl<'a> Pair<'a> {
    async fn start(stage: &'a Stage) -> Self {
        let programs = [Some(stage.start(0, ALL_ROLES).await), Some(stage.start(1, ALL_ROLES).await)];
        stage.take_notes().await;
        Self { stage, programs }
    }

    /// Kills the holder of the lease again and again, and starts it again each time. `turn` is told which process is about
    /// to die; `next` finds the first request after an instant.
    async fn kill(
        &mut self,
        lease: &str,
        times: usize,
        turn: impl Fn(Option<usize>),
        next: impl Fn(Timestamp) -> Option<Timestamp>,
    ) -> Latencies {
        let (mut took, start) = (Vec::new(), Instant::now());
        while took.len() < times {
            assert!(start.elapsed() < PATIENCE * u32::try_from(times).expect("few"), "it takes too long");
            // At another moment between two renewals each time.
            tokio::time::sleep(Duration::from_millis(2_000 + 300 * took.len() as u64)).await;
            let nth = self.stage.wait_for_holder(lease).await;
            turn(Some(nth));
            let program = self.programs.get_mut(nth).expect("one of two");
            drop(program.take());
            let (killed_at, waits) = (Clock::system().now(), Instant::now());
            // One that gave the lease back just before it died proves nothing.
            let held = self.stage.is_holder(nth, lease).await;
            let next_at = loop {
                if let Some(at) = next(killed_at) {
                    break at;
                }
                assert!(waits.elapsed() < PATIENCE, "nobody goes on");
                tokio::time::sleep(Duration::from_millis(20)).await;
            };
            if held {
                took.push((next_at - killed_at).as_seconds_f64() * 1_000.0);
            }
            *program = Some(self.stage.start(nth, ALL_ROLES).await);
            turn(None);
        }
        Latencies::new(took)
    }
}
