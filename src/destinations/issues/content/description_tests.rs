//! What a description shows, in which order, and what is left of a long one.

use serde_json::json;

use super::*;
use crate::domain::parse_timestamp;

fn told(markdown: &str) -> Told<'_> {
    Told {
        level: Severity::P1,
        since: parse_timestamp("2026-04-03T09:12:34Z").unwrap(),
        tool: "PagerDuty",
        url: Some("https://acme.pagerduty.com/incidents/1"),
        components: &[],
        markdown,
        note: None,
    }
}

fn kinds(document: &Value) -> Vec<&str> {
    document["content"].as_array().unwrap().iter().map(|block| block["type"].as_str().unwrap()).collect()
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn panel_link_components_text_rule_and_notice_stand_in_this_order() {
    let components = names(&["Checkout", "Search\nand more"]);
    let Description { document, left_out } =
        description(&Told { components: &components, ..told("# What\n\nIt is slow.") });
    assert_eq!(
        kinds(&document),
        ["panel", "paragraph", "paragraph", "heading", "paragraph", "rule", "paragraph"]
    );
    assert_eq!(text_of(&document["content"][0]), "P1 since 2026-04-03 09:12 UTC");
    assert_eq!(
        document["content"][1]["content"][0],
        json!({ "type": "text", "text": "Open in PagerDuty", "marks": [
            { "type": "link", "attrs": { "href": "https://acme.pagerduty.com/incidents/1" } }] })
    );
    assert_eq!(text_of(&document["content"][2]), "Affected: Checkout, Search and more");
    assert_eq!(document["content"][6]["content"][0]["marks"], json!([{ "type": "em" }]));
    assert_eq!(left_out, 0);
}

#[test]
fn what_the_tool_does_not_say_is_left_out() {
    let made = description(&Told { url: None, ..told("") });
    assert_eq!(kinds(&made.document), ["panel", "rule", "paragraph"]);
    let made = description(&Told { url: Some("javascript:x"), level: Severity::Unknown, ..told("") });
    assert_eq!(kinds(&made.document), ["panel", "rule", "paragraph"]);
    assert_eq!(text_of(&made.document["content"][0]), "Since 2026-04-03 09:12 UTC");
}

#[test]
fn the_panel_shows_the_level_and_never_the_state() {
    let panel =
        |level| description(&Told { level, ..told("") }).document["content"][0]["attrs"]["panelType"].clone();
    for (level, kind) in [
        (Severity::P1, "error"),
        (Severity::P2, "error"),
        (Severity::P3, "warning"),
        (Severity::P4, "info"),
        (Severity::P5, "info"),
        (Severity::Unknown, "note"),
    ] {
        assert_eq!(panel(level), kind);
    }
    let text = description(&told("")).document.to_string().to_lowercase();
    assert!(!["open\"", "resolved", "acknowledged"].iter().any(|state| text.contains(state)), "{text}");
}

#[test]
fn a_note_stands_above_everything() {
    let made = description(&Told { note: Some("Merged into PD-2."), ..told("") });
    assert_eq!(text_of(&made.document["content"][0]), "Merged into PD-2.\nP1 since 2026-04-03 09:12 UTC");
}

#[test]
fn a_long_text_is_cut_by_whole_blocks_and_says_so() {
    let text: Vec<String> = (0..2000).map(|n| format!("Paragraph {n} with \"quotes\" and 😀.")).collect();
    let Description { document, left_out } = description(&told(&text.join("\n\n")));
    let size = length(&document);
    assert!(size <= BUDGET && size > BUDGET - 200, "{size}");
    let blocks = document["content"].as_array().unwrap();
    let kept = blocks.len() - 5;
    assert_eq!(left_out, 2000 - kept);
    assert_eq!(text_of(&blocks[1 + kept]), format!("Paragraph {} with \"quotes\" and 😀.", kept - 1));
    assert!(text_of(&blocks[2 + kept]).contains("shortened"));
    assert_eq!(kinds(&document)[3 + kept..], ["rule", "paragraph"]);
}

#[test]
fn a_text_that_just_fits_is_not_cut() {
    let size = |n: usize| description(&told(&"x".repeat(n)));
    let room = BUDGET - length(&size(1).document) + 1;
    let full = size(room);
    assert_eq!((length(&full.document), full.left_out), (BUDGET, 0));
    assert_eq!(size(room + 1).left_out, 1);
}

#[test]
fn of_one_huge_block_the_start_is_kept() {
    let log = format!("```\n{}\n```", "\"line\" of a log\n".repeat(5000));
    let made = description(&told(&log));
    assert_eq!(kinds(&made.document)[2..4], ["codeBlock", "paragraph"]);
    assert!(length(&made.document) > BUDGET / 2 && length(&made.document) <= BUDGET);
    assert_eq!(made.left_out, 1);
    let list = description(&told(&"- item of a list\n".repeat(5000)));
    assert!(text_of(&list.document["content"][2]).starts_with("item of a list\nitem of a list"));
}

#[test]
fn many_components_are_counted() {
    let components: Vec<String> = (0..60).map(|n| format!("service {n}")).collect();
    let made = description(&Told { components: &components, ..told("") });
    assert!(text_of(&made.document["content"][2]).ends_with("service 49 and 10 more"));
}

#[test]
fn the_plain_form_has_nothing_but_paragraphs() {
    let components = names(&["Checkout"]);
    let made = plain_description(&Told {
        components: &components,
        note: Some("Merged."),
        ..told("# What\n\n- **a**\n- [b](https://x.example/)\n\n```\nc\nd\n```\n\n---")
    });
    let texts: Vec<String> = made.document["content"].as_array().unwrap().iter().map(text_of).collect();
    assert_eq!(
        texts[..7],
        names(&[
            "Merged.",
            "P1 since 2026-04-03 09:12 UTC",
            "https://acme.pagerduty.com/incidents/1",
            "Affected: Checkout",
            "What",
            "a\nb",
            "c\nd",
        ])
    );
    assert_eq!(texts.len(), 8);
    let all = made.document.to_string();
    assert!(!["marks", "attrs"].iter().any(|word| all.contains(word)), "{all}");
}
