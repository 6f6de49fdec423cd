//! What is wrong with a database, in the terms of whoever must fix it.

use super::{CANNOT_OPEN, Code, DISK_FULL, FULL, IO, READ_ONLY, StoreError, code};

/// What is wrong with a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseTrouble {
    /// Nothing more can be written to its disk.
    DiskFull,
    /// The system could not read or write: a limit on the size of files, a full disk, or one that fails.
    DiskFails { words: String },
    /// The file cannot be opened or written.
    NotPermitted { words: String },
    /// The file is something else, or damaged.
    NotADatabase { words: String },
    /// Another process keeps it locked.
    Locked,
    /// The server cannot be reached, or does not take part.
    Unreachable { words: String },
    /// The server does not accept user or password.
    LoginRefused { words: String },
    /// The server has no database of that name.
    NoSuchDatabase { words: String },
    /// A newer version of this program has migrated it.
    Newer { migration: i64 },
    /// Anything else, in the database's words.
    Other { words: String },
}

// Further primary result codes of SQLite.
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const CORRUPT: i32 = 11;
const AUTH: i32 = 23;
const NOT_A_DATABASE: i32 = 26;

impl StoreError {
    /// What is wrong with the database.
    #[must_use]
    pub fn trouble(&self) -> DatabaseTrouble {
        use DatabaseTrouble as T;
        let words = self.words();
        let fault = match self {
            Self::NewerSchema { migration } => return T::Newer { migration: *migration },
            Self::Database(fault) => fault,
            _ => return T::Other { words },
        };
        match code(fault) {
            Some(Code::Sqlite(FULL)) => T::DiskFull,
            Some(Code::Sqlite(IO)) => T::DiskFails { words },
            Some(Code::Sqlite(READ_ONLY | CANNOT_OPEN | AUTH)) => T::NotPermitted { words },
            Some(Code::Sqlite(CORRUPT | NOT_A_DATABASE)) => T::NotADatabase { words },
            Some(Code::Sqlite(BUSY | LOCKED)) => T::Locked,
            // PostgreSQL's appendix "Error Codes".
            Some(Code::SqlState(state)) => match state.as_str() {
                DISK_FULL => T::DiskFull,
                "58030" => T::DiskFails { words },
                "3D000" => T::NoSuchDatabase { words },
                // Too many connections, shutting down, starting up.
                "53300" | "57P01" | "57P02" | "57P03" => T::Unreachable { words },
                _ if state.starts_with("28") => T::LoginRefused { words },
                _ => T::Other { words },
            },
            Some(Code::Sqlite(_)) => T::Other { words },
            None => match fault {
                sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolTimedOut => {
                    T::Unreachable { words }
                }
                _ => T::Other { words },
            },
        }
    }
}
