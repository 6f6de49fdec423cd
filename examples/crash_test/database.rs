//! A database of its own for each story, in somebody's PostgreSQL cluster.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

/// It is dropped with [`Database::drop`].
pub struct Database {
    cluster: String,
    pub name: String,
    pub url: String,
}

impl Database {
    /// # Errors
    /// When the cluster does not let us.
    pub async fn create(cluster: &str, name: &str) -> anyhow::Result<Self> {
        let mut url = url::Url::parse(cluster)?;
        url.set_path(name);
        let it = Self { cluster: cluster.to_owned(), name: name.to_owned(), url: url.to_string() };
        it.execute(&format!("CREATE DATABASE {name}")).await?;
        Ok(it)
    }

    /// # Errors
    /// When the cluster does not let us.
    pub async fn drop(self) -> anyhow::Result<()> {
        self.execute(&format!("DROP DATABASE {} WITH (FORCE)", self.name)).await
    }

    /// Executes a statement as an administrator of the cluster.
    ///
    /// # Errors
    /// When it fails.
    pub async fn execute(&self, sql: &str) -> anyhow::Result<()> {
        let mut admin = PgConnection::connect(&self.cluster).await?;
        sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&mut admin).await?;
        Ok(admin.close().await?)
    }
}
