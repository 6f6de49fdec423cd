//! Why an operation of the store failed, and what to do about it: only some failures are worth a retry.

use super::vault::VaultError;

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused or could not be reached: try again.
    #[error("the database failed: {0}")]
    Database(#[source] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("a migration failed: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A row that this program cannot have written: trying again does not help.
    #[error("the store holds {what} that makes no sense: {why}")]
    Inconsistent { what: String, why: String },
    /// A secret could not be sealed or opened.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl From<sqlx::Error> for StoreError {
    fn from(fault: sqlx::Error) -> Self {
        match fault {
            sqlx::Error::ColumnDecode { index, source } => {
                Self::Inconsistent { what: format!("a value in the column {index}"), why: source.to_string() }
            }
            other => Self::Database(other),
        }
    }
}
