//! The description of a work item: what the tool says of the incident, within Jira's limit.
//!
//! Must not show the state of the incident, so that a pure change of status needs no edit and no mail. Must never cut the
//! serialised document: it is shortened by whole blocks.

use serde_json::Value;

use super::adf::{self, Marks, Panel, marked};
use super::markdown::blocks;
use super::summary::{cut, one_line, utf16_len};
use crate::domain::{Severity, Timestamp, is_blank};

/// Longest serialised document that Jira takes, in UTF-16 units.
pub const BUDGET: usize = 32_767;

/// Names of components that are listed, and UTF-16 units of the list.
const MAX_NAMES: usize = 50;
const MAX_LIST: usize = 4000;

const REPLACED: &str =
    "This text is kept up to date by Incident Bridge and replaced as a whole; write in a comment instead.";

/// What a description tells.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    pub level: Severity,
    /// When the incident began.
    pub since: Timestamp,
    /// What people call the tool, such as `PagerDuty`.
    pub tool: &'a str,
    /// Address of the incident in the tool.
    pub url: Option<&'a str>,
    /// Names of the affected components.
    pub components: &'a [String],
    pub markdown: &'a str,
    /// A sentence of ours above everything, such as that it was merged into another.
    pub note: Option<&'a str>,
}

/// A description within the limit.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    pub document: Value,
    /// Blocks of the tool's text that had no room, the shortened one included.
    pub left_out: usize,
}

/// The description with all formatting.
#[must_use]
pub fn description(told: &Told<'_>) -> Description {
    let mut head = vec![panel(told)];
    head.extend(link(told).map(|link| adf::paragraph(vec![link])));
    head.extend(affected(told));
    let tail = [adf::rule(), adf::paragraph(marked(REPLACED, &em()).into_iter().collect())];
    assemble(head, blocks(told.markdown), &tail)
}

/// The same as paragraphs without any formatting, for a site that refuses the other.
#[must_use]
pub fn plain_description(told: &Told<'_>) -> Description {
    let mut head: Vec<String> = told.note.and_then(one_line).into_iter().collect();
    head.push(facts(told));
    head.extend(told.url.and_then(adf::link_address));
    if !told.components.is_empty() {
        head.push(format!("Affected: {}", names(told.components)));
    }
    let paragraph = |text: &String| adf::paragraph(adf::lines(text));
    let texts: Vec<String> =
        blocks(told.markdown).iter().map(text_of).filter(|text| !is_blank(text)).collect();
    let head = head.iter().map(paragraph).collect();
    assemble(head, texts.iter().map(paragraph).collect(), &[adf::paragraph(adf::lines(REPLACED))])
}

/// A comment of one line.
#[must_use]
pub fn comment(text: &str) -> Value {
    adf::doc(vec![adf::paragraph(adf::lines(&one_line(text).unwrap_or_default()))])
}

/// Length of a document as it is sent, in UTF-16 units.
#[must_use]
pub fn length(document: &Value) -> usize {
    utf16_len(&document.to_string())
}

fn em() -> Marks {
    Marks { em: true, ..Marks::default() }
}

fn panel(told: &Told<'_>) -> Value {
    let kind = match told.level {
        Severity::P1 | Severity::P2 => Panel::Error,
        Severity::P3 => Panel::Warning,
        Severity::P4 | Severity::P5 => Panel::Info,
        Severity::Unknown => Panel::Note,
    };
    let strong = Marks { strong: true, ..Marks::default() };
    let note = told.note.and_then(one_line).map(|note| adf::paragraph(adf::lines(&note)));
    let facts = adf::paragraph(marked(&facts(told), &strong).into_iter().collect());
    adf::panel(kind, note.into_iter().chain([facts]).collect())
}

fn facts(told: &Told<'_>) -> String {
    let since = told.since.format("%Y-%m-%d %H:%M UTC");
    match told.level {
        Severity::Unknown => format!("Since {since}"),
        level => format!("{} since {since}", level.as_str()),
    }
}

