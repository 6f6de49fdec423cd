//! Layers the embedded defaults, the operator's files and the environment, and types the result.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use config::{FileFormat, Map, Value, ValueKind};

use super::across;
use super::effective::{Config, Readable};
use super::error::ConfigError;
use super::files::{Environment, PREFIX, nothing_given};
use super::kind::place_path;
use super::manual::{DEFAULT_TOML, list_defaults};
use super::reading::Reading;
use super::section::{Part, one_of};

/// A configuration without a mistake.
#[derive(Debug, Clone)]
pub struct Loaded {
    pub config: Config,
    /// Whether the operator chose `log.level` for this process alone, by a variable.
    pub log_level_is_from_environment: bool,
    pub(super) reading: Reading,
}

impl Loaded {
    /// The files that hold a secret: those that a `…_file` key names, and configuration files with a secret.
    #[must_use]
    pub fn secret_files(&self) -> &BTreeSet<PathBuf> {
        &self.reading.secret_files
    }
}

/// A configuration as it was read, perhaps with mistakes.
#[derive(Debug, Clone)]
pub struct Draft {
    /// What could be read. A source or destination with a mistake is left out.
    pub readable: Readable,
    /// The layered values, which know their origin.
    pub(super) values: Map<String, Value>,
    pub(super) reading: Reading,
}

impl Draft {
    /// Reads the defaults, then `files` in order, then the environment.
    #[must_use]
    pub fn read(files: &[PathBuf], environment: &Environment) -> Self {
        let mut reading = Reading::default();
        let Some(mut values) = layer(files, environment, &mut reading.problems) else {
            // Without one of the files, everything else would seem to be missing.
            let readable = Readable::read(Map::new(), &mut Reading::default());
            return Self { readable, values: Map::new(), reading };
        };
        for part in Config::parts().iter().filter(|part| part.is_list) {
            match list_defaults(part.name, &part.keys) {
                Ok(defaults) => across::fill_list(&mut values, part.name, &defaults),
                Err(fault) => reading.problems.extend(fault.problems),
            }
        }
        across::fill_sites(&mut values);
        across::check_ids(&mut values, &mut reading.problems);
        across::choose_polls(&mut values, &mut reading.problems);
        let mut readable = Readable::read(values.clone(), &mut reading);
        readable.add_jira_issues();
        if files.is_empty() && !reading.problems.is_empty() {
            reading.problems.insert(0, nothing_given());
        }
        Self { readable, values, reading }
    }

    /// The configuration, if neither reading it nor its further examination has found a mistake.
    ///
    /// # Errors
    /// All problems at once.
    pub fn finish(self, further: Vec<String>) -> Result<Loaded, ConfigError> {
        let level = self.values.get("log").and_then(|log| log.clone().into_table().ok()?.remove("level"));
        let mut reading = self.reading;
        reading.problems.extend(further);
        match self.readable.complete() {
            Some(config) if reading.problems.is_empty() => Ok(Loaded {
                config,
                log_level_is_from_environment: level.is_some_and(|it| it.origin() == Some(ENVIRONMENT)),
                reading,
            }),
            _ => Err(ConfigError { problems: reading.problems }),
        }
    }
}

/// What [`Draft::read`] reads, without a further examination.
///
/// # Errors
/// All problems at once: unreadable files, unknown keys, wrong values, combinations that cannot work.
pub fn load(files: &[PathBuf], environment: &Environment) -> Result<Loaded, ConfigError> {
    Draft::read(files, environment).finish(Vec::new())
}

