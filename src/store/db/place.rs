//! Where a database is, known without opening it.
//!
//! Must never tell the user or the password of an address.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;

use super::files::is_in_memory;
use crate::store::error::StoreError;

/// Where `store.url` leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabasePlace {
    /// SQLite's file.
    File(PathBuf),
    /// SQLite without a file: nothing survives the process.
    Memory,
    /// A PostgreSQL server.
    Server {
        /// Host and port, or the folder of its socket.
        address: String,
        database: String,
    },
}

impl DatabasePlace {
    /// What the address names.
    ///
    /// # Errors
    /// When it is no address of a database.
    pub fn of(url: &SecretString) -> Result<Self, StoreError> {
        let url = url.expose_secret();
        if url.starts_with("sqlite:") {
            let options = SqliteConnectOptions::from_str(url)?;
            let file = options.get_filename();
            return Ok(if is_in_memory(file) { Self::Memory } else { Self::File(absolute(file)) });
        }
        let options = PgConnectOptions::from_str(url)?;
        let address = match options.get_socket() {
            Some(socket) => socket.display().to_string(),
            None => format!("{}:{}", options.get_host(), options.get_port()),
        };
        let database = options.get_database().unwrap_or_else(|| options.get_username()).to_owned();
        Ok(Self::Server { address, database })
    }

    /// Bytes that a file here may still take.
    ///
    /// # Errors
    /// When the system does not say, for example because there is no such folder.
    pub fn free_space(&self) -> io::Result<Option<u64>> {
        let Self::File(file) = self else { return Ok(None) };
        let disk = rustix::fs::statvfs(folder_of(file))?;
        Ok(Some(disk.f_bavail.saturating_mul(disk.f_frsize)))
    }

    /// The folder in which the file is or will be.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Self::File(file) => Some(folder_of(file)),
            _ => None,
        }
    }

    /// Whether a file that must be there is missing. Nobody knows it of a server without asking.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::File(file) if !file.exists())
    }
}

impl fmt::Display for DatabasePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => write!(f, "the file {}", file.display()),
            Self::Memory => write!(f, "a database in memory"),
            Self::Server { address, database } => write!(f, "PostgreSQL at {address}, database {database}"),
        }
    }
}

/// As seen from the working directory.
fn absolute(file: &Path) -> PathBuf {
    std::path::absolute(file).unwrap_or_else(|_| file.to_owned())
}

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(url: &str) -> String {
        DatabasePlace::of(&url.into()).unwrap().to_string()
    }

    #[test]
    fn a_database_is_named_by_its_place_and_never_by_its_password() {
        assert_eq!(place("sqlite:///var/lib/bridge.db"), "the file /var/lib/bridge.db");
        assert_eq!(place("sqlite::memory:"), "a database in memory");
        let server = "PostgreSQL at db.example:5433, database bridge";
        assert_eq!(place("postgres://jane:hush@db.example:5433/bridge"), server);
        assert!(place("postgres:///bridge?host=/run/postgresql&user=jane").contains("/run/postgresql"));
        let relative = DatabasePlace::of(&"sqlite://bridge.db".into()).unwrap();
        assert!(relative.folder().is_some_and(Path::is_absolute), "{relative:?}");
    }

    #[test]
    fn the_disk_of_a_file_says_how_much_it_still_takes() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| DatabasePlace::File(folder.path().join(path));
        assert!(at("new.db").is_missing());
        assert!(at("new.db").free_space().unwrap().is_some_and(|bytes| bytes > 0));
        assert!(at("no/folder/new.db").free_space().is_err());
        assert_eq!(DatabasePlace::Memory.free_space().unwrap(), None);
    }
}