fn link(told: &Told<'_>) -> Option<Value> {
    let href = adf::link_address(told.url?)?;
    let tool = one_line(told.tool).unwrap_or_else(|| "the incident tool".to_owned());
    marked(&format!("Open in {tool}"), &Marks { link: Some(href), ..Marks::default() })
}

fn affected(told: &Told<'_>) -> Option<Value> {
    let strong = Marks { strong: true, ..Marks::default() };
    let names = marked(&names(told.components), &Marks::default())?;
    Some(adf::paragraph(marked("Affected: ", &strong).into_iter().chain([names]).collect()))
}

/// The names on one line.
fn names(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().filter_map(|name| one_line(name)).take(MAX_NAMES).collect();
    let more = names.len().saturating_sub(shown.len());
    let more = if names.len() > MAX_NAMES { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", cut(&shown.join(", "), MAX_LIST))
}

/// As many of the tool's blocks as fit between head and tail.
fn assemble(head: Vec<Value>, blocks: Vec<Value>, tail: &[Value]) -> Description {
    let shortened = adf::paragraph(marked("The tool's text is shortened here.", &em()).into_iter().collect());
    // A comma follows each block but the last.
    let size = |block: &Value| length(block).saturating_add(1);
    let (empty, fixed) = (length(&adf::doc(Vec::new())), head.iter().chain(tail).map(size).sum::<usize>());
    let mut room = BUDGET.saturating_add(1).saturating_sub(empty.saturating_add(fixed));
    let sizes: Vec<usize> = blocks.iter().map(size).collect();
    let mut content = head;
    if sizes.iter().sum::<usize>() <= room {
        content.extend(blocks);
        content.extend_from_slice(tail);
        return Description { document: adf::doc(content), left_out: 0 };
    }
    room = room.saturating_sub(size(&shortened));
    let (mut left_out, first) = (blocks.len(), content.len());
    for (block, size) in blocks.into_iter().zip(sizes) {
        if let Some(rest) = room.checked_sub(size) {
            room = rest;
            left_out = left_out.saturating_sub(1);
            content.push(block);
            continue;
        }
        // Something of the text is worth more than nothing of it.
        if content.len() == first {
            content.extend(shorten(&block, room));
        }
        break;
    }
    content.push(shortened);
    content.extend_from_slice(tail);
    Description { document: adf::doc(content), left_out }
}

/// The start of a code block, or else of the block's text as a paragraph.
fn shorten(block: &Value, room: usize) -> Option<Value> {
    let text = text_of(block);
    let build = |text: &str| {
        if block["type"] == "codeBlock" {
            adf::code_block(block.pointer("/attrs/language").and_then(Value::as_str).unwrap_or("text"), text)
        } else {
            adf::paragraph(adf::lines(text))
        }
    };
    let fits = |limit: usize| Some(build(&cut(&text, limit))).filter(|block| length(block) < room);
    // The length of a text does not say how long its escapes are, so the longest that fits is searched for.
    let (mut low, mut high) = (0, room);
    while low < high {
        let middle = low.midpoint(high).saturating_add(1).min(high);
        if fits(middle).is_some() {
            low = middle;
        } else {
            high = middle.saturating_sub(1);
        }
    }
    fits(low).filter(|_| !is_blank(&cut(&text, low)))
}

/// The text of a node, with its blocks and breaks on lines of their own.
fn text_of(node: &Value) -> String {
    let mut text = String::new();
    collect(node, &mut text);
    text.trim().to_owned()
}

fn collect(node: &Value, text: &mut String) {
    match node["type"].as_str() {
        Some("text") => text.push_str(node["text"].as_str().unwrap_or_default()),
        Some("hardBreak") => text.push('\n'),
        _ => {
            if !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            // Documents that we make are not deep.
            for inner in node["content"].as_array().into_iter().flatten() {
                collect(inner, text);
            }
        }
    }
}

#[cfg(test)]
#[path = "description_tests.rs"]
mod tests;
