//! A first sync of 100,000 incidents: requests, time and memory, with and without a Jira that answers
//! "too many requests" at random. Every run ends with a check that Jira holds exactly what the tool has.

use std::time::{Duration, Instant};

use incident_bridge::simulator::{EntityKind, Simulator};

use crate::bridge::{Bridge, Ground};
use crate::jira::{Asked, start_sites};
use crate::table::{Table, count};
use crate::tool::{self, Account};

const INCIDENTS: usize = 100_000;
/// Shares of answers that are 429 with `Retry-After: 1`.
const REFUSED: [(f64, &str); 3] = [(0.0, "none"), (0.05, "5 %"), (0.3, "30 %")];
const LIMIT: Duration = Duration::from_mins(15);

/// Results of one run.
struct Figures {
    delivered: Duration,
    asked: Asked,
    peak_mb: f64,
    /// Time until everything was confirmed, and the requests to Jira by then.
    confirmed: Option<(Duration, Asked)>,
    confirmed_peak_mb: f64,
    end_mb: f64,
    database_mb: f64,
}

pub async fn measure() {
    let mut runs = Vec::new();
    for (share, name) in REFUSED {
        eprintln!("backfill of {INCIDENTS} incidents, answers refused with 429: {name}");
        runs.push(run(share).await);
    }
    print(&runs);
}

async fn run(share: f64) -> Figures {
    let (tool, account) = tool::start(INCIDENTS);
    let sites = start_sites(1);
    let jira = &sites[0];
    let source = format!(
        "[[sources]]\nid = \"pd\"\ntype = \"pagerduty\"\napi_token = \"token\"\napi_url = \"http://{tool}\"\n"
    );
    let ground = Ground::new(&[jira.url()], &jira.install_keys_url(), &source);
    let (bridge, _) = ground.start().await;
    jira.install(&ground.base_url()).await.expect("an installation");
    jira.set_rate_limit_share(share);
    let start = Instant::now();
    while jira.count(EntityKind::Incident) < account.incidents {
        assert!(start.elapsed() < LIMIT, "only {} arrived", jira.count(EntityKind::Incident));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let delivered = start.elapsed();
    let (asked, peak_mb) = (Asked::of(jira), bridge.peak_mb());
    check(jira, &account);
    // A few hundred refused reads, a second each, would show nothing more.
    let confirmed = if share < 0.1 { Some(confirm(jira, &bridge, start).await) } else { None };
    let (confirmed_peak_mb, end_mb) = (bridge.peak_mb(), bridge.resident_mb());
    Figures {
        delivered,
        asked,
        peak_mb,
        confirmed,
        confirmed_peak_mb,
        end_mb,
        database_mb: database_mb(&ground),
    }
}

/// Jira holds every incident as the tool has it, and nothing else.
fn check(jira: &Simulator, account: &Account) {
    assert_eq!(jira.count(EntityKind::Incident), account.incidents);
    assert!(jira.count(EntityKind::Component) >= tool::SERVICES);
    for number in 0..account.incidents {
        let id = format!("pd:{}", Account::id(number));
        let shown = jira.incident(&id).unwrap_or_else(|| panic!("{id} is missing"));
        let status = if account.is_open(number) { "open" } else { "resolved" };
        assert_eq!(shown["summary"], Account::title(number));
        assert_eq!(shown["status"], status, "{id}");
        assert_eq!(shown["updateSequenceNumber"], account.updated_at(number).timestamp_millis(), "{id}");
        assert_eq!(shown["affectedComponents"][0], format!("pd:{}", Account::service(number)), "{id}");
    }
    assert!(jira.schema_violations().is_empty());
}

/// Waits until the bridge counts everything as confirmed.
async fn confirm(jira: &Simulator, bridge: &Bridge, start: Instant) -> (Duration, Asked) {
    let host = jira.url().trim_start_matches("http://");
    let open = |state: &str| format!("incident_bridge_deliveries{{site=\"{host}\",state=\"{state}\"}}");
    let (waiting, accepted, confirmed) = (open("waiting"), open("accepted"), open("confirmed"));
    let end = loop {
        let (one, other) = (bridge.metric(&waiting).await, bridge.metric(&accepted).await);
        let done = bridge.metric(&confirmed).await.is_some_and(|count| count >= INCIDENTS);
        if done && one == Some(0) && other == Some(0) {
            break Asked::of(jira);
        }
        assert!(start.elapsed() < LIMIT, "not everything is confirmed: {one:?} waiting, {other:?} accepted");
        tokio::time::sleep(Duration::from_secs(1)).await;
    };
    // The gauges are updated every 15 seconds; the last request shows when it was over.
    let now = incident_bridge::clock::Clock::system().now();
    let since = end.last.and_then(|last| (now - last).to_std().ok()).unwrap_or_default();
    (start.elapsed().saturating_sub(since), end)
}

fn print(runs: &[Figures]) {
    let names = REFUSED.map(|(_, name)| format!("429: {name}"));
    let mut table = Table::new(&["backfill of 100,000 incidents", "aim", &names[0], &names[1], &names[2]]);
    let mut row = |name: &str, aim: &str, value: &dyn Fn(&Figures) -> String| {
        let values: Vec<String> = runs.iter().map(value).collect();
        let mut texts = vec![name, aim];
        texts.extend(values.iter().map(String::as_str));
        table.add(&texts);
    };
    row("write requests that Jira accepted", "≤ 110", &|run| count(run.asked.writes));
    row("write requests refused with 429", "", &|run| count(run.asked.refused_writes));
    row("all requests until all was delivered", "", &|run| count(run.asked.all));
    row("until all was delivered, s", "", &|run| format!("{:.1}", run.delivered.as_secs_f64()));
    row("incidents per second", "", &|run| count(per_second(run.delivered)));
    row("peak resident memory, MB", "< 64", &|run| format!("{:.1}", run.peak_mb));
    let confirmed = |run: &Figures, text: &dyn Fn(&(Duration, Asked)) -> String| {
        run.confirmed.as_ref().map_or_else(|| "not waited for".to_owned(), text)
    };
    row("until all was confirmed by read-backs, s", "", &|run| {
        confirmed(run, &|(took, _)| format!("{:.1}", took.as_secs_f64()))
    });
    row("read-backs", "", &|run| confirmed(run, &|(_, asked)| count(asked.reads)));
    row("hourly points used by then", "< 65,000", &|run| confirmed(run, &|(_, asked)| count(asked.points())));
    row("peak memory by then, MB", "< 64", &|run| format!("{:.1}", run.confirmed_peak_mb));
    row("resident memory at the end, MB", "", &|run| format!("{:.1}", run.end_mb));
    row("database on disk, MB", "", &|run| format!("{:.0}", run.database_mb));
    table.print();
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than a float can count")]
fn database_mb(ground: &Ground) -> f64 {
    let file = ground.folder().join("bridge.db");
    file.metadata().expect("the database").len() as f64 / 1e6
}

fn per_second(took: Duration) -> usize {
    let millis = usize::try_from(took.as_millis()).expect("not that long");
    INCIDENTS * 1000 / millis.max(1)
}
