//! One entry of the operator's mapping: a place or an expression, a table of values, a default.
//!
//! JMESPath expressions are compiled once, at the start; a bound on their operators bounds their nesting, so
//! that neither compiling nor running one can exhaust a thread's stack (a test tries). Knows no target.

use std::collections::BTreeMap;

use jmespath::{ErrorReason, RuntimeError};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::config::suggestion;
use crate::sources::kit::json::{Path, scalar_text};

/// Longest expression, in characters.
const MAX_LENGTH: usize = 2000;
/// Most operators and brackets in an expression: each may nest one level deeper, and a few hundred levels
/// overflow a thread's stack in a debug build.
const MAX_OPERATORS: usize = 100;
const NAMES: &[&str] = &["path", "paths", "jmespath", "from", "values", "default"];

/// What expressions look into.
pub(super) struct Documents<'a> {
    pub body: &'a Value,
    pub headers: &'a Value,
    pub ce: &'a Value,
}

/// What a path or an expression looks into.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Root {
    #[default]
    Body,
    Headers,
    Ce,
    /// An object with the other three.
    All,
}

#[derive(Deserialize)]
struct Table {
    path: Option<String>,
    paths: Option<Vec<String>>,
    jmespath: Option<String>,
    #[serde(default)]
    from: Root,
    #[serde(default)]
    values: BTreeMap<String, Value>,
    default: Option<Value>,
}

enum Place {
    Paths(Vec<(Root, Path)>),
    Query(Root, jmespath::Expression<'static>),
}

pub(super) struct Expression {
    place: Place,
    values: BTreeMap<String, String>,
    pub(super) default: Option<Value>,
}

impl Expression {
    /// Reads `"/a/b"` or `{ path | paths | jmespath, from, values, default }`.
    pub(super) fn build(value: &Value) -> Result<Self, String> {
        let table = match value {
            Value::String(path) => json!({ "path": path }),
            Value::Object(table) => {
                if let Some(key) = table.keys().find(|key| !NAMES.contains(&key.as_str())) {
                    return Err(format!("unknown key `{key}`; {}", suggestion(key, NAMES)));
                }
                value.clone()
            }
            _ => return Err("write a path as text, or a table with `path` or `jmespath`".to_owned()),
        };
        let table = Table::deserialize(table).map_err(|fault| fault.to_string())?;
        let place = match (table.path, table.paths, table.jmespath) {
            (Some(path), None, None) => Place::Paths(vec![parse_path(&path, table.from)]),
            (None, Some(paths), None) => {
                Place::Paths(paths.iter().map(|path| parse_path(path, table.from)).collect())
            }
            (None, None, Some(text)) => Place::Query(table.from, compile(&text)?),
            _ => return Err("needs exactly one of `path`, `paths` and `jmespath`".to_owned()),
        };
        let entry = |(word, value): (String, Value)| {
            let value = scalar_text(&value).ok_or(format!("`values.{word}` must be a text or a number"))?;
            Ok((word.trim().to_lowercase(), value))
        };
        let values = table.values.into_iter().map(entry).collect::<Result<_, String>>()?;
        Ok(Self { place, values, default: table.default })
    }

    /// Everything found, lists taken apart; nothing for null and for what is not there.
    pub(super) fn find(&self, documents: &Documents<'_>) -> Result<Vec<Value>, String> {
        let found: Vec<Value> = match &self.place {
            Place::Paths(paths) => {
                let find = |(root, path): &(Root, Path)| {
                    let document = root_of(*root, documents);
                    path.find_all(&document).into_iter().cloned().collect::<Vec<_>>()
                };
                paths.iter().flat_map(find).collect()
            }
            Place::Query(root, query) => {
                let result =
                    query.search(root_of(*root, documents).as_ref()).map_err(|fault| explain(&fault))?;
                vec![serde_json::to_value(&*result).map_err(|fault| fault.to_string())?]
            }
        };
        let apart = found.into_iter().flat_map(|value| match value {
            Value::Array(items) => items,
            other => vec![other],
        });
        Ok(apart.filter(|value| !value.is_null()).collect())
    }

    /// The table's value for the tool's word, in any case. Without an entry the word itself is used,
    /// unless there is a default for such words.
    pub(super) fn translate(&self, word: &str) -> Option<String> {
        match self.values.get(&word.trim().to_lowercase()) {
            Some(value) => Some(value.clone()),
            None if self.values.is_empty() || self.default.is_none() => Some(word.to_owned()),
            None => None,
        }
    }
}

fn root_of<'a>(root: Root, documents: &Documents<'a>) -> std::borrow::Cow<'a, Value> {
    use std::borrow::Cow::{Borrowed, Owned};
    match root {
        Root::Body => Borrowed(documents.body),
        Root::Headers => Borrowed(documents.headers),
        Root::Ce => Borrowed(documents.ce),
        Root::All => {
            Owned(json!({ "body": documents.body, "headers": documents.headers, "ce": documents.ce }))
        }
    }
}

