//! Fills a store with SQL that every release since the first tables understands, so that an older program can be
//! measured too.

use std::fmt::Write as _;
use std::path::Path;

use chrono::DateTime;
use incident_bridge::domain::{Component, Entity, Incident, IncidentStatus, Severity, ToolWords};
use incident_bridge::store::Vault;
use secrecy::SecretString;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};

use crate::config::{SOURCE, webhook_source};
use crate::jira::Jira;

/// What stands for the number of an entity in its content.
const NUMBER: &str = "@number@";

/// How much is in a store. Every site may see everything, and holds all of it.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub incidents: usize,
    pub sites: usize,
    /// Besides the one that sends webhooks.
    pub sources: usize,
    pub containers: usize,
}

impl Size {
    pub fn divided_by(self, divisor: usize) -> Self {
        let Self { incidents, sites, sources, containers } = self;
        Self {
            incidents: incidents / divisor,
            sites: (sites / divisor).max(1),
            sources: sources / divisor,
            containers: containers / divisor,
        }
    }

    /// The `[[sources]]` tables, and enough points.
    pub fn sources_toml(self) -> String {
        // The points of an hour would not be enough for thousands of sites: it would be measured how they wait.
        let points = format!("[delivery]\nhourly_points = {MANY_POINTS}\n");
        let mut toml = points + &webhook_source("sites = [\"*.tenants.example\"]");
        for n in 0..self.sources {
            let _infallible = write!(
                toml,
                "[[sources]]\nid = \"more{n}\"\ntype = \"pagerduty\"\nwebhook_secrets = [\"a secret for the webhooks of {n}\"]\nsites = [\"nobody.example\"]\n"
            );
        }
        toml
    }
}

/// As many as a configuration may name.
const MANY_POINTS: usize = 1_000_000_000;

/// What tables and columns are called, which later migrations have changed.
struct Names {
    destinations: &'static str,
    destination_id: &'static str,
    /// Where a row belongs to a destination.
    destination: &'static str,
    id: &'static str,
    /// Where a row belongs to an entity.
    entity_id: &'static str,
}

const NOW: Names = Names {
    destinations: "destinations",
    destination_id: "id",
    destination: "destination",
    id: "id",
    entity_id: "entity_id",
};

/// Before the second migration.
const FIRST: Names = Names {
    destinations: "installations",
    destination_id: "client_key",
    destination: "client_key",
    id: "jira_id",
    entity_id: "jira_id",
};

/// The file has the tables of the program that is measured, and what its first start has stored.
pub async fn fill(file: &Path, vault_key: &SecretString, size: Size, jira: &Jira) {
    let options = SqliteConnectOptions::new().filename(file);
    let mut connection = SqliteConnection::connect_with(&options).await.expect("the database");
    let names = find_names(&mut connection).await;
    connection.execute("BEGIN").await.expect("a transaction");
    add_entities(&mut connection, &names, ("incident", "Q"), &incident(), size.incidents).await;
    add_entities(&mut connection, &names, ("component", "P"), &component(), size.containers).await;
    let vault = Vault::new(vault_key, &[]).expect("a key");
    for n in 0..size.sites {
        add_site(&mut connection, &names, &vault, n, &jira.site(n)).await;
    }
    let Names { destinations, destination_id, destination, id, entity_id } = names;
    for sql in [
        format!(
            "INSERT INTO links ({destination}, workspace, linked_at)
             SELECT d.{destination_id}, w.{id}, 0 FROM {destinations} d, workspaces w WHERE w.source = 'pd'"
        ),
        format!(
            "INSERT INTO deliveries ({destination}, kind, {entity_id}, wanted, acknowledged, confirmed, state, queued_at,
                 waiting_since, updated_at)
             SELECT d.{destination_id}, e.kind, e.{id}, e.version, e.version, e.version, 'confirmed', 1, 1, 1
             FROM {destinations} d, entities e WHERE e.source = 'pd'"
        ),
        "UPDATE generations SET number = number + 1 WHERE name = 'directory'".to_owned(),
        "COMMIT".to_owned(),
        "PRAGMA wal_checkpoint(TRUNCATE)".to_owned(),
    ] {
        connection.execute(AssertSqlSafe(sql)).await.expect("rows are written");
    }
    connection.close().await.expect("it closes");
}

async fn find_names(connection: &mut SqliteConnection) -> Names {
    let sql = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'destinations'";
    let (found,): (i64,) = sqlx::query_as(sql).fetch_one(connection).await.expect("the tables");
    if found > 0 { NOW } else { FIRST }
}

/// `content` has [`NUMBER`] where each has its own number.
async fn add_entities(
    connection: &mut SqliteConnection,
    names: &Names,
    (kind, prefix): (&str, &str),
    content: &Entity,
    count: usize,
) {
    if count == 0 {
        return;
    }
    let standing = if kind == "incident" { "open/P2" } else { "present" };
    let id = names.id;
    let sql = format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
         INSERT INTO entities (kind, {id}, source, provider_id, workspace, version, event_time, digest, standing, content,
             mentioned, created_at, updated_at)
         SELECT '{kind}', '{SOURCE}:{prefix}' || i, '{SOURCE}', '{prefix}' || i, 'account', 1, 1, 'filled', '{standing}',
             REPLACE($1, '{NUMBER}', i), 0, 1, 1 FROM n"
    );
    let content = serde_json::to_string(content).expect("JSON");
    let rows = sqlx::query(AssertSqlSafe(sql)).bind(content).execute(connection).await;
    rows.expect("entities are written");
}

async fn add_site(connection: &mut SqliteConnection, names: &Names, vault: &Vault, n: usize, base_url: &str) {
    let id = format!("site-{n:06}");
    let secret = vault.seal("installations", &id, &"a shared secret of enough bytes".into()).expect("sealed");
    let Names { destinations, destination_id, .. } = names;
    let sql = format!(
        "INSERT INTO {destinations} ({destination_id}, state, base_url, site, secret, installed_at, updated_at)
         VALUES ($1, 'enabled', $2, $3, $4, 1, 1)"
    );
    let query = sqlx::query(AssertSqlSafe(sql))
        .bind(&id)
        .bind(base_url)
        .bind(format!("{id}.tenants.example"))
        .bind(secret);
    query.execute(connection).await.expect("a site is written");
}

fn incident() -> Entity {
    Entity::Incident(Incident {
        provider_id: format!("Q{NUMBER}"),
        summary: format!("Checkout answers with 5xx, incident {NUMBER}"),
        description: "More than 4 % of all requests fail; see the runbook.".repeat(4),
        url: format!("https://acme.pagerduty.com/incidents/Q{NUMBER}"),
        status: IncidentStatus::Open,
        severity: Severity::P2,
        created_at: DateTime::UNIX_EPOCH,
        updated_at: DateTime::UNIX_EPOCH,
        components: vec!["P1".to_owned()],
        workspaces: Vec::new(),
        associations: Vec::new(),
        words: ToolWords::default(),
    })
}

fn component() -> Entity {
    Entity::Component(Component {
        provider_id: format!("P{NUMBER}"),
        name: format!("Checkout worker {NUMBER} in eu-central-1"),
        description: "Takes orders.".to_owned(),
        url: format!("https://acme.pagerduty.com/services/P{NUMBER}"),
        avatar_url: None,
        tier: None,
        component_type: None,
        updated_at: DateTime::UNIX_EPOCH,
        workspaces: Vec::new(),
    })
}
