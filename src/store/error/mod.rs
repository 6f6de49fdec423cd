//! Why an operation of the store failed, and what to do about it: repeat it at once, later, or row by row.

mod trouble;

pub use trouble::DatabaseTrouble;

use super::vault::VaultError;

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused or could not be reached: what helps is in [`StoreError::blames_data`].
    #[error("the database failed: {}", words(.0))]
    Database(sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("a migration failed: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A newer version of this program has taken something away from the database that this one needs.
    #[error(
        "the database belongs to a newer incident-bridge: this one does not know its migration {migration}"
    )]
    NewerSchema { migration: i64 },
    /// Only an empty database is copied to. The table.
    #[error("the target is not empty: there are rows in the table {0}")]
    NotEmpty(String),
    /// A row that this program cannot have written: trying again does not help.
    #[error("the store holds {what} that makes no sense: {why}")]
    Inconsistent { what: String, why: String },
    /// A secret could not be sealed or opened.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// Another transaction has changed what this one was based on: nothing was written. Done again, it succeeds.
    #[error("another transaction has changed {0} meanwhile")]
    Overtaken(&'static str),
    /// The code that turned values into rows panicked on them: nothing was written.
    #[error("the program panicked on it; please report this")]
    Panicked,
    /// Another process may do this work now: nothing was written.
    #[error("the lease on {0} was lost")]
    LeaseLost(String),
    /// Another process syncs from this database; the sentence says what to do.
    #[error("{0}")]
    Owned(String),
}

impl StoreError {
    /// Whether the values are at fault: the database refuses them, or the program panics on them. Trying again does not help; without the
    /// guilty row the others can be written. Everything else passes by itself or concerns all rows alike.
    #[must_use]
    pub fn blames_data(&self) -> bool {
        match self {
            Self::Inconsistent { .. } | Self::Panicked | Self::Database(sqlx::Error::Encode(_)) => true,
            Self::Database(fault) => match code(fault) {
                // Data exceptions, violated constraints, and limits that a value exceeds (PostgreSQL's
                // appendix "Error Codes").
                Some(Code::SqlState(state)) => {
                    ["22", "23", "54"].iter().any(|class| state.starts_with(class))
                }
                Some(Code::Sqlite(primary)) => [TOO_BIG, CONSTRAINT, MISMATCH].contains(&primary),
                None => false,
            },
            _ => false,
        }
    }

    /// Whether the database ended the transaction only because of another one: repeated, it succeeds.
    pub(in crate::store) fn is_collision(&self) -> bool {
        let Self::Database(fault) = self else { return false };
        let Some(Code::SqlState(state)) = code(fault) else { return false };
        [DEADLOCK, SERIALIZATION].contains(&state.as_str())
    }

    /// What an operator should do about it.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Database(fault) => match code(fault) {
                Some(Code::SqlState(state)) if state == DISK_FULL => "free disk space",
                Some(Code::Sqlite(FULL)) => "free disk space",
                // A limit on the size of files looks like a disk that fails.
                Some(Code::Sqlite(IO)) => "free disk space, or check the disk",
                Some(Code::Sqlite(READ_ONLY | CANNOT_OPEN)) => "check the file's permissions",
                Some(_) => "fix the database",
                None => "check that the database can be reached",
            },
            _ => "please report this",
        }
    }

    /// The database's own words, without values of other rows.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Database(fault) => words(fault),
            other => other.to_string(),
        }
    }
}

/// Once, and without the words that `sqlx` puts around them.
fn words(fault: &sqlx::Error) -> String {
    match fault {
        sqlx::Error::Database(fault) => fault.message().to_owned(),
        sqlx::Error::Io(fault) => fault.to_string(),
        sqlx::Error::PoolTimedOut => "no connection in time".to_owned(),
        other => other.to_string(),
    }
}

const DEADLOCK: &str = "40P01";
const SERIALIZATION: &str = "40001";
const DISK_FULL: &str = "53100";

// SQLite's primary result codes.
const READ_ONLY: i32 = 8;
const IO: i32 = 10;
const FULL: i32 = 13;
const CANNOT_OPEN: i32 = 14;
const TOO_BIG: i32 = 18;
const CONSTRAINT: i32 = 19;
const MISMATCH: i32 = 20;

/// What the database calls the failure.
enum Code {
    /// PostgreSQL's five characters.
    SqlState(String),
    /// SQLite's primary code: the low byte of the extended one.
    Sqlite(i32),
}

fn code(fault: &sqlx::Error) -> Option<Code> {
    let fault = fault.as_database_error()?;
    let code = fault.code()?;
    if fault.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some() {
        return code.parse().ok().map(|code: i32| Code::Sqlite(code & 0xff));
    }
    Some(Code::SqlState(code.into_owned()))
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
