//! The bridge's database as an administrator sees it: stories on both databases, and rows that it refuses.

use secrecy::ExposeSecret as _;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::Bridge;

/// Each story once per database.
macro_rules! on_both_databases {
    ($($story:ident)*) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $story() {
                super::$story($crate::harness::Setup::default()).await;
            })*
        }
        mod postgres {
            $(#[tokio::test]
            async fn $story() {
                let url = $crate::harness::fresh_postgres().await;
                super::$story($crate::harness::Setup::default().store(url)).await;
            })*
        }
    };
}
pub(crate) use on_both_databases;

impl Bridge {
    /// Executes statements beside the bridge.
    pub async fn execute(&self, sql: &str) {
        let url = self.config.store.url.expose_secret();
        let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        let done = if url.starts_with("sqlite:") {
            let mut connection = SqliteConnection::connect(url).await.expect("it opens");
            sql.execute(&mut connection).await.map(|_| ())
        } else {
            let mut connection = PgConnection::connect(url).await.expect("it opens");
            sql.execute(&mut connection).await.map(|_| ())
        };
        done.unwrap_or_else(|fault| panic!("{fault}"));
    }

    /// The only number that a query gives.
    pub async fn count(&self, sql: &'static str) -> i64 {
        let url = self.config.store.url.expose_secret();
        if url.starts_with("sqlite:") {
            let mut connection = SqliteConnection::connect(url).await.expect("it opens");
            sqlx::query_scalar(sql).fetch_one(&mut connection).await.expect("it counts")
        } else {
            let mut connection = PgConnection::connect(url).await.expect("it opens");
            sqlx::query_scalar(sql).fetch_one(&mut connection).await.expect("it counts")
        }
    }

    /// From now on the database refuses rows, with the words "not this one": `event` is `INSERT`, `UPDATE` or
    /// `DELETE`, `condition` speaks of `NEW` or `OLD`.
    pub async fn refuse_rows(&self, event: &str, table: &str, condition: &str) {
        let name = format!("refuse_{table}_{}", event.to_lowercase());
        let sql = if self.config.store.url.expose_secret().starts_with("sqlite:") {
            format!(
                "CREATE TRIGGER {name} BEFORE {event} ON {table} WHEN {condition} \
                 BEGIN SELECT RAISE(ABORT, 'not this one'); END;"
            )
        } else {
            format!(
                "CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                 RAISE EXCEPTION 'not this one' USING ERRCODE = 'check_violation'; END $$; \
                 CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW WHEN ({condition}) \
                 EXECUTE FUNCTION {name}();"
            )
        };
        self.execute(&sql).await;
    }
}
