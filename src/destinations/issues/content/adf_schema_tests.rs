//! A strict check of documents: the subset of Atlassian's document format that Jira is known to take, and its nesting.
//!
//! Shares nothing with the builders. What is not listed here is a mistake, however harmless it looks.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::adf;
use super::description::{BUDGET, Told, comment, description, length, plain_description};
use super::markdown::blocks;
use crate::clock::from_millis;
use crate::domain::Severity;

const INLINE: [&str; 2] = ["text", "hardBreak"];

/// Everything that is wrong with a document, one sentence each.
pub fn problems(document: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    if document["version"] != json!(1) {
        problems.push("doc: version must be 1".to_owned());
    }
    check(document, None, &mut problems);
    problems
}

/// Members of a node besides `type`, and its attributes.
fn members(kind: &str) -> Option<(&'static [&'static str], &'static [&'static str])> {
    Some(match kind {
        "doc" => (&["version", "content"], &[]),
        "paragraph" | "bulletList" | "listItem" | "blockquote" => (&["content"], &[]),
        "text" => (&["text", "marks"], &[]),
        "hardBreak" | "rule" => (&[], &[]),
        "heading" => (&["attrs", "content"], &["level"]),
        "orderedList" => (&["attrs", "content"], &["order"]),
        "codeBlock" => (&["attrs", "content"], &["language"]),
        "panel" => (&["attrs", "content"], &["panelType"]),
        _ => return None,
    })
}

fn allowed_in(kind: &str) -> &'static [&'static str] {
    match kind {
        "doc" => {
            &["paragraph", "heading", "bulletList", "orderedList", "codeBlock", "blockquote", "rule", "panel"]
        }
        "panel" => &["paragraph", "heading", "bulletList", "orderedList", "codeBlock", "rule"],
        "blockquote" | "listItem" => &["paragraph", "bulletList", "orderedList", "codeBlock"],
        "bulletList" | "orderedList" => &["listItem"],
        "paragraph" | "heading" => &INLINE,
        "codeBlock" => &["text"],
        _ => &[],
    }
}

fn check(node: &Value, parent: Option<&str>, problems: &mut Vec<String>) {
    let kind = node["type"].as_str().unwrap_or("?").to_owned();
    let Some((known, attributes)) = members(&kind) else {
        problems.push(format!("unknown node {node}"));
        return;
    };
    let mut fault = |what: &str| problems.push(format!("{kind}: {what}"));
    let is_at_home = parent.map_or(kind == "doc", |parent| allowed_in(parent).contains(&kind.as_str()));
    if !is_at_home {
        fault(&format!("must not be in {parent:?}"));
    }
    for member in node.as_object().unwrap().keys() {
        if member != "type" && !known.contains(&member.as_str()) {
            fault(&format!("has an unknown member {member}"));
        }
    }
    let given: Vec<&String> = node["attrs"].as_object().into_iter().flat_map(|attrs| attrs.keys()).collect();
    if given != attributes {
        fault(&format!("has the attributes {given:?}"));
    }
    check_values(node, &kind, parent, &mut fault);
    if known.contains(&"content") {
        let content = node["content"].as_array();
        let may_be_empty = ["doc", "paragraph"].contains(&kind.as_str());
        if content.is_none_or(|content| content.is_empty() && !may_be_empty) {
            fault("is empty");
        }
        content.into_iter().flatten().for_each(|inner| check(inner, Some(&kind), problems));
    }
}

fn check_values(node: &Value, kind: &str, parent: Option<&str>, fault: &mut impl FnMut(&str)) {
    let attrs = &node["attrs"];
    let panels = ["info", "note", "tip", "warning", "error", "success"];
    let is_good = match kind {
        "heading" => (1..=6).contains(&attrs["level"].as_u64().unwrap_or(0)),
        "orderedList" => attrs["order"].is_u64(),
        "codeBlock" => attrs["language"].as_str().is_some_and(|language| !language.is_empty()),
        "panel" => panels.contains(&attrs["panelType"].as_str().unwrap_or_default()),
        "listItem" => ["paragraph", "codeBlock"].map(Value::from).contains(&node["content"][0]["type"]),
        _ => true,
    };
    if !is_good {
        fault("has a value that it must not have, or begins with a list");
    }
    if kind == "text" {
        check_text(node, parent, fault);
    }
}

fn check_text(node: &Value, parent: Option<&str>, fault: &mut impl FnMut(&str)) {
    let is_code = parent == Some("codeBlock");
    let text = node["text"].as_str().unwrap_or_default();
    let is_bad = |c: char| c.is_control() && !(is_code && matches!(c, '\n' | '\t'));
    if text.is_empty() || text.contains(is_bad) {
        fault("is empty, or has control characters");
    }
    let marks = node["marks"].as_array().map(Vec::as_slice).unwrap_or_default();
    if node.get("marks").is_some() && (marks.is_empty() || is_code) {
        fault("has marks that it must not have");
    }
    let mut names: Vec<&str> = marks.iter().map(|mark| mark["type"].as_str().unwrap_or("?")).collect();
    if names.contains(&"code") && names.iter().any(|name| !["code", "link"].contains(name)) {
        fault("has code with another mark than link");
    }
    for mark in marks {
        let is_shaped = match mark["type"].as_str() {
            Some("strong" | "em" | "strike" | "code") => mark.as_object().unwrap().len() == 1,
            Some("link") => is_link(mark),
            _ => false,
        };
        if !is_shaped {
            fault(&format!("has the mark {mark}"));
        }
    }
    names.sort_unstable();
    if names.windows(2).any(|pair| pair[0] == pair[1]) {
        fault("has a mark twice");
    }
}

