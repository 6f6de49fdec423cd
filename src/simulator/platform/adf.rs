//! Whether a value is a document in Atlassian Document Format that Jira takes.
//!
//! The subset of nodes that plain texts need; any other node is refused, which is stricter than Jira.

use serde_json::{Map, Value};

const BLOCKS: &[&str] =
    &["paragraph", "heading", "bulletList", "orderedList", "codeBlock", "blockquote", "rule", "panel"];
const PANEL: &[&str] = &["paragraph", "heading", "bulletList", "orderedList", "codeBlock", "rule"];
const ITEM: &[&str] = &["paragraph", "bulletList", "orderedList", "codeBlock"];
const PANELS: &[&str] = &["info", "note", "tip", "warning", "error", "success"];

/// What is wrong with a document; nothing when it is valid.
pub fn check(document: &Value) -> Result<(), String> {
    let node = document.as_object().ok_or("is not a document")?;
    members(node, &["type", "version", "content"], &["type", "version", "content"])?;
    if node["type"] != "doc" || node["version"] != 1 {
        return Err("is not a document of version 1".to_owned());
    }
    children(node, BLOCKS, check_node)
}

/// The texts of a document, one block a line.
pub fn text(document: &Value) -> String {
    let blocks = document["content"].as_array().into_iter().flatten();
    blocks.map(|block| texts(block).concat()).collect::<Vec<_>>().join("\n")
}

/// Characters of all texts of a document.
pub fn text_length(document: &Value) -> usize {
    texts(document).iter().map(|text| text.encode_utf16().count()).sum()
}

fn texts(node: &Value) -> Vec<&str> {
    let inner = node["content"].as_array().into_iter().flatten().flat_map(texts);
    node["text"].as_str().into_iter().chain(inner).collect()
}

fn check_node(node: &Map<String, Value>) -> Result<(), String> {
    let kind = kind_of(node)?;
    match kind {
        "paragraph" => {
            members(node, &["type"], &["type", "content"])?;
            children(node, &["text", "hardBreak"], check_inline)
        }
        "heading" => {
            members(node, &["type", "attrs"], &["type", "attrs", "content"])?;
            attribute(node, "level", |it| it.as_u64().is_some_and(|level| (1..=6).contains(&level)))?;
            children(node, &["text", "hardBreak"], check_inline)
        }
        "bulletList" => {
            members(node, &["type", "content"], &["type", "content"])?;
            at_least_one(node)?;
            children(node, &["listItem"], check_node)
        }
        "orderedList" => {
            members(node, &["type", "content"], &["type", "content", "attrs"])?;
            if node.contains_key("attrs") {
                attribute(node, "order", |it| it.as_u64().is_some())?;
            }
            at_least_one(node)?;
            children(node, &["listItem"], check_node)
        }
        "listItem" | "blockquote" => {
            members(node, &["type", "content"], &["type", "content"])?;
            at_least_one(node)?;
            children(node, ITEM, check_node)
        }
        "codeBlock" => {
            members(node, &["type"], &["type", "attrs", "content"])?;
            if node.contains_key("attrs") {
                attribute(node, "language", Value::is_string)?;
            }
            children(node, &["text"], |text| {
                if text.contains_key("marks") {
                    Err("codeBlock: text with marks".to_owned())
                } else {
                    check_inline(text)
                }
            })
        }
        "rule" => members(node, &["type"], &["type"]),
        "panel" => {
            members(node, &["type", "attrs", "content"], &["type", "attrs", "content"])?;
            attribute(node, "panelType", |it| it.as_str().is_some_and(|it| PANELS.contains(&it)))?;
            at_least_one(node)?;
            children(node, PANEL, check_node)
        }
        _ => Err(format!("{kind}: unknown node")),
    }
}

fn check_inline(node: &Map<String, Value>) -> Result<(), String> {
    if kind_of(node)? == "hardBreak" {
        return members(node, &["type"], &["type"]);
    }
    members(node, &["type", "text"], &["type", "text", "marks"])?;
    if node["text"].as_str().is_none_or(str::is_empty) {
        return Err("text: is empty".to_owned());
    }
    let marks = node
        .get("marks")
        .map_or(Ok(&[][..]), |it| it.as_array().map(Vec::as_slice).ok_or("marks: no list"))?;
    let mut kinds = Vec::new();
    for mark in marks {
        kinds.push(check_mark(mark.as_object().ok_or("marks: no object")?)?);
    }
    let is_code = kinds.contains(&"code");
    if is_code && kinds.iter().any(|it| !["code", "link"].contains(it)) {
        return Err("marks: code goes with a link only".to_owned());
    }
    Ok(())
}

fn check_mark(mark: &Map<String, Value>) -> Result<&str, String> {
    let kind = kind_of(mark)?;
    match kind {
        "strong" | "em" | "strike" | "code" => members(mark, &["type"], &["type"])?,
        "link" => {
            members(mark, &["type", "attrs"], &["type", "attrs"])?;
            attribute(mark, "href", |it| it.as_str().is_some_and(|it| !it.is_empty()))?;
        }
        _ => return Err(format!("{kind}: unknown mark")),
    }
    Ok(kind)
}

fn kind_of(node: &Map<String, Value>) -> Result<&str, String> {
    node.get("type").and_then(Value::as_str).ok_or_else(|| "a node without a type".to_owned())
}

fn members(node: &Map<String, Value>, required: &[&str], allowed: &[&str]) -> Result<(), String> {
    let kind = node.get("type").and_then(Value::as_str).unwrap_or("node");
    if let Some(missing) = required.iter().find(|name| !node.contains_key(**name)) {
        return Err(format!("{kind}: {missing} is missing"));
    }
    match node.keys().find(|name| !allowed.contains(&name.as_str())) {
        Some(unknown) => Err(format!("{kind}: {unknown} is not known")),
        None => Ok(()),
    }
}

fn attribute(node: &Map<String, Value>, name: &str, is_valid: impl Fn(&Value) -> bool) -> Result<(), String> {
    let attributes = node.get("attrs").and_then(Value::as_object);
    let valid = attributes.is_some_and(|it| it.len() == 1 && it.get(name).is_some_and(is_valid));
    if valid { Ok(()) } else { Err(format!("{}: attrs must be {name} alone", kind_of(node)?)) }
}

fn at_least_one(node: &Map<String, Value>) -> Result<(), String> {
    let is_empty = node.get("content").and_then(Value::as_array).is_none_or(Vec::is_empty);
    if is_empty { Err(format!("{}: is empty", kind_of(node)?)) } else { Ok(()) }
}

fn children(
    node: &Map<String, Value>,
    allowed: &[&str],
    check: impl Fn(&Map<String, Value>) -> Result<(), String>,
) -> Result<(), String> {
    let Some(content) = node.get("content") else { return Ok(()) };
    for child in content.as_array().ok_or("content: no list")? {
        let child = child.as_object().ok_or("content: no node")?;
        let kind = kind_of(child)?;
        if !allowed.contains(&kind) {
            return Err(format!("{kind}: is not allowed in {}", kind_of(node)?));
        }
        check(child)?;
    }
    Ok(())
}
