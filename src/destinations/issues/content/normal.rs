//! Tells whether people have changed a text since it was written.
//!
//! Must see what people see and nothing else: Jira may write ids and attributes of its own into a document.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// Start of a text's look, its end, and the border of a block. Written texts have no control characters.
const LOOK: char = '\u{1}';
const TEXT: char = '\u{2}';
const BORDER: char = '\u{4}';

/// Hex SHA-256 of a document's texts, looks and blocks. Neighbouring texts that look alike count as one.
#[must_use]
pub fn document_digest(document: &Value) -> String {
    let mut form = String::new();
    let mut look = String::new();
    write(document, &mut look, &mut form);
    text_digest(&form)
}

/// Hex SHA-256 of a text.
#[must_use]
pub fn text_digest(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

/// `look` is that of the text written last, empty after a border.
fn write(node: &Value, look: &mut String, form: &mut String) {
    let text = |key: &str| node.get(key).and_then(Value::as_str).unwrap_or_default();
    if text("type") == "text" {
        let own = look_of(node);
        if *look != own {
            form.push_str(&own);
            *look = own;
        }
        form.push_str(text("text"));
        return;
    }
    form.push(BORDER);
    form.push_str(text("type"));
    look.clear();
    for inner in node.get("content").and_then(Value::as_array).into_iter().flatten() {
        write(inner, look, form);
    }
    form.push(BORDER);
    look.clear();
}

fn look_of(text: &Value) -> String {
    let marks = text.get("marks").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut names: Vec<&str> = marks.iter().filter_map(|mark| mark.get("type")?.as_str()).collect();
    names.sort_unstable();
    let href = marks.iter().find_map(|mark| mark.pointer("/attrs/href")?.as_str()).unwrap_or_default();
    format!("{LOOK}{} {href}{TEXT}", names.join(","))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::destinations::issues::content::adf;
    use crate::destinations::issues::content::markdown::blocks;

    fn written() -> Value {
        adf::doc(blocks("# a\n\nb **c** [d](https://x.example/)\n\n- e\n\n```\nf\n```"))
    }

    #[test]
    fn what_jira_adds_changes_nothing() {
        let mut held = written();
        held["content"][0]["attrs"]["localId"] = json!("9f");
        held["content"][1]["content"] = json!([
            { "type": "text", "text": "b" },
            { "type": "text", "text": " ", "marks": [] },
            { "type": "text", "text": "c", "marks": [{ "type": "strong" }] },
            { "type": "text", "text": " " },
            { "type": "text", "text": "d", "marks": [{ "type": "link", "attrs": { "href": "https://x.example/", "id": 1 } }] },
        ]);
        held["version"] = json!(2);
        assert_eq!(document_digest(&held), document_digest(&written()));
        let bare = json!({ "type": "doc", "content": [{ "type": "paragraph" }] });
        assert_eq!(document_digest(&bare), document_digest(&adf::doc(vec![adf::paragraph(vec![])])));
    }

    #[test]
    fn what_people_change_changes_the_digest() {
        let digest = |markdown: &str| document_digest(&adf::doc(blocks(markdown)));
        let texts = [
            "a b",
            "a  b",
            "a\nb",
            "a\n\nb",
            "**a** b",
            "*a* b",
            "[a](https://x.example/) b",
            "[a](https://y.example/) b",
            "- a b",
            "1. a b",
            "# a b",
            "> a b",
            "`a b`",
            "    a b",
            "",
        ];
        let mut digests: Vec<String> = texts.map(digest).to_vec();
        digests.sort_unstable();
        digests.dedup();
        assert_eq!(digests.len(), texts.len());
    }
}
