//! Builds the parts that have no listener: store, client, sources, engine.
//!
//! Commands say by the function that they call whether they may create a database and bring its schema up to
//! date: what only reads never does either.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};

use super::database::find_database;
use super::points::StoredPoints;
use crate::clock::Clock;
use crate::config::{Config, ConfigError, Http};
use crate::destinations::{DestinationKind, DestinationTypes, Facilities, Quotas, SharedPoints, TYPES};
use crate::http::{ClientError, HttpClient, HttpSettings, build_client};
use crate::store::{Store, Vault, VaultError};
use crate::sync::{Engine, Operator, Registry};

/// Opens the database, and creates a SQLite one that does not exist.
pub(super) async fn create_store(config: &Config, clock: Clock) -> anyhow::Result<Store> {
    let vault = open_vault(config)?;
    let place = find_database(config)?;
    Store::open(&config.store.url, vault, clock)
        .await
        .with_context(|| format!("store.url: {place} cannot be opened"))
}

/// Opens the database, and leaves no file behind if it does not exist.
async fn open_store(config: &Config, clock: Clock) -> anyhow::Result<Store> {
    if let Some(path) = Store::find_missing(&config.store.url) {
        let path = std::path::absolute(&path).unwrap_or(path);
        bail!(
            "the database {} does not exist: start `incident-bridge serve` once, or run `incident-bridge migrate`; \
             or, if it is elsewhere, correct store.url",
            path.display()
        );
    }
    create_store(config, clock).await
}

/// The sources of a configuration, built without a database.
///
/// # Errors
/// Every mistake, with the key to fix.
pub fn build_registry(config: &Config) -> Result<Registry, ConfigError> {
    let mistake = |problem: String| ConfigError { problems: vec![problem] };
    let vault = open_vault(config).map_err(|fault| mistake(vault_fault(&fault)))?;
    let http = build_http(config).map_err(|fault| mistake(fault.to_string()))?;
    let built =
        Registry::build(&config.sources, &config.destinations, &http, &config.server.base_url, &vault);
    built.map_err(|faults| ConfigError { problems: faults.iter().map(ToString::to_string).collect() })
}

/// The client for every outbound request.
///
/// # Errors
/// With a sentence that names the key of `[http]` to fix.
pub fn build_http(config: &Config) -> Result<HttpClient, ClientError> {
    build_client(&http_settings(&config.http, config.delivery.timeout))
}

pub(super) fn http_settings(http: &Http, timeout: Duration) -> HttpSettings {
    HttpSettings {
        timeout,
        proxy: http.proxy.clone(),
        no_proxy: http.no_proxy.clone(),
        ca_file: http.ca_file.as_ref().map(PathBuf::from),
    }
}

/// What seals secrets under the configured keys.
///
/// # Errors
/// When a key is bad.
pub fn open_vault(config: &Config) -> Result<Vault, VaultError> {
    Vault::new(&config.vault.key, &config.vault.previous_keys)
}

pub(super) fn vault_fault(fault: &VaultError) -> String {
    format!("vault.key or vault.previous_keys: {fault}")
}

/// Everything but listeners, for commands that work on a database that exists, whatever its schema.
///
/// # Errors
/// With a sentence that names the key to fix.
pub async fn build_engine(config: &Config, clock: Clock) -> anyhow::Result<Arc<Engine>> {
    let store = open_store(config, clock.clone()).await?;
    build_engine_on(config, store, clock, TYPES)
}

/// The same on this database and with other types of destinations.
pub(super) fn build_engine_on(
    config: &Config,
    store: Store,
    clock: Clock,
    types: &[DestinationKind],
) -> anyhow::Result<Arc<Engine>> {
    let registry = build_registry(config)?;
    let points: Arc<dyn SharedPoints> = Arc::new(StoredPoints(store.clone()));
    let types = start_types(config, clock.clone(), types, Some(points))?;
    Ok(Arc::new(Engine::new(config, store, clock, registry, types)))
}

