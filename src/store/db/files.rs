//! The files of a SQLite database, which are for their owner alone.
//!
//! PostgreSQL looks after its own files. Must not ask the database anything.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Read and written by its owner alone.
const PRIVATE: u32 = 0o600;
/// What everybody else may do.
const OTHERS: u32 = 0o077;
/// What SQLite and this program add to the name of the database.
const SUFFIXES: [&str; 4] = ["", "-wal", "-shm", ".lock"];

/// A file that others than its owner may read or write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExposedFile {
    pub path: PathBuf,
    /// The nine permission bits.
    pub mode: u32,
}

/// Opens a file for writing, and creates it for its owner alone if it does not exist.
///
/// # Errors
/// When it cannot be opened.
pub(super) fn open_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(PRIVATE).open(path)
}

/// Creates the file of a database that does not exist. SQLite gives the other files the permissions of this
/// one. If it cannot be created, SQLite says why.
pub(super) fn create_database(path: &Path) {
    if is_missing(path) {
        drop(open_private(path));
    }
}

/// Whether the database would have to be created.
pub(super) fn is_missing(path: &Path) -> bool {
    !is_in_memory(path) && !path.exists()
}

pub(super) fn is_in_memory(path: &Path) -> bool {
    path.to_str().is_none_or(|name| name.is_empty() || name == ":memory:" || name.starts_with("file:"))
}

/// The files of the database at this path that others than their owner may read or write.
pub(super) fn list_exposed(database: &Path) -> Vec<ExposedFile> {
    if is_in_memory(database) {
        return Vec::new();
    }
    let exposed = SUFFIXES.iter().filter_map(|suffix| {
        let mut path = OsString::from(database.as_os_str());
        path.push(suffix);
        let path = PathBuf::from(path);
        let mode = std::fs::metadata(&path).ok()?.permissions().mode() & 0o777;
        (mode & OTHERS != 0).then_some(ExposedFile { path, mode })
    });
    exposed.collect()
}
