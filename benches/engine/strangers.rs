//! Genuine webhooks and the operator's probe while strangers attack the real program, which may open 1,024
//! files.
//!
//! Loopback only, and each attack is bounded in count and time. Strangers, genuine sender and program share
//! the machine.

use std::time::{Duration, Instant};

use incident_bridge::clock::Clock;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::attack::{Attack, Strangers};
use crate::bridge::{Bridge, Ground};
use crate::client::Connection;
use crate::config::webhook_source;
use crate::latencies::Latencies;
use crate::table::{Table, count};
use crate::webhook::{Event, Template};

const NO_JIRA: &str = "http://127.0.0.1:9";
const TIME: Duration = Duration::from_secs(15);
/// Between two genuine webhooks, each on a connection of its own.
const PAUSE: Duration = Duration::from_millis(25);
const PATIENCE: Duration = Duration::from_secs(5);

/// What one attack did to the others.
struct Figures {
    webhooks: Latencies,
    probes: Latencies,
    failed: usize,
    peak_mb: f64,
}

pub async fn measure() {
    eprintln!("genuine webhooks beside {} attacks, {} s each", Attack::ALL.len(), TIME.as_secs());
    // Strangers need files, too.
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).expect("enough files");
    let head = ["beside", "strangers", "p50, ms", "p99, ms", "longest, ms", "not answered"];
    let mut table = Table::new(&[head.as_slice(), &["/healthz longest, ms", "peak memory, MB"]].concat());
    add(&mut table, "nobody", 0, &stand(None).await);
    for attack in Attack::ALL {
        add(&mut table, &format!("{attack:?}"), attack.strangers(), &stand(Some(attack)).await);
    }
    table.print();
}

fn add(table: &mut Table, name: &str, strangers: usize, figures: &Figures) {
    let Figures { webhooks, probes, failed, peak_mb } = figures;
    let of = |all: &Latencies, share| format!("{:.1}", all.quantile_ms(share));
    let row = [
        name.to_owned(),
        count(strangers),
        of(webhooks, 0.5),
        of(webhooks, 0.99),
        of(webhooks, 1.0),
        count(*failed),
        of(probes, 1.0),
        format!("{peak_mb:.1}"),
    ];
    table.add(&row.each_ref().map(String::as_str));
}

async fn stand(attack: Option<Attack>) -> Figures {
    let sources = format!(
        "{}\n[[sources]]\nid = \"am\"\ntype = \"alertmanager\"\nwebhook_token = \"a token of Alertmanager\"\n",
        webhook_source("")
    );
    let ground = Ground::new(&[NO_JIRA], NO_JIRA, &sources);
    let (bridge, _) = ground.start_under("ulimit -n 1024").await;
    let strangers = match attack {
        Some(attack) => Some(Strangers::start(attack, ground.public, attack.strangers()).await),
        None => None,
    };
    let figures = stay(&ground, &bridge).await;
    drop(strangers);
    figures
}

/// Sends webhooks and probes until the time is over.
async fn stay(ground: &Ground, bridge: &Bridge) -> Figures {
    let template = Template::new(&ground.public.to_string());
    let (mut webhooks, mut probes, mut failed) = (Vec::new(), Vec::new(), 0);
    let start = Instant::now();
    let mut number = 0;
    while start.elapsed() < TIME {
        number += 1;
        let told = Event { number, at: Clock::system().now(), incident: "Q1", title: "Checkout is down" };
        let request = template.request(&told);
        let sent = Instant::now();
        let answer = tokio::time::timeout(PATIENCE, post(ground, &request)).await;
        webhooks.push(sent.elapsed().as_secs_f64() * 1e3);
        failed += usize::from(!matches!(answer, Ok(Ok(202))));
        if number % 10 == 0 {
            let asked = Instant::now();
            let healthy = tokio::time::timeout(PATIENCE, bridge.is_healthy()).await;
            probes.push(asked.elapsed().as_secs_f64() * 1e3);
            failed += usize::from(!matches!(healthy, Ok(true)));
        }
        tokio::time::sleep(PAUSE).await;
    }
    Figures {
        webhooks: Latencies::new(webhooks),
        probes: Latencies::new(probes),
        failed,
        peak_mb: bridge.peak_mb(),
    }
}

async fn post(ground: &Ground, request: &[u8]) -> std::io::Result<u16> {
    let mut connection = Connection::open(ground.public).await?;
    Ok(connection.call(request).await?.0)
}
