//! SQLite on a full disk: a refused write leaves no trace, and the next write finds a working connection. And what
//! is said of a database that does not open.

use super::*;
use crate::store::error::DatabaseTrouble;

/// SQLite's code for a database that may not grow.
const FULL: &str = "13";

fn code(fault: &StoreError) -> Option<String> {
    let StoreError::Database(sqlx::Error::Database(fault)) = fault else { return None };
    fault.code().map(std::borrow::Cow::into_owned)
}

#[tokio::test]
async fn a_full_database_refuses_whole_transactions_until_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("full.db").display());
    let db = Database::open(&url).await.unwrap();
    db.migrate().await.unwrap();
    let Database::Sqlite { write, .. } = &db else { panic!("it is SQLite") };
    let (pages,): (i64,) = db.get("PRAGMA page_count", &[]).await.unwrap();
    let limit_pages = async |most: i64| {
        let limit = sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {most}"));
        sqlx::query(limit).execute(write.take().await.unwrap().connection().unwrap()).await.unwrap();
    };
    limit_pages(pages + 8).await;

    let count = async || db.get::<(i64,)>("SELECT COUNT(*) FROM source_memory", &[]).await.unwrap().0;
    let insert = async |key: i64| {
        let mut tx = db.begin().await?;
        for half in ["first", "second"] {
            let args = args!["pd", format!("{key} {half}"), "x".repeat(3_000)];
            tx.execute("INSERT INTO source_memory (source, key, value) VALUES ($1, $2, $3)", &args).await?;
        }
        tx.commit().await
    };
    let mut written = 0;
    let fault = loop {
        match insert(written).await {
            Ok(()) => written += 1,
            Err(fault) => break fault,
        }
    };
    assert_eq!(code(&fault).as_deref(), Some(FULL), "{fault}");
    assert_eq!((fault.blames_data(), fault.advice()), (false, "free disk space"));
    assert!((1..8).contains(&written));
    assert_eq!(count().await, 2 * written, "half a transaction was kept");

    limit_pages(1_000_000).await;
    insert(written).await.unwrap();
    assert_eq!(count().await, 2 * (written + 1));
}

async fn trouble_of(url: &str) -> DatabaseTrouble {
    Database::open(url).await.expect_err("it does not open").trouble()
}

#[tokio::test]
async fn a_database_that_does_not_open_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let url = |name: &str| format!("sqlite://{}", folder.path().join(name).display());
    assert!(matches!(trouble_of(&url("no/folder.db")).await, DatabaseTrouble::NotPermitted { .. }));
    std::fs::write(folder.path().join("text.db"), "not a database ".repeat(100)).unwrap();
    assert!(matches!(trouble_of(&url("text.db")).await, DatabaseTrouble::NotADatabase { .. }));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let down = trouble_of(&format!("postgres://jane:hush@{address}/bridge")).await;
    let DatabaseTrouble::Unreachable { words } = &down else { panic!("{down:?}") };
    assert!(words.contains("Connection refused") && !words.contains("hush"), "{words}");
}

#[test]
fn a_fault_of_the_database_is_said_once() {
    let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
    let fault = StoreError::Database(sqlx::Error::Io(refused));
    assert_eq!(fault.to_string(), "the database failed: connection refused");
    assert!(std::error::Error::source(&fault).is_none(), "whoever prints causes would repeat it");
}
