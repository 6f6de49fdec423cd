//! Atlassian's published rules for request bodies, compiled from its OpenAPI document.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jsonschema::{Draft, Validator};
use serde_json::{Value, json};

use super::operation::Operation;

const OPENAPI: &str = include_str!("../jira-platform.openapi.json");

/// By operation. Empty if the document cannot be read, which a test rules out.
static CHECKS: LazyLock<BTreeMap<String, Validator>> = LazyLock::new(|| compile().unwrap_or_default());

/// What is wrong with the body of an operation, one line a rule, without the values.
pub fn check(operation: &Operation, body: &Value) -> Vec<String> {
    let Some(validator) = CHECKS.get(operation.id()) else { return Vec::new() };
    validator
        .iter_errors(body)
        .map(|error| format!("{}: {}", error.instance_path(), error.masked()))
        .collect()
}

/// Operations whose bodies are checked.
#[cfg(test)]
pub fn list_checked() -> Vec<&'static str> {
    CHECKS.keys().map(String::as_str).collect()
}

fn compile() -> Result<BTreeMap<String, Validator>, String> {
    let mut document: Value = serde_json::from_str(OPENAPI).map_err(|fault| fault.to_string())?;
    allow_null(&mut document);
    let paths = document["paths"].as_object().into_iter().flatten();
    let operations = paths.flat_map(|(_, methods)| methods.as_object().into_iter().flatten());
    let bodies = operations.filter_map(|(_, operation)| {
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        Some((operation["operationId"].as_str()?.to_owned(), schema.as_object()?.clone()))
    });
    bodies
        .map(|(name, schema)| {
            let whole = json!({ "allOf": [schema], "components": document["components"] });
            let built =
                jsonschema::options().with_draft(Draft::Draft4).should_validate_formats(true).build(&whole);
            built.map(|validator| (name, validator)).map_err(|fault| fault.to_string())
        })
        .collect()
}

/// `nullable` is OpenAPI's word; JSON Schema says it with a list of types.
fn allow_null(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if members.get("nullable") == Some(&Value::Bool(true))
                && let Some(kind) = members.get_mut("type")
                && kind.is_string()
            {
                *kind = json!([kind.take(), "null"]);
            }
            members.values_mut().for_each(allow_null);
        }
        Value::Array(items) => items.iter_mut().for_each(allow_null),
        _ => {}
    }
}