/// Dotted paths reach the headers and the CloudEvents attributes; a JSON Pointer is always of the body.
fn parse_path(text: &str, root: Root) -> (Root, Path) {
    for (prefix, root) in [("headers.", Root::Headers), ("ce.", Root::Ce)] {
        if let Some(name) = text.strip_prefix(prefix) {
            return (root, Path::parse(&name.to_lowercase()));
        }
    }
    (root, Path::parse(text))
}

fn compile(text: &str) -> Result<jmespath::Expression<'static>, String> {
    if text.chars().count() > MAX_LENGTH {
        return Err(format!("the expression is longer than {MAX_LENGTH} characters"));
    }
    if text.matches(|c: char| "([{.!|&=<>*?".contains(c)).count() > MAX_OPERATORS {
        return Err(format!("the expression has more than {MAX_OPERATORS} operators and brackets"));
    }
    let query = jmespath::compile(text).map_err(|fault| fault.to_string())?;
    // Unknown functions and wrong numbers of arguments show only at run time; null reaches most of them.
    match query.search(&Value::Null) {
        Err(fault) if is_fault_of_expression(&fault.reason) => Err(fault.to_string()),
        _ => Ok(query),
    }
}

fn is_fault_of_expression(reason: &ErrorReason) -> bool {
    matches!(
        reason,
        ErrorReason::Parse(_)
            | ErrorReason::Runtime(
                RuntimeError::UnknownFunction(_)
                    | RuntimeError::TooManyArguments { .. }
                    | RuntimeError::NotEnoughArguments { .. }
                    | RuntimeError::InvalidSlice
            )
    )
}

/// Says what went wrong without repeating the event.
fn explain(fault: &jmespath::JmespathError) -> String {
    match &fault.reason {
        ErrorReason::Runtime(RuntimeError::UnknownFunction(name)) => {
            format!("calls the function `{name}`, which does not exist")
        }
        _ => format!("fails at column {}: the values there do not have the type it needs", fault.column),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deepest_expressions_fit_on_a_small_stack() {
        let nested = |open: &str, inner: &str, close: &str| {
            let operators = open.chars().filter(|c| "([{.!|&=<>*?".contains(*c)).count();
            let depth = (MAX_LENGTH - inner.len()) / (open.len() + close.len());
            let depth = depth.min(MAX_OPERATORS / operators);
            format!("{}{inner}{}", open.repeat(depth), close.repeat(depth))
        };
        let worst = [
            nested("(", "a", ")"),
            nested("!", "a", ""),
            nested("a.", "a", ""),
            nested("a==", "a", ""),
            nested("a|", "a", ""),
            nested("[", "a", "]"),
            nested("a||", "a", ""),
            nested("not_null(", "a", ")"),
            nested("[*]", "", ""),
            nested("{a:", "a", "}"),
            nested("a[?", "a", "]"),
            nested("&", "a", ""),
        ];
        // Tokio's workers have 2 MiB; half leaves room for what runs around an expression.
        let thread = std::thread::Builder::new().stack_size(1024 * 1024).spawn(move || {
            for text in worst {
                if let Ok(query) = compile(&text) {
                    let _result = query.search(json!({"a": {"a": 1}}));
                }
            }
        });
        thread.expect("started").join().expect("no expression overflows the stack");
    }

    #[test]
    fn faults_show_when_the_mapping_is_built() {
        for (expression, fault) in [
            (json!({"jmespath": "foo("}), "Parse error"),
            (json!({"jmespath": "upper(title)"}), "upper"),
            (json!({"jmespath": "length()"}), "argument"),
            (json!({"jmespath": "a".repeat(MAX_LENGTH + 1)}), "longer than 2000"),
            (json!({"jmespath": "!".repeat(MAX_OPERATORS + 1)}), "more than 100"),
            (json!({"path": "/a", "jmespath": "a"}), "exactly one"),
            (json!({"pth": "/a"}), "did you mean `path`"),
            (json!({"path": "/a", "from": "cookies"}), "unknown variant"),
            (json!(7), "write a path"),
        ] {
            let told = Expression::build(&expression).err().expect("refused");
            assert!(told.to_lowercase().contains(&fault.to_lowercase()), "{expression}: {told}");
        }
    }
}
