//! Layers the embedded defaults, the operator's files and the environment, and types the result.

use std::collections::BTreeMap;
use std::path::PathBuf;

use config::{FileFormat, Map, Value};

use super::across;
use super::effective::Config;
use super::error::ConfigError;
use super::manual::{DEFAULT_TOML, list_defaults};

const PREFIX: &str = "BRIDGE__";

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

    /// Whether nothing may be coloured on the terminal: <https://no-color.org>, or a terminal without colours.
    #[must_use]
    pub fn refuses_colors() -> bool {
        let says =
            |name, test: fn(&std::ffi::OsStr) -> bool| std::env::var_os(name).is_some_and(|it| test(&it));
        says("NO_COLOR", |it| !it.is_empty()) || says("TERM", |it| it == "dumb")
    }
}

/// A configuration and the layered values it came from, which know their origin.
#[derive(Debug, Clone)]
pub struct Loaded {
    pub config: Config,
    pub(super) values: Map<String, Value>,
}

/// Reads the defaults, then `files` in order, then the environment.
///
/// # Errors
/// All problems at once: unreadable files, unknown keys, wrong values, combinations that cannot work.
pub fn load(files: &[PathBuf], environment: &Environment) -> Result<Loaded, ConfigError> {
    let mut problems = Vec::new();
    let mut values = layer(files, environment, &mut problems)?;
    for part in Config::parts().iter().filter(|part| part.is_list) {
        across::fill_list(&mut values, part.name, &list_defaults(part.name, &part.keys)?);
    }
    across::fill_sites(&mut values);
    across::check_ids(&mut values, &mut problems);
    match Config::read(values.clone(), &mut problems) {
        Some(config) if problems.is_empty() => Ok(Loaded { config, values }),
        _ => Err(ConfigError { problems }),
    }
}

fn layer(
    files: &[PathBuf],
    environment: &Environment,
    problems: &mut Vec<String>,
) -> Result<Map<String, Value>, ConfigError> {
    let mut builder =
        config::Config::builder().add_source(config::File::from_str(DEFAULT_TOML, FileFormat::Toml));
    for file in files {
        builder = builder.add_source(config::File::from(file.as_path()).format(FileFormat::Toml));
    }
    let lists: Vec<_> =
        Config::parts().into_iter().filter(|part| part.is_list).map(|part| part.name).collect();
    let find_list = |name: &str| lists.iter().find(|list| name.starts_with(&list_prefix(list)));
    let (of_lists, plain): (Map<_, _>, Map<_, _>) =
        environment.0.clone().into_iter().partition(|(name, _)| find_list(name).is_some());
    let values = builder
        .add_source(
            config::Environment::with_prefix(PREFIX.trim_end_matches('_'))
                .prefix_separator("__")
                .separator("__")
                .source(Some(plain)),
        )
        .build()
        .and_then(|built| built.cache.into_table());
    let mut values = values.map_err(|fault| ConfigError { problems: vec![fault.to_string()] })?;
    for (name, text) in of_lists {
        if let Some(list) = find_list(&name) {
            apply_list_variable(&mut values, list, &name, text).unwrap_or_else(|fault| problems.push(fault));
        }
    }
    Ok(values)
}

fn list_prefix(list: &str) -> String {
    format!("{PREFIX}{}__", list.to_uppercase())
}

/// `BRIDGE__SOURCES__MY_PD__API_TOKEN` sets `api_token` of the source `my-pd`.
fn apply_list_variable(
    values: &mut Map<String, Value>,
    list: &str,
    name: &str,
    text: String,
) -> Result<(), String> {
    let one = list.trim_end_matches('s');
    let prefix = list_prefix(list);
    let rest = name.trim_start_matches(&prefix).to_lowercase();
    let (id, key) = rest
        .split_once("__")
        .ok_or_else(|| format!("{name}: write {prefix}<{} ID>__<KEY>", one.to_uppercase()))?;
    let id = id.replace('_', "-");
    let mut tables = across::tables_mut(values, list);
    let table = tables.find(|table| matches!(table.get("id"), Some(it) if it.to_string() == id));
    let table = table.ok_or_else(|| format!("{name}: there is no {one} with the id {id:?}"))?;
    table.insert(key.to_owned(), Value::new(Some(&"the environment".to_owned()), text));
    Ok(())
}
