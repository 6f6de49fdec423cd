//! Says where the database is and what is wrong with it.

use anyhow::Context;

use crate::config::Config;
use crate::store::{DatabasePlace, DatabaseTrouble, StoreError};

/// Where the database is, without opening it.
///
/// # Errors
/// When `store.url` is no address of a database.
pub fn find_database(config: &Config) -> anyhow::Result<DatabasePlace> {
    DatabasePlace::of(&config.store.url).context("store.url")
}

/// What is wrong with the database, if that is why something failed.
#[must_use]
pub fn find_database_trouble(fault: &anyhow::Error) -> Option<DatabaseTrouble> {
    fault.downcast_ref::<StoreError>().map(StoreError::trouble)
}
