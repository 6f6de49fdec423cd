//! What each construct of Markdown becomes.

use serde_json::{Value, json};

use super::*;

fn text(text: &str) -> Value {
    json!({ "type": "text", "text": text })
}

fn with(text: &str, marks: &Value) -> Value {
    json!({ "type": "text", "text": text, "marks": marks })
}

fn paragraph(inline: &[Value]) -> Value {
    json!({ "type": "paragraph", "content": inline })
}

fn item(blocks: &[Value]) -> Value {
    json!({ "type": "listItem", "content": blocks })
}

fn bullets(items: &[Value]) -> Value {
    json!({ "type": "bulletList", "content": items })
}

fn br() -> Value {
    json!({ "type": "hardBreak" })
}

#[test]
fn marks_and_links_of_a_paragraph_are_kept() {
    let strong_link =
        json!([{ "type": "strong" }, { "type": "link", "attrs": { "href": "https://x.example/" } }]);
    assert_eq!(
        blocks("a **b** *c* ~~d~~ `e` [**f**](https://x.example/)"),
        [paragraph(&[
            text("a "),
            with("b", &json!([{ "type": "strong" }])),
            text(" "),
            with("c", &json!([{ "type": "em" }])),
            text(" "),
            with("d", &json!([{ "type": "strike" }])),
            text(" "),
            with("e", &json!([{ "type": "code" }])),
            text(" "),
            with("f", &strong_link),
        ])]
    );
}

#[test]
fn code_in_bold_and_bold_in_bold_have_one_mark() {
    assert_eq!(blocks("**`a`**"), [paragraph(&[with("a", &json!([{ "type": "code" }]))])]);
    assert_eq!(blocks("**a __b__**"), [paragraph(&[with("a b", &json!([{ "type": "strong" }]))])]);
}

#[test]
fn lines_stay_lines() {
    assert_eq!(blocks("a\nb  \nc"), [paragraph(&[text("a"), br(), text("b"), br(), text("c")])]);
}

#[test]
fn a_link_that_nobody_should_follow_is_plain_text() {
    for address in ["javascript:alert(1)", "/relative", "data:text/html,x", "ftp://x/"] {
        assert_eq!(blocks(&format!("a [b]({address}) c")), [paragraph(&[text("a b c")])], "{address}");
    }
}

#[test]
fn an_image_is_its_text_or_else_its_address() {
    let link = json!([{ "type": "link", "attrs": { "href": "https://x.example/i.png" } }]);
    assert_eq!(blocks("![alt](https://x.example/i.png)"), [paragraph(&[with("alt", &link)])]);
    assert_eq!(
        blocks("![](https://x.example/i.png)"),
        [paragraph(&[with("https://x.example/i.png", &link)])]
    );
    assert_eq!(blocks("![](i.png)"), Vec::<Value>::new());
}

#[test]
fn an_image_in_a_link_leads_where_the_link_leads() {
    let link = json!([{ "type": "link", "attrs": { "href": "https://x.example/" } }]);
    assert_eq!(
        blocks("[![alt](https://y.example/)](https://x.example/)"),
        [paragraph(&[with("alt", &link)])]
    );
}

#[test]
fn headings_rules_quotes_and_code_stand_at_the_top() {
    assert_eq!(
        blocks("## A\n\n---\n\n> b\n>\n> > c\n\n```rust fn\nlet a = 1;\n\tb\n```\n\n    d\n"),
        [
            json!({ "type": "heading", "attrs": { "level": 2 }, "content": [text("A")] }),
            json!({ "type": "rule" }),
            json!({ "type": "blockquote", "content": [paragraph(&[text("b")]), paragraph(&[text("c")])] }),
            json!({ "type": "codeBlock", "attrs": { "language": "rust" }, "content": [text("let a = 1;\n\tb")] }),
            json!({ "type": "codeBlock", "attrs": { "language": "text" }, "content": [text("d")] }),
        ]
    );
}

#[test]
fn a_strange_language_is_no_language() {
    let block = &blocks("```<x>\na\n```")[0];
    assert_eq!(block["attrs"]["language"], "text");
}