fn is_link(mark: &Value) -> bool {
    let href = mark["attrs"]["href"].as_str().unwrap_or_default();
    ["http://", "https://", "mailto:"].iter().any(|scheme| href.starts_with(scheme))
        && mark.as_object().unwrap().len() == 2
        && mark["attrs"].as_object().unwrap().len() == 1
}

fn told<'a>(markdown: &'a str, components: &'a [String], level: Severity) -> Told<'a> {
    Told {
        level,
        since: from_millis(1_764_072_000_000),
        tool: "PagerDuty",
        url: Some("https://acme.pagerduty.com/incidents/1"),
        components,
        markdown,
        note: None,
    }
}

/// What Markdown is made of, and what looks like it.
const PIECES: &[&str] = &[
    "# ",
    "###### ",
    "- ",
    "1. ",
    "99999999999. ",
    "> ",
    ">> ",
    "    ",
    "```\n",
    "```rust\n",
    "~~~",
    "***",
    "---\n",
    "**",
    "*",
    "_",
    "~~",
    "`",
    "``",
    "[",
    "](https://x.example/a_b)",
    "](javascript:x)",
    "![",
    "<b>",
    "</b>",
    "<!-- ",
    "<div>\n",
    "&nbsp;",
    "&#0;",
    "&lt;",
    "| a | b |\n|---|---|\n",
    "|",
    "\n",
    "\n\n",
    "\r\n",
    "\t",
    "\\",
    "a",
    "word ",
    "😀",
    "é",
    "\u{0}",
    "\u{1b}",
    "\u{200b}",
    "https://y.example/z. ",
    "mailto:a@b.example",
    "<https://z.example>",
    "  \n",
    "+ ",
    "[x] ",
    "[^1]",
    "$a$",
    ":::",
    "\u{2028}",
];

fn markdown() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(PIECES);
    prop_oneof![
        4 => prop::collection::vec(pieces, 0..60).prop_map(|pieces| pieces.concat()),
        1 => any::<String>(),
        1 => "[ -~\\n]{0,400}",
    ]
}

fn levels() -> impl Strategy<Value = Severity> {
    prop::sample::select(vec![Severity::P1, Severity::P3, Severity::P5, Severity::Unknown])
}

proptest! {
    #[test]
    fn every_text_becomes_a_valid_document(markdown in markdown()) {
        let document = adf::doc(blocks(&markdown));
        prop_assert_eq!(problems(&document), Vec::<String>::new(), "{}", document);
    }

    #[test]
    fn every_description_is_valid_and_within_the_limit(
        markdown in markdown(), times in 1..100_usize, level in levels(),
        components in prop::collection::vec(any::<String>(), 0..70), url in prop::option::of(any::<String>()),
        note in prop::option::of("\\PC{0,200}"),
    ) {
        let text = markdown.repeat(times);
        let told = Told { note: note.as_deref(), url: url.as_deref(), ..told(&text, &components, level) };
        for made in [description(&told), plain_description(&told)] {
            prop_assert_eq!(problems(&made.document), Vec::<String>::new());
            prop_assert!(length(&made.document) <= BUDGET, "{}", length(&made.document));
        }
    }

    #[test]
    fn every_comment_is_valid(text in any::<String>()) {
        let document = comment(&text.repeat(1000));
        prop_assert_eq!(problems(&document), Vec::<String>::new());
        prop_assert!(length(&document) <= BUDGET);
    }
}

#[test]
fn the_check_finds_what_is_wrong() {
    let text = json!({ "type": "text", "text": "a" });
    let paragraph = json!({ "type": "paragraph", "content": [text] });
    for wrong in [
        json!({ "type": "paragraph", "content": [{ "type": "text", "text": "" }] }),
        json!({ "type": "paragraph", "content": [{ "type": "mention", "attrs": { "id": "1" } }] }),
        json!({ "type": "paragraph", "content": [text], "attrs": { "localId": "1" } }),
        json!({ "type": "paragraph", "content": [{ "type": "text", "text": "a", "marks": [{ "type": "underline" }] }] }),
        json!({ "type": "heading", "attrs": { "level": 7 }, "content": [text] }),
        json!({ "type": "bulletList", "content": [] }),
        json!({ "type": "bulletList", "content": [{ "type": "listItem", "content": [text] }] }),
        json!({ "type": "bulletList", "content": [{ "type": "listItem", "content": [
            paragraph, { "type": "heading", "attrs": { "level": 1 }, "content": [text] }] }] }),
        json!({ "type": "codeBlock", "content": [text] }),
        json!({ "type": "blockquote", "content": [{ "type": "blockquote", "content": [paragraph] }] }),
        json!({ "type": "panel", "attrs": { "panelType": "error" }, "content": [
            { "type": "panel", "attrs": { "panelType": "error" }, "content": [paragraph] }] }),
        json!({ "type": "table", "content": [] }),
    ] {
        assert_ne!(problems(&adf::doc(vec![wrong.clone()])), Vec::<String>::new(), "{wrong}");
    }
    assert_ne!(problems(&json!({ "type": "doc", "content": [] })), Vec::<String>::new());
    assert_eq!(problems(&adf::doc(vec![paragraph])), Vec::<String>::new());
}
