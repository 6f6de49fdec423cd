//! What an earlier version of the bridge has left behind: its database as an SQL text, and what its sites
//! hold.
//!
//! Must not interpret the database: the databases' own tools made the texts, which are only executed.

use std::path::PathBuf;

use incident_bridge::simulator::RunningSimulator;
use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;
use sqlx::sqlite::{SqliteAutoVacuum, SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::Bridge;

/// A folder of `tests/fixtures` with `sqlite.sql`, `postgres.sql` and `sites.json`. `{site0}` and so on stand
/// for the sites' hosts and ports.
#[derive(Clone, Copy)]
pub struct Earlier(pub &'static str);

/// A site as it was left.
#[derive(Deserialize)]
struct Site {
    client_key: String,
    shared_secret: String,
    /// The requests that bring an empty site to this one's state, in order: path and body of each `POST`.
    requests: Vec<(String, Value)>,
}

impl Earlier {
    fn read(self, name: &str) -> String {
        let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests/fixtures", self.0, name].iter().collect();
        std::fs::read_to_string(&path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()))
    }

    /// Fills an empty database.
    pub async fn load_database(self, url: &str, sites: &[RunningSimulator]) {
        let name = if url.starts_with("sqlite:") { "sqlite.sql" } else { "postgres.sql" };
        let put_in = |sql: String, (n, site): (usize, &RunningSimulator)| {
            sql.replace(&format!("{{site{n}}}"), &site.addr().to_string())
        };
        let sql = sqlx::raw_sql(AssertSqlSafe(sites.iter().enumerate().fold(self.read(name), put_in)));
        if let Some(path) = url.strip_prefix("sqlite://") {
            let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
            let options = options.auto_vacuum(SqliteAutoVacuum::Incremental);
            let mut connection = SqliteConnection::connect_with(&options).await.expect("a new file");
            sql.execute(&mut connection).await.expect("the text is SQL");
            connection.close().await.expect("it closes");
        } else {
            let mut connection = PgConnection::connect(url).await.expect("an empty database");
            sql.execute(&mut connection).await.expect("the text is SQL");
            connection.close().await.expect("it closes");
        }
    }

    /// Restores the sites' installations and contents, without the bridge.
    pub async fn resume_sites(self, bridge: &Bridge) {
        let left: Vec<Option<Site>> = serde_json::from_str(&self.read("sites.json")).expect("it is JSON");
        for (site, left) in bridge.sites.iter().zip(left) {
            let Some(left) = left else { continue };
            let resumed = site.resume(&bridge.base_url, &left.client_key, &left.shared_secret).await;
            resumed.expect("the bridge has a descriptor");
            for (path, body) in &left.requests {
                bridge.call_jira(site, Method::POST, path, Some(body)).await;
            }
        }
    }
}
