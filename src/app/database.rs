//! Opens the vault and the database, and says where the database is and what is wrong with it.

use anyhow::Context;

use crate::clock::Clock;
use crate::config::Config;
use crate::store::{DatabasePlace, DatabaseTrouble, Store, StoreError, Vault};
use crate::sync::Operator;

/// What seals secrets under the configured keys.
///
/// # Errors
/// When a key is bad.
pub fn open_vault(config: &Config) -> anyhow::Result<Vault> {
    Vault::new(&config.vault.key, &config.vault.previous_keys).context("vault.key")
}

pub(super) async fn open_store(config: &Config, clock: Clock) -> anyhow::Result<Store> {
    let vault = open_vault(config)?;
    let place = find_database(config)?;
    Store::open(&config.store.url, vault, clock)
        .await
        .with_context(|| format!("store.url: {place} cannot be opened"))
}

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

/// For `doctor`: whatever the state of the schema.
///
/// # Errors
/// When the database cannot be opened; [`find_database_trouble`] knows why.
pub async fn open_any_operator(config: &Config, clock: Clock) -> anyhow::Result<Operator> {
    Ok(Operator::new(open_store(config, clock.clone()).await?, clock))
}
