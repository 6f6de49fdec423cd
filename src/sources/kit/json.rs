//! Reads single values out of a tool's JSON without ever failing: tools leave out, null and retype fields
//! at will, and only the source knows which of them it cannot do without.
//!
//! Must not know any tool.

use serde_json::Value;

use super::reader::read_json;
use crate::clock::from_millis;
use crate::domain::{Timestamp, is_blank, parse_timestamp};

/// Lenient access by JSON Pointer (RFC 6901). What is missing, null or of another type is absent.
pub(in crate::sources) trait Fields {
    /// The text there; empty when absent.
    fn text(&self, pointer: &str) -> &str;
    /// What is there; null when absent.
    fn at(&self, pointer: &str) -> &Value;
    /// The text there, unless it shows nothing.
    fn find_text(&self, pointer: &str) -> Option<&str> {
        Some(self.text(pointer)).filter(|text| !is_blank(text))
    }
    /// The text, number or flag there, as text; identifiers come as any of them.
    fn find_id(&self, pointer: &str) -> Option<String>;
    fn find_time(&self, pointer: &str) -> Option<Timestamp> {
        parse_timestamp(self.text(pointer))
    }
    /// The list there; empty when absent.
    fn items(&self, pointer: &str) -> &[Value];
    /// The ids of the objects in the list there, in order.
    fn ids(&self, pointer: &str) -> Vec<String> {
        self.items(pointer).iter().filter_map(|item| item.find_id("/id")).collect()
    }
}

impl Fields for Value {
    fn text(&self, pointer: &str) -> &str {
        find(self, pointer).and_then(Value::as_str).unwrap_or_default()
    }

    fn at(&self, pointer: &str) -> &Value {
        find(self, pointer).unwrap_or(&Value::Null)
    }

    fn find_id(&self, pointer: &str) -> Option<String> {
        find(self, pointer).and_then(scalar_text)
    }

    fn items(&self, pointer: &str) -> &[Value] {
        find(self, pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }
}

/// What is there. `Value::pointer` copies every part of the pointer, to replace what a `~` escapes.
fn find<'v>(value: &'v Value, pointer: &str) -> Option<&'v Value> {
    if pointer.contains('~') || !pointer.starts_with('/') {
        return value.pointer(pointer);
    }
    pointer.split('/').skip(1).try_fold(value, |value, part| match value {
        Value::Object(fields) => fields.get(part),
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        _ => None,
    })
}

/// A text, number or flag as text; `None` for everything else and for text that shows nothing.
pub(in crate::sources) fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !is_blank(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// Adds a field to an object; anything else stays as it is.
pub(in crate::sources) fn set(value: &mut Value, name: &str, field: Value) {
    if let Value::Object(fields) = value {
        fields.insert(name.to_owned(), field);
    }
}

/// A web address that people can open, if the text is one.
pub(in crate::sources) fn find_web_url(text: &str) -> Option<&str> {
    let url = url::Url::parse(text).ok()?;
    matches!(url.scheme(), "http" | "https").then_some(text)
}

/// An instant in milliseconds since the epoch, as text.
pub(in crate::sources) fn parse_millis(text: &str) -> Option<Timestamp> {
    let millis = text.trim().parse::<i64>().ok().filter(|millis| *millis > 0)?;
    // Later years cannot be written as an instant that Jira reads.
    (millis < 253_402_300_800_000).then(|| from_millis(millis))
}

/// A value that may arrive as JSON text inside of JSON.
pub(in crate::sources) fn unwrap_text(value: &Value) -> Value {
    let inner = value.as_str().and_then(|text| read_json(text.as_bytes()).ok());
    inner.unwrap_or_else(|| value.clone())
}

/// A name from the payload, short enough for a message.
pub(in crate::sources) fn shorten(text: &str) -> String {
    text.chars().take(80).collect()
}

/// A place in JSON: a JSON Pointer (`/services/*/id`) or a dotted path (`services.*.id`), where `*` stands
/// for every element of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sources) struct Path(Vec<String>);

impl Path {
    /// Parses either form; the empty text is the whole document.
    pub(in crate::sources) fn parse(text: &str) -> Self {
        let steps = match text.strip_prefix('/') {
            Some(pointer) => pointer.split('/').map(|s| s.replace("~1", "/").replace("~0", "~")).collect(),
            None if text.is_empty() => Vec::new(),
            None => text.split('.').map(str::to_owned).collect(),
        };
        Self(steps)
    }

    /// Everything at this place; more than one value only with `*`.
    pub(in crate::sources) fn find_all<'a>(&self, document: &'a Value) -> Vec<&'a Value> {
        self.0.iter().fold(vec![document], |found, step| {
            found.into_iter().flat_map(|value| descend(value, step)).collect()
        })
    }
}

fn descend<'a>(value: &'a Value, step: &str) -> Vec<&'a Value> {
    match value {
        Value::Array(items) if step == "*" => items.iter().collect(),
        Value::Array(items) => step.parse::<usize>().ok().and_then(|i| items.get(i)).into_iter().collect(),
        Value::Object(fields) => fields.get(step).into_iter().collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_finds_the_same_in_both_forms() {
        let document = json!({"a": [{"b": 1}, {"c": 0}, {"b": 2}], "x/y": {"~": "t"}});
        for path in ["/a/*/b", "a.*.b"] {
            assert_eq!(Path::parse(path).find_all(&document), [&json!(1), &json!(2)], "{path}");
        }
        assert_eq!(Path::parse("a.2.b").find_all(&document), [&json!(2)]);
        assert_eq!(Path::parse("/x~1y/~0").find_all(&document), [&json!("t")]);
        assert_eq!(Path::parse("").find_all(&document), [&document]);
        assert!(Path::parse("a.9.b").find_all(&document).is_empty());
    }

    #[test]
    fn fields_of_another_type_are_absent() {
        let value = json!({"n": 7, "t": " ", "none": null, "list": [{"id": 1}, {"id": "b"}, {}, 3]});
        assert_eq!(value.text("/n"), "");
        assert_eq!(value.find_text("/t"), None);
        assert_eq!(value.find_id("/n").as_deref(), Some("7"));
        assert_eq!(value.find_id("/none"), None);
        assert_eq!(value.ids("/list"), ["1", "b"]);
        assert!(value.items("/n").is_empty());
    }

    #[test]
    fn json_may_be_wrapped_in_text_and_times_in_milliseconds() {
        assert_eq!(unwrap_text(&json!("{\"a\": [1]}")), json!({"a": [1]}));
        assert_eq!(unwrap_text(&json!("plain")), json!("plain"));
        assert_eq!(parse_millis("1789374067412").map(|at| at.timestamp_millis()), Some(1_789_374_067_412));
        for text in ["", "-1", "x", "99999999999999999"] {
            assert_eq!(parse_millis(text), None, "{text}");
        }
    }

    #[test]
    fn only_web_addresses_are_links() {
        assert_eq!(find_web_url("https://a.example/x"), Some("https://a.example/x"));
        for text in ["javascript:alert(1)", "/graph", "", "ftp://a.example"] {
            assert_eq!(find_web_url(text), None, "{text}");
        }
    }
}
