//! What a webhook takes on disk, with all that follows from it: the incident, its delivery to a site, and its history.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use incident_bridge::clock::Clock;
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::bridge::Ground;
use crate::client::Connection;
use crate::config::webhook_source;
use crate::measure::{SETTLES, settle, start_site};
use crate::webhook::{Event, Template};

const CONNECTIONS: usize = 8;
const EACH: usize = 2_500;

/// Bytes of the database file for each webhook about a new incident, once everything is delivered.
pub async fn bytes_per_webhook(program: Option<&Path>) -> usize {
    let jira = start_site();
    let mut ground = Ground::new(&[jira.url()], &jira.install_keys_url(), &webhook_source(""));
    ground.program = program.map_or_else(|| ground.program.clone(), Path::to_path_buf);
    let (bridge, _) = ground.start().await;
    jira.install(&ground.base_url()).await.expect("it is believed");
    let file = ground.folder().join("bridge.db");
    let before = size(file.clone()).await;
    let posts = (0..CONNECTIONS).map(|nth| tokio::spawn(post(ground.public, nth)));
    for done in futures::future::join_all(posts).await {
        done.expect("all are answered");
    }
    settle(&bridge, SETTLES).await;
    drop(bridge);
    (size(file).await - before) / (CONNECTIONS * EACH)
}

async fn post(bridge: SocketAddr, nth: usize) {
    let template = Template::new(&bridge.to_string());
    let mut connection = Connection::open(bridge).await.expect("a connection");
    for number in nth * EACH..(nth + 1) * EACH {
        let incident = format!("Q{number:06}");
        let event =
            Event { number, at: Clock::system().now(), incident: &incident, title: "Checkout is slow" };
        let (status, _) = connection.call(&template.request(&event)).await.expect("an answer");
        assert_eq!(status, 202);
    }
}

/// Bytes in use, those of the log included.
async fn size(file: PathBuf) -> usize {
    let options = SqliteConnectOptions::new().filename(file);
    let mut connection = SqliteConnection::connect_with(&options).await.expect("the database");
    let sql = "SELECT (page_count - freelist_count) * page_size
               FROM pragma_page_count, pragma_freelist_count, pragma_page_size";
    let (bytes,): (i64,) = sqlx::query_as(sql).fetch_one(&mut connection).await.expect("its size");
    connection.close().await.expect("it closes");
    usize::try_from(bytes).expect("a size")
}
