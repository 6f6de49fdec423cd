//! Values as TOML, and comments that stay comments whatever is in them.

use serde_json::Value;

/// A text in quotation marks. JSON's escapes are also TOML's; only DEL must be escaped here in addition.
pub(super) fn quote(text: &str) -> String {
    Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

/// A list of texts on one line.
pub(super) fn quote_all<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    format!("[{}]", texts.into_iter().map(quote).collect::<Vec<_>>().join(", "))
}

/// Any value on one line; `None` for what TOML cannot express.
pub(super) fn inline(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => quote(text),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(inline).collect::<Option<Vec<_>>>()?.join(", "))
        }
        Value::Object(table) => {
            let entry = |(key, value): (&String, &Value)| Some(format!("{} = {}", name(key), inline(value)?));
            let entries = table.iter().map(entry).collect::<Option<Vec<_>>>()?;
            if entries.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", entries.join(", ")) }
        }
    })
}

/// The name of a key, quoted if need be.
pub(super) fn name(key: &str) -> String {
    let is_bare = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
    if is_bare { key.to_owned() } else { quote(key) }
}

/// One line for a comment.
pub(super) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_is_read_back_whatever_is_in_it() {
        let value = json!({
            "a": "x\"\\\n\u{7f}\u{1}ü", "b c": [1, true, { "value": "red" }], "": {}, "d": -1.5, "e": [],
        });
        let text = format!("x = {}", inline(&value).unwrap());
        let file = config::File::from_str(&text, config::FileFormat::Toml);
        let read = config::Config::builder().add_source(file).build().unwrap();
        assert_eq!(read.try_deserialize::<Value>().unwrap()["x"], value);
        assert_eq!(inline(&json!([null])), None);
    }

    #[test]
    fn a_comment_is_one_line() {
        assert_eq!(one_line("a\n[[sources]]\r\u{2028}"), "a [[sources]] \u{2028}");
    }
}