/// The same on a database whose schema is up to date already: for commands that migrate nothing.
///
/// # Errors
/// As for [`build_engine`]; and when migrations are missing.
pub async fn open_engine(config: &Config, clock: Clock) -> anyhow::Result<Arc<Engine>> {
    let engine = build_engine(config, clock).await?;
    expect_schema(&engine.operator()).await?;
    Ok(engine)
}

/// The types of destinations, built without a database.
///
/// # Errors
/// When the TLS backend does not start.
pub fn build_destination_types(
    config: &Config,
    clock: Clock,
    types: &[DestinationKind],
) -> anyhow::Result<DestinationTypes> {
    start_types(config, clock, types, None)
}

fn start_types(
    config: &Config,
    clock: Clock,
    types: &[DestinationKind],
    shared: Option<Arc<dyn SharedPoints>>,
) -> anyhow::Result<DestinationTypes> {
    // Zero means no limit.
    let points = |n: usize| u64::try_from(n).ok().filter(|points| *points > 0);
    let facilities = Facilities {
        http: build_http(config)?,
        clock,
        app_key: config.connect.app_key.clone(),
        quotas: Quotas {
            app: points(config.delivery.hourly_points),
            site: points(config.delivery.hourly_points_per_site),
        },
        points: shared,
    };
    Ok(DestinationTypes::start(types, &facilities))
}

/// Applies migrations, or refuses to continue without them.
///
/// # Errors
/// When a migration fails, or is missing and `store.migrate_on_start` is off.
pub async fn prepare_store(config: &Config, store: &Store) -> anyhow::Result<()> {
    if config.store.migrate_on_start {
        return store.migrate().await.context("the database could not be migrated");
    }
    match store.pending_migrations().await? {
        0 => Ok(()),
        n => bail!(
            "the database lacks {n} migrations: run `incident-bridge migrate`, or set store.migrate_on_start"
        ),
    }
}

/// For commands that sync: every part but the listeners, on a schema that is up to date. Creates a database that
/// does not exist.
///
/// # Errors
/// As for [`build_engine`] and [`prepare_store`].
pub async fn build_ready_engine(config: &Config, clock: Clock) -> anyhow::Result<Arc<Engine>> {
    let store = create_store(config, clock.clone()).await?;
    let engine = build_engine_on(config, store, clock, TYPES)?;
    prepare_store(config, engine.store()).await?;
    Ok(engine)
}

/// For commands that only read or mark: database and schema must exist already.
///
/// # Errors
/// When the database cannot be reached or lacks migrations.
pub async fn open_operator(config: &Config, clock: Clock) -> anyhow::Result<Operator> {
    let operator = Operator::new(open_store(config, clock.clone()).await?, clock);
    expect_schema(&operator).await?;
    Ok(operator)
}

async fn expect_schema(operator: &Operator) -> anyhow::Result<()> {
    match operator.count_pending_migrations().await? {
        0 => Ok(()),
        n => bail!(
            "the database lacks {n} migration(s): start `incident-bridge serve` once, or run `incident-bridge migrate`"
        ),
    }
}

/// Brings the schema up to date, whatever `store.migrate_on_start` says. Returns how many migrations were
/// missing.
///
/// # Errors
/// When the database cannot be reached, or was written by a newer program.
pub async fn migrate(config: &Config, clock: Clock) -> anyhow::Result<usize> {
    let store = create_store(config, clock.clone()).await?;
    let applied = Operator::new(store.clone(), clock).migrate().await?;
    store.close().await;
    Ok(applied)
}

/// For `doctor`: whatever the state of the schema.
///
/// # Errors
/// When the database does not exist or cannot be opened; `find_database_trouble` knows why.
pub async fn open_any_operator(config: &Config, clock: Clock) -> anyhow::Result<Operator> {
    Ok(Operator::new(open_store(config, clock.clone()).await?, clock))
}