/// `None` when a file cannot be read at all.
fn layer(
    files: &[PathBuf],
    environment: &Environment,
    problems: &mut Vec<String>,
) -> Option<Map<String, Value>> {
    let mut builder =
        config::Config::builder().add_source(config::File::from_str(DEFAULT_TOML, FileFormat::Toml));
    let parts = Config::parts();
    for file in files {
        match read_file(file, &parts) {
            Ok(layer) => builder = builder.add_source(layer),
            Err(fault) => problems.push(without_lines(&fault.to_string())),
        }
    }
    if !problems.is_empty() {
        return None;
    }
    let lists: Vec<_> = parts.iter().filter(|part| part.is_list).map(|part| part.name).collect();
    let find_list = |name: &str| lists.iter().find(|list| name.starts_with(&list_prefix(list)));
    let variables = environment.0.iter().filter(|(name, _)| name.starts_with(PREFIX));
    let variables = variables.map(|(name, text)| (name.clone(), text.clone()));
    let (of_lists, plain): (Map<_, _>, Map<_, _>) =
        variables.partition(|(name, _)| find_list(name).is_some());
    let built = builder
        .add_source(
            config::Environment::with_prefix(PREFIX.trim_end_matches('_'))
                .prefix_separator("__")
                .separator("__")
                .source(Some(plain)),
        )
        .build()
        .and_then(|built| built.cache.into_table());
    let mut values = built.map_err(|fault| problems.push(without_lines(&fault.to_string()))).ok()?;
    across::fill_ids(&mut values);
    for (name, text) in of_lists {
        if let Some(list) = find_list(&name) {
            apply_list_variable(&mut values, list, &name, text).unwrap_or_else(|fault| problems.push(fault));
        }
    }
    Some(values)
}

/// One file, with its paths as seen from everywhere.
fn read_file(file: &Path, parts: &[Part]) -> Result<config::Config, config::ConfigError> {
    let source = config::File::from(file).format(FileFormat::Toml);
    let mut built = config::Config::builder().add_source(source).build()?;
    let folder = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let folder = folder.parent().unwrap_or(Path::new("/"));
    if let ValueKind::Table(values) = &mut built.cache.kind {
        for part in parts {
            let tables: Vec<_> = match values.get_mut(part.name).map(|value| &mut value.kind) {
                Some(ValueKind::Table(table)) => vec![table],
                _ => across::tables_mut(values, part.name).collect(),
            };
            for table in tables {
                place_paths(table, part, folder);
            }
        }
    }
    Ok(built)
}

fn place_paths(table: &mut Map<String, Value>, part: &Part, folder: &Path) {
    for key in &part.keys {
        let twin = key.file_twin.map(|twin| (twin, place_path as super::kind::Place));
        for (name, place) in key.place.map(|place| (key.name, place)).into_iter().chain(twin) {
            if let Some(ValueKind::String(text)) = table.get_mut(name).map(|value| &mut value.kind) {
                *text = place(folder, text);
            }
        }
    }
}

/// The reader of TOML quotes the line at fault, which may hold a secret: its place is enough.
fn without_lines(fault: &str) -> String {
    let is_quoted = |line: &&str| {
        line.trim_start().trim_start_matches(|c: char| c.is_ascii_digit()).trim_start().starts_with('|')
    };
    let lines: Vec<_> = fault.lines().filter(|line| !is_quoted(line)).map(str::trim).collect();
    lines.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>().join(": ")
}

/// How the layers call the environment.
const ENVIRONMENT: &str = "the environment";

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
    let one = one_of(list);
    let prefix = list_prefix(list);
    let rest = name.trim_start_matches(&prefix).to_lowercase();
    let (id, key) = rest
        .split_once("__")
        .ok_or_else(|| format!("{name}: write {prefix}<{} ID>__<KEY>", one.to_uppercase()))?;
    let id = id.replace('_', "-");
    let mut tables = across::tables_mut(values, list);
    let table = tables.find(|table| matches!(table.get("id"), Some(it) if it.to_string() == id));
    let table = table.ok_or_else(|| format!("{name}: there is no {one} with the id {id:?}"))?;
    table.insert(key.to_owned(), Value::new(Some(&ENVIRONMENT.to_owned()), text));
    Ok(())
}
