//! Layers the embedded defaults, the operator's files and the environment, and types the result.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use config::{FileFormat, Map, Value, ValueKind};

use super::values::{Table, nearest};
use super::{
    Config, Connect, DEFAULT_TOML, Delivery, Http, Log, Operator, Retention, Server, SourceConfig, Store,
    Sync, Vault,
};

const PREFIX: &str = "BRIDGE__";
const SECTIONS: [&str; 11] = [
    "server",
    "operator",
    "store",
    "vault",
    "connect",
    "http",
    "delivery",
    "sync",
    "retention",
    "log",
    "sources",
];

/// Everything that is wrong with a configuration, one sentence each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the configuration has {} to mend:\n  {}", count(problems.len()), problems.join("\n  "))]
pub struct ConfigError {
    pub problems: Vec<String>,
}

fn count(n: usize) -> String {
    if n == 1 { "1 thing".to_owned() } else { format!("{n} things") }
}

/// The environment variables that concern the configuration, `BRIDGE__…` by name.
#[derive(Debug, Clone, Default)]
pub struct Environment(pub BTreeMap<String, String>);

impl Environment {
    /// Those of this process.
    #[must_use]
    pub fn of_process() -> Self {
        Self(
            std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                .filter(|(name, _)| name.starts_with(PREFIX))
                .collect(),
        )
    }
}

/// A configuration and the layered values it came from, which know their origin.
#[derive(Debug, Clone)]
pub struct Loaded {
    pub config: Config,
    pub(super) values: Value,
}

/// Reads the defaults, then `files` in order, then the environment.
///
/// # Errors
/// All problems at once: unreadable files, unknown keys, wrong values, combinations that cannot work.
pub fn load(files: &[PathBuf], environment: &Environment) -> Result<Loaded, ConfigError> {
    let values = layer(files, environment)?;
    let mut problems = Vec::new();
    let config = read(values.clone(), &mut problems);
    match config {
        Some(config) if problems.is_empty() => Ok(Loaded { config, values }),
        _ => Err(ConfigError { problems }),
    }
}

fn layer(files: &[PathBuf], environment: &Environment) -> Result<Value, ConfigError> {
    let fail = |fault: &dyn std::fmt::Display| ConfigError { problems: vec![fault.to_string()] };
    let mut builder =
        config::Config::builder().add_source(config::File::from_str(DEFAULT_TOML, FileFormat::Toml));
    for file in files {
        builder = builder.add_source(config::File::from(file.as_path()).format(FileFormat::Toml));
    }
    let (of_sources, plain): (Map<_, _>, Map<_, _>) = environment
        .0
        .clone()
        .into_iter()
        .partition(|(name, _)| name.starts_with(&format!("{PREFIX}SOURCES__")));
    let built = builder
        .add_source(
            config::Environment::with_prefix(PREFIX.trim_end_matches('_'))
                .prefix_separator("__")
                .separator("__")
                .source(Some(plain)),
        )
        .build()
        .map_err(|fault| fail(&fault))?;
    let mut values = built.cache;
    let mut problems = Vec::new();
    apply_source_variables(&mut values, of_sources, &mut problems);
    if problems.is_empty() { Ok(values) } else { Err(ConfigError { problems }) }
}

/// `BRIDGE__SOURCES__MY_PD__API_TOKEN` sets `api_token` of the source `my-pd`.
fn apply_source_variables(values: &mut Value, variables: Map<String, String>, problems: &mut Vec<String>) {
    for (name, text) in variables {
        let rest = name.trim_start_matches(PREFIX).trim_start_matches("SOURCES__").to_lowercase();
        let Some((id, key)) = rest.split_once("__") else {
            problems.push(format!("{name}: write {PREFIX}SOURCES__<SOURCE ID>__<KEY>"));
            continue;
        };
        let wanted = id.replace('_', "-");
        let source = find_source(values, &wanted);
        match source {
            Some(table) => {
                table.insert(key.to_owned(), Value::new(Some(&"the environment".to_owned()), text));
            }
            None => problems.push(format!("{name}: there is no source with the id {wanted:?}")),
        }
    }
}

fn find_source<'v>(values: &'v mut Value, id: &str) -> Option<&'v mut Map<String, Value>> {
    let ValueKind::Table(root) = &mut values.kind else { return None };
    let ValueKind::Array(sources) = &mut root.get_mut("sources")?.kind else { return None };
    sources.iter_mut().find_map(|source| match &mut source.kind {
        ValueKind::Table(table) if table.get("id").is_some_and(|v| v.to_string() == id) => Some(table),
        _ => None,
    })
}

fn read(values: Value, problems: &mut Vec<String>) -> Option<Config> {
    let mut root = values.into_table().ok()?;
    let sources = root.remove("sources");
    let mut tables: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for (name, value) in root {
        match (SECTIONS.into_iter().find(|known| *known == name), value.into_table()) {
            (Some(known), Ok(table)) => {
                tables.insert(known, table);
            }
            (Some(_), Err(_)) => problems.push(format!("{name}: must be a table, [{name}]")),
            (None, _) => {
                problems.push(format!("{name}: is not a section{}", nearest(&name, SECTIONS.into_iter())));
            }
        }
    }
    let mut table = |name: &'static str| tables.remove(name).unwrap_or_default();
    let server = Server::read(Table::new("server", table("server"), problems));
    let operator = Operator::read(Table::new("operator", table("operator"), problems));
    let store = Store::read(Table::new("store", table("store"), problems));
    let vault = Vault::read(Table::new("vault", table("vault"), problems));
    let connect = Connect::read(Table::new("connect", table("connect"), problems));
    let http = Http::read(Table::new("http", table("http"), problems));
    let delivery = Delivery::read(Table::new("delivery", table("delivery"), problems));
    let sync = Sync::read(Table::new("sync", table("sync"), problems));
    let retention = Retention::read(Table::new("retention", table("retention"), problems));
    let log = Log::read(Table::new("log", table("log"), problems));
    let sites = connect.as_ref().map(|connect| connect.sites.clone()).unwrap_or_default();
    let sources = read_sources(sources, &sites, problems);
    Some(Config {
        server: server?,
        operator: operator?,
        store: store?,
        vault: vault?,
        connect: connect?,
        http,
        delivery: delivery?,
        sync: sync?,
        retention: retention?,
        log: log?,
        sources,
    })
}

fn read_sources(value: Option<Value>, all_sites: &[String], problems: &mut Vec<String>) -> Vec<SourceConfig> {
    let Some(value) = value else { return Vec::new() };
    let Ok(tables) = value.into_array() else {
        problems.push("sources: must be a list of tables, [[sources]]".to_owned());
        return Vec::new();
    };
    let mut sources = Vec::new();
    let mut ids = BTreeSet::new();
    for (position, table) in tables.into_iter().enumerate() {
        let path = format!("sources[{position}]");
        let Ok(table) = table.into_table() else {
            problems.push(format!("{path}: must be a table, [[sources]]"));
            continue;
        };
        if let Some(source) = SourceConfig::read(Table::new(path, table, problems), all_sites) {
            if ids.insert(source.id.clone()) {
                sources.push(source);
            } else {
                problems.push(format!(
                    "sources[{position}].id: {:?} is already the id of another source",
                    source.id.as_str()
                ));
            }
        }
    }
    sources
}
