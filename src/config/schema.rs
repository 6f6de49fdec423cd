//! `config schema`: what an editor needs to complete, explain and check a configuration file.
//!
//! Follows from the keys and from `config/default.toml`; nothing is described here. A value that has to be
//! given may be in another file or in the environment, so a single file is not refused for lacking it.

#![expect(clippy::indexing_slicing, reason = "the JSON is this program's own, and read by every test")]

use serde_json::{Map, Value as Json, json};

use super::effective::Config;
use super::error::ConfigError;
use super::manual::{Entry, defaults, entries, list_defaults};
use super::section::{Key, Part};
use super::table::to_json;

/// The keys that only one type of a list of tables has.
#[derive(Debug, Clone)]
pub struct TypeKeys<'a> {
    /// The list: `sources` or `destinations`.
    pub list: &'a str,
    /// As the key `type` names it.
    pub name: &'a str,
    pub keys: &'a [&'a str],
    /// Where they are explained.
    pub page: String,
}

/// The configuration as JSON Schema, draft 2020-12. A list of which `types` names no type takes any type.
///
/// # Errors
/// When `config/default.toml` is not readable.
pub fn schema(types: &[TypeKeys<'_>]) -> Result<Json, ConfigError> {
    let entries = entries();
    let defaults = defaults()?.into_table().unwrap_or_default();
    let mut properties = Map::new();
    for part in Config::parts() {
        let values = match defaults.get(part.name) {
            _ if part.is_list => list_defaults(part.name, &part.keys)?,
            section => section.cloned().and_then(|it| it.into_table().ok()).unwrap_or_default(),
        };
        let values = values.into_iter().map(|(key, value)| (key, to_json(value))).collect();
        let mut table = describe_table(&part, &values, &entries);
        if part.is_list {
            let has_types = part.keys.iter().any(|key| key.name == "type");
            let types: Vec<_> = types.iter().filter(|it| it.list == part.name).collect();
            if has_types {
                add_types(&mut table, &types);
            }
            table = json!({ "type": "array", "items": table });
        }
        table["description"] = find_about(&entries, part.name, None).into();
        properties.insert(part.name.to_owned(), table);
    }
    Ok(json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of Incident Bridge",
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    }))
}

fn describe_table(part: &Part, defaults: &Map<String, Json>, entries: &[Entry]) -> Json {
    let mut properties = Map::new();
    for key in &part.keys {
        let mut property = key.schema.clone();
        property["description"] = find_about(entries, part.name, Some(key.name)).into();
        if let Some(value) = defaults.get(key.name) {
            property["default"] = value.clone();
        }
        properties.insert(key.name.to_owned(), property);
        if let Some(twin) = key.file_twin {
            let about = format!("Path of a file that holds `{}`, which is then not given itself.", key.name);
            properties.insert(twin.to_owned(), json!({ "type": "string", "description": about }));
        }
    }
    let mut table = json!({ "type": "object", "additionalProperties": false, "properties": properties });
    let twins = part.keys.iter().filter_map(|key| Some([key.name, key.file_twin?]));
    let never_both: Vec<_> = twins.map(|pair| json!({ "not": { "required": pair } })).collect();
    if !never_both.is_empty() {
        table["allOf"] = never_both.into();
    }
    if part.is_list {
        table["required"] = required_names(&part.keys).into();
    }
    table
}

/// What every table of a list needs, whatever another file or the environment adds.
fn required_names(keys: &[Key]) -> Vec<&'static str> {
    let needed = keys.iter().filter(|key| key.required && ["id", "type"].contains(&key.name));
    needed.map(|key| key.name).collect()
}

/// Adds the keys of all types, each for its own type only.
fn add_types(table: &mut Json, types: &[&TypeKeys<'_>]) {
    if types.is_empty() {
        table["additionalProperties"] = true.into();
        return;
    }
    let shared: Vec<String> =
        table["properties"].as_object().into_iter().flat_map(Map::keys).cloned().collect();
    let names: Vec<_> = types.iter().map(|it| it.name).collect();
    table["properties"]["type"]["enum"] = names.into();
    let mut rules = table["allOf"].as_array().cloned().unwrap_or_default();
    for it in types {
        for key in it.keys {
            let pages =
                types.iter().filter(|other| other.keys.contains(key)).map(|other| other.page.as_str());
            let about = format!("See {}.", pages.collect::<Vec<_>>().join(", "));
            table["properties"][*key] = json!({ "description": about });
        }
        let known: Vec<_> = shared.iter().map(String::as_str).chain(it.keys.iter().copied()).collect();
        rules.push(json!({
            "if": { "properties": { "type": { "const": it.name } } },
            "then": { "propertyNames": { "enum": known } },
        }));
    }
    table["allOf"] = rules.into();
}

fn find_about(entries: &[Entry], section: &str, key: Option<&str>) -> String {
    let entry = entries.iter().find(|entry| entry.section == section && entry.key.as_deref() == key);
    entry.map(|entry| entry.about.clone()).unwrap_or_default()
}
