//! No statement that a webhook, a delivery, a read-back or an idle round runs reads a whole table that grows: the program
//! runs and says what it asks SQLite, and SQLite says how it would find the answers.

use std::collections::BTreeSet;

use incident_bridge::simulator::RunningSimulator;
use serde_json::Value;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection as _};

use crate::harness::place::{Place, read};
use crate::harness::program::eventually;

/// Tables with rows per entity, webhook or site.
const GROWING: [&str; 8] = [
    "deliveries",
    "entities",
    "inbox",
    "timeline",
    "destinations",
    "links",
    "workspaces",
    "directory_changes",
];

/// What reads a table as a whole on purpose, and why.
const WHOLE: [(&str, &str); 6] = [
    ("SELECT destination, state, COUNT(*)", "metrics: the more there is, the less often"),
    ("SELECT source, id, name, url", "the directory, once after a start"),
    ("SELECT id, state, base_url, site, secret", "the directory, once after a start"),
    ("SELECT destination, workspace", "links, once after a start"),
    ("SELECT site FROM destinations", "metrics: the first hundred names"),
    ("SELECT id, site FROM destinations", "who may see a change: each row is one that may get it"),
];

/// Indexes of the few rows that something is to be done with.
const OF_FEW: [&str; 9] = [
    "deliveries_due",
    "deliveries_later",
    "deliveries_waiting",
    "destinations_declared",
    "destinations_parked",
    "destinations_unconfirmed",
    "destinations_with_previous_secret",
    "inbox_quarantined",
    "inbox_waiting",
];

/// The statements that the program has run, each once, in one line.
fn list_statements(log: &str) -> BTreeSet<String> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let queries = lines.filter(|line| line["target"] == "sqlx::query");
    let text = |line: Value| {
        let whole = line["db.statement"].as_str().filter(|text| !text.is_empty());
        let text = whole.or(line["summary"].as_str()).unwrap_or_default();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let is_ours = |text: &String| {
        ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"].iter().any(|verb| text.starts_with(verb))
            && !text.contains("sqlite_master")
            && !text.contains("_sqlx_migrations")
    };
    queries.map(text).filter(is_ours).collect()
}

/// The growing table that `name` stands for in the statement.
fn find_table(statement: &str, name: &str) -> Option<&'static str> {
    let stands_for = |table: &&str| {
        *table == name
            || [format!("{table} {name} "), format!("{table} AS {name} ")]
                .iter()
                .any(|text| format!("{statement} ").contains(text))
            || statement.contains("entity_deliveries") && table.starts_with(name)
    };
    GROWING.into_iter().find(stands_for)
}

/// Steps of a plan that read a growing table as a whole, or all entities of a source for what waits.
async fn find_scans(connection: &mut SqliteConnection, statement: &str) -> Vec<String> {
    let sql = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
    let steps: Vec<(i64, i64, i64, String)> = sqlx::query_as(sql)
        .fetch_all(connection)
        .await
        .unwrap_or_else(|fault| panic!("{statement}: {fault}"));
    let is_scan = |step: &String| {
        let scanned = step.strip_prefix("SCAN ").and_then(|rest| rest.split(' ').next());
        let for_one = statement.starts_with("SELECT") && statement.contains("deliveries");
        let is_whole = !OF_FEW.iter().any(|index| step.ends_with(&format!(" INDEX {index}")));
        scanned.is_some_and(|name| is_whole && find_table(statement, name).is_some())
            || for_one && step.contains("entities_by_source (source=? AND kind=?)")
    };
    steps.into_iter().map(|(.., step)| step).filter(is_scan).collect()
}

async fn live_a_little(place: &Place) {
    place.site.install(&place.base_url).await.expect("it installs");
    for burst in 0..3 {
        for n in 0..5 {
            assert_eq!(place.post(&format!("Q{burst}{n}")).await, 202);
        }
        eventually("the incidents show", async || shows(&place.site, &format!("pd:Q{burst}4"))).await;
    }
    place.site.search_containers("a", None).await.expect("an answer");
    place.site.fetch_workspaces(&["pd:account"]).await.expect("an answer");
    eventually("an incident is read back", async || {
        let text = read(&place.log());
        text.contains("state = 'confirmed'").then_some(())
    })
    .await;
    place.site.disable().await.expect("the call is believed");
    place.site.enable().await.expect("the call is believed");
}

fn shows(site: &RunningSimulator, id: &str) -> Option<()> {
    site.incident(id).map(drop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_statement_of_everyday_work_reads_a_growing_table_as_a_whole() {
    let place = Place::new();
    let noisy = "export RUST_LOG=sqlx::query=debug BRIDGE__LOG__FORMAT=json";
    let bridge = place.serve_under(noisy).await;
    live_a_little(&place).await;
    drop(bridge);
    let statements = list_statements(&read(&place.log()));
    assert!(statements.len() > 40, "the program says what it asks: {statements:?}");
    let url = format!("sqlite://{}", place.folder.path().join("bridge.db").display());
    let mut connection = SqliteConnection::connect(&url).await.expect("it opens");
    let mut scans = Vec::new();
    for statement in &statements {
        if WHOLE.iter().any(|(start, _)| statement.starts_with(start)) {
            continue;
        }
        let found = find_scans(&mut connection, statement).await;
        if !found.is_empty() {
            scans.push(format!("{found:?}: {statement}"));
        }
    }
    assert!(scans.is_empty(), "{}", scans.join("\n"));
}