#[test]
fn lists_nest_and_are_numbered_from_their_start() {
    assert_eq!(
        blocks("3. a\n   - b\n\n     c\n4. d"),
        [json!({ "type": "orderedList", "attrs": { "order": 3 }, "content": [
            item(&[paragraph(&[text("a")]), bullets(&[item(&[paragraph(&[text("b")]), paragraph(&[text("c")])])])]),
            item(&[paragraph(&[text("d")])]),
        ] })]
    );
}

#[test]
fn an_item_begins_with_a_paragraph_even_if_the_tool_left_it_empty() {
    assert_eq!(blocks("-\n- a"), [bullets(&[item(&[paragraph(&[])]), item(&[paragraph(&[text("a")])])])]);
    assert_eq!(
        blocks("- - a"),
        [bullets(&[item(&[paragraph(&[]), bullets(&[item(&[paragraph(&[text("a")])])])])])]
    );
}

#[test]
fn in_lists_and_quotes_headings_are_bold_and_quotes_and_rules_are_not_nested() {
    let bold = |word: &str| paragraph(&[with(word, &json!([{ "type": "strong" }]))]);
    assert_eq!(blocks("- # a\n  > b\n\n  ***"), [bullets(&[item(&[bold("a"), paragraph(&[text("b")])])])]);
    assert_eq!(
        blocks("> # a\n> ---\n> - b"),
        [
            json!({ "type": "blockquote", "content": [bold("a"), bullets(&[item(&[paragraph(&[text("b")])])])] })
        ]
    );
    assert_eq!(blocks("# a\n\nb")[1], paragraph(&[text("b")]), "bold ends with the heading");
}

#[test]
fn tables_become_a_paragraph_for_each_row() {
    assert_eq!(
        blocks("| a | b |\n|---|---|\n| 1 | **2** |"),
        [paragraph(&[text("a | b")]), paragraph(&[text("1 | "), with("2", &json!([{ "type": "strong" }]))]),]
    );
}

#[test]
fn html_is_shown_as_it_is() {
    assert_eq!(blocks("<b>a</b>"), [paragraph(&[text("<b>a</b>")])]);
    assert_eq!(
        blocks("<div>\na\n</div>\n\nb"),
        [paragraph(&[text("<div>"), br(), text("a"), br(), text("</div>")]), paragraph(&[text("b")])]
    );
}

#[test]
fn what_shows_nothing_gives_no_block() {
    for nothing in ["", "\n\n", "```\n```", "#", ">", "&nbsp;", "[](https://x.example/)", "\u{0}\u{1b}"] {
        let blocks = blocks(nothing);
        let shown = blocks.iter().any(|block| block.to_string().contains("\"text\":\""));
        assert!(!shown || nothing.contains('\u{0}'), "{nothing:?}: {blocks:?}");
    }
}

#[test]
fn lists_deeper_than_five_are_shown_on_the_fifth_level() {
    let lines: Vec<String> = (0..40).map(|n| format!("{}- x{n}", "  ".repeat(n))).collect();
    let deep = lines.join("\n");
    let (text, mut depth) = (json!(blocks(&deep)).to_string(), 0);
    let mut block = &blocks(&deep)[0];
    while let Some(inner) = block["content"][0]["content"]
        .as_array()
        .and_then(|item| item.iter().find(|b| b["type"] == "bulletList"))
    {
        depth += 1;
        block = inner;
    }
    assert_eq!(depth, 4);
    assert!((0..40).all(|n| text.contains(&format!("\"x{n}\""))), "{text}");
}

#[test]
fn no_nesting_overflows_the_stack_or_takes_long() {
    for text in [
        ">".repeat(50_000) + &"- ".repeat(25_000) + "x",
        "- ".repeat(50_000),
        "*".repeat(100_000),
        "[".repeat(100_000),
    ] {
        let _ = blocks(&text).len();
    }
}

#[test]
fn a_text_beyond_the_limit_is_read_up_to_it() {
    assert_eq!(
        blocks(&"é".repeat(200_000))[0]["content"][0]["text"].as_str().unwrap().chars().count(),
        MAX_INPUT
    );
}
