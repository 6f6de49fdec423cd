//! Builders for the subset of Atlassian's document format that is written: every function gives a valid node.
//!
//! Must stay the only place that spells a node. Nothing here notifies anybody: there are no mentions.

use serde_json::{Map, Value, json};
use url::Url;

/// Longest address of a link, in characters.
const MAX_ADDRESS: usize = 2000;

/// What a text is set in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Font {
    #[default]
    Text,
    /// Goes with a link only; the other marks are left out.
    Code,
}

/// How a text is shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks {
    pub strong: bool,
    pub em: bool,
    pub strike: bool,
    pub font: Font,
    /// As [`link_address`] gives it.
    pub link: Option<String>,
}

impl Marks {
    fn list(&self) -> Vec<Value> {
        let mut marks = Vec::new();
        let plain = [(self.strong, "strong"), (self.em, "em"), (self.strike, "strike")];
        if self.font == Font::Code {
            marks.push(json!({ "type": "code" }));
        } else {
            marks.extend(plain.iter().filter(|(set, _)| *set).map(|(_, name)| json!({ "type": name })));
        }
        marks.extend(self.link.iter().map(|href| json!({ "type": "link", "attrs": { "href": href } })));
        marks
    }
}

/// The kinds of panel that are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Panel {
    Error,
    Warning,
    Info,
    Note,
}

impl Panel {
    fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
            Self::Note => "note",
        }
    }
}

/// The whole document.
#[must_use]
pub fn doc(blocks: Vec<Value>) -> Value {
    let Value::Object(mut doc) = node("doc", None, blocks) else { return Value::Null };
    doc.insert("version".to_owned(), json!(1));
    Value::Object(doc)
}

#[must_use]
pub fn paragraph(inline: Vec<Value>) -> Value {
    node("paragraph", None, inline)
}

/// `level` from 1 to 6; anything else counts as the nearest of them.
#[must_use]
pub fn heading(level: u8, inline: Vec<Value>) -> Value {
    node("heading", Some(json!({ "level": level.clamp(1, 6) })), inline)
}

/// `items` as [`list_item`] gives them; at least one.
#[must_use]
pub fn bullet_list(items: Vec<Value>) -> Value {
    node("bulletList", None, items)
}

/// The same, numbered from `start`.
#[must_use]
pub fn ordered_list(start: u64, items: Vec<Value>) -> Value {
    node("orderedList", Some(json!({ "order": start })), items)
}

/// Only paragraphs, lists and code blocks may be in it.
#[must_use]
pub fn list_item(blocks: Vec<Value>) -> Value {
    node("listItem", None, blocks)
}

/// `text` must not be empty.
#[must_use]
pub fn code_block(language: &str, text: &str) -> Value {
    let text = json!({ "type": "text", "text": text });
    node("codeBlock", Some(json!({ "language": language })), vec![text])
}

/// Only paragraphs, lists and code blocks may be in it.
#[must_use]
pub fn quote(blocks: Vec<Value>) -> Value {
    node("blockquote", None, blocks)
}

#[must_use]
pub fn rule() -> Value {
    json!({ "type": "rule" })
}

#[must_use]
pub fn panel(kind: Panel, paragraphs: Vec<Value>) -> Value {
    node("panel", Some(json!({ "panelType": kind.as_str() })), paragraphs)
}

#[must_use]
pub fn hard_break() -> Value {
    json!({ "type": "hardBreak" })
}

/// Takes the content over, where `json!` would copy it once for each level.
fn node(kind: &str, attributes: Option<Value>, content: Vec<Value>) -> Value {
    let mut node =
        Map::from_iter([("type".to_owned(), json!(kind)), ("content".to_owned(), Value::Array(content))]);
    if let Some(attributes) = attributes {
        node.insert("attrs".to_owned(), attributes);
    }
    Value::Object(node)
}

/// A text with its marks; `None` for an empty one, which is not allowed.
#[must_use]
pub fn marked(text: &str, marks: &Marks) -> Option<Value> {
    let marks = marks.list();
    if text.is_empty() {
        None
    } else if marks.is_empty() {
        Some(json!({ "type": "text", "text": text }))
    } else {
        Some(json!({ "type": "text", "text": text, "marks": marks }))
    }
}

/// The lines of a text without marks, with breaks between them. Control characters are left out.
#[must_use]
pub fn lines(text: &str) -> Vec<Value> {
    let mut inline = Vec::new();
    for line in text.trim_end().lines() {
        if !inline.is_empty() {
            inline.push(hard_break());
        }
        inline.extend(marked(&without_controls(line), &Marks::default()));
    }
    inline
}

/// The text without control characters; a tab becomes a space.
#[must_use]
pub fn without_controls(text: &str) -> String {
    text.chars().map(|c| if c == '\t' { ' ' } else { c }).filter(|c| !c.is_control()).collect()
}

/// The address as a link may have it: absolute, `http`, `https` or `mailto`, without a user's password.
#[must_use]
pub fn link_address(text: &str) -> Option<String> {
    let url = Url::parse(text.trim()).ok()?;
    let fit = match url.scheme() {
        "http" | "https" => url.has_host() && url.username().is_empty() && url.password().is_none(),
        "mailto" => url.path().contains('@'),
        _ => false,
    };
    let address = String::from(url);
    (fit && address.chars().count() <= MAX_ADDRESS).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_people_may_follow_become_links() {
        for good in ["https://tool.example/i/1?a=b#c", "http://[::1]:9093/x", "mailto:ops@example.com"] {
            assert_eq!(link_address(good).as_deref(), Some(good));
        }
        for bad in [
            "",
            "/i/1",
            "#x",
            "javascript:alert(1)",
            "data:text/html,x",
            "ftp://x/y",
            "file:///etc",
            "mailto:",
            "https://u:p@x/",
            "https://",
            "vbscript:x",
            "x",
        ] {
            assert_eq!(link_address(bad), None, "{bad}");
        }
        assert_eq!(link_address(&format!("https://x/{}", "a".repeat(2000))), None);
    }

    #[test]
    fn an_empty_text_is_no_node() {
        assert_eq!(marked("", &Marks::default()), None);
        assert_eq!(lines("\n\n"), Vec::<Value>::new());
        assert_eq!(lines("a\n\nb\u{0}\n").len(), 4);
    }

    #[test]
    fn code_goes_with_a_link_only() {
        let marks = Marks {
            strong: true,
            em: true,
            strike: true,
            font: Font::Code,
            link: Some("https://x/".to_owned()),
        };
        let names: Vec<_> =
            marks.list().iter().map(|mark| mark["type"].as_str().unwrap().to_owned()).collect();
        assert_eq!(names, ["code", "link"]);
    }
}
