//! Says where the database is and what is wrong with it, and copies one to another.

use std::time::Duration;

use anyhow::{Context, bail};
use secrecy::SecretString;

use crate::clock::Clock;
use crate::config::Config;
use crate::store::{CopiedTable, DatabasePlace, DatabaseTrouble, Store, StoreError, Vault};

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

/// Copies everything from one database to another, which must be empty, while no service uses either. Returns the tables.
///
/// # Errors
/// With a sentence that says what to fix; nothing is then copied.
pub async fn copy_database(
    from: &SecretString,
    to: &SecretString,
    clock: Clock,
) -> anyhow::Result<Vec<CopiedTable>> {
    if let Some(path) = Store::find_missing(from) {
        bail!("--from: the database {} does not exist", path.display());
    }
    let source = open_for_copy(from, "--from", clock.clone()).await?;
    let target = open_for_copy(to, "--to", clock).await?;
    // Held until the end.
    let _owned = (
        source.become_owner(Duration::ZERO).await.context("--from")?,
        target.become_owner(Duration::ZERO).await.context("--to")?,
    );
    let copied = source.copy_to(&target).await;
    source.close().await;
    target.close().await;
    Ok(copied?)
}

async fn open_for_copy(url: &SecretString, option: &'static str, clock: Clock) -> anyhow::Result<Store> {
    // Secrets stay sealed, so that any key will do.
    let vault = Vault::new(&Vault::generate_key(), &[])?;
    let place = DatabasePlace::of(url).context(option)?;
    Store::open(url, vault, clock).await.with_context(|| format!("{option}: {place} cannot be opened"))
}
