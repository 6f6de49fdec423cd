//! Inline text on its way into a document: pieces with marks, breaks, and the addresses within.
//!
//! Must never give an empty text or a raw line break, and must join pieces that look alike.

use serde_json::Value;

use super::adf::{Font, Marks, hard_break, link_address, marked, without_controls};
use crate::domain::is_blank;

/// Ends of a sentence that are not part of an address before them.
const ENDS: [char; 10] = ['.', ',', ';', ':', '!', '?', '\'', '"', ']', '}'];

/// The content of one paragraph or heading.
#[derive(Debug, Default)]
pub(super) struct Flow {
    nodes: Vec<Value>,
    /// Not among the nodes yet, because more of the same look may follow.
    text: String,
    marks: Marks,
    has_shown: bool,
}

impl Flow {
    /// Lines of text; addresses in it become links, unless it is code or already in a link.
    pub fn push(&mut self, text: &str, marks: &Marks) {
        for (at, line) in text.split('\n').enumerate() {
            if at > 0 {
                self.push_break();
            }
            if marks.font == Font::Code || marks.link.is_some() {
                self.push_piece(line, marks);
            } else {
                self.push_line(line, marks);
            }
        }
    }

    pub fn push_break(&mut self) {
        self.close();
        // Nothing is above a break at the start.
        if !self.nodes.is_empty() {
            self.nodes.push(hard_break());
        }
    }

    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty() && self.text.is_empty()
    }

    /// The nodes; empty if there is nothing to see.
    pub fn finish(mut self) -> Vec<Value> {
        self.close();
        while self.nodes.last().is_some_and(|node| *node == hard_break()) {
            self.nodes.pop();
        }
        if self.has_shown { self.nodes } else { Vec::new() }
    }

    fn push_line(&mut self, line: &str, marks: &Marks) {
        let mut rest = line;
        while let Some((before, address, after)) = split_address(rest) {
            self.push_piece(before, marks);
            self.push_piece(address, &Marks { link: link_address(address), ..marks.clone() });
            rest = after;
        }
        self.push_piece(rest, marks);
    }

    fn push_piece(&mut self, text: &str, marks: &Marks) {
        let text = without_controls(text);
        if text.is_empty() {
            return;
        }
        if *marks != self.marks {
            self.close();
            self.marks = marks.clone();
        }
        self.has_shown |= !is_blank(&text);
        self.text.push_str(&text);
    }

    fn close(&mut self) {
        self.nodes.extend(marked(&self.text, &self.marks));
        self.text.clear();
    }
}

/// What is before the first web address, the address, and what is after it.
fn split_address(line: &str) -> Option<(&str, &str, &str)> {
    let mut starts =
        ["http://", "https://"].iter().flat_map(|scheme| line.match_indices(scheme)).map(|(at, _)| at);
    let is_start =
        |at: &usize| line.get(..*at).is_some_and(|before| !before.ends_with(char::is_alphanumeric));
    let first = starts.by_ref().filter(is_start).min()?;
    let (before, rest) = line.split_at_checked(first)?;
    let length = rest.find(|c: char| c.is_whitespace() || c.is_control() || "<>\"`|".contains(c));
    let word = rest.get(..length.unwrap_or(rest.len()))?;
    let mut address = word.trim_end_matches(ENDS);
    while address.ends_with(')') && address.matches('(').count() < address.matches(')').count() {
        address = address.strip_suffix(')')?.trim_end_matches(ENDS);
    }
    let after = rest.strip_prefix(address)?;
    link_address(address).is_some().then_some((before, address, after))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn flow(text: &str) -> Vec<Value> {
        let mut flow = Flow::default();
        flow.push(text, &Marks::default());
        flow.finish()
    }

    fn links(text: &str) -> Vec<String> {
        let href = |node: &Value| node["marks"][0]["attrs"]["href"].as_str().map(str::to_owned);
        flow(text).iter().filter_map(href).collect()
    }

    #[test]
    fn addresses_become_links_without_the_sentence_around_them() {
        assert_eq!(
            links("see https://a.example/x?y=1. Or (http://b.example/z)!"),
            ["https://a.example/x?y=1", "http://b.example/z"]
        );
        assert_eq!(
            links("https://a.example/w_(x) \"https://b.example/\""),
            ["https://a.example/w_(x)", "https://b.example/"]
        );
        for text in ["xhttps://a.example/", "https://", "http://u:p@x/", "ftp://x/"] {
            assert_eq!(links(text), Vec::<String>::new(), "{text}");
            assert_eq!(flow(text), [json!({ "type": "text", "text": text })]);
        }
    }

    #[test]
    fn pieces_that_look_alike_are_one_text_and_lines_have_breaks_between_them() {
        let mut flow = Flow::default();
        let strong = Marks { strong: true, ..Marks::default() };
        flow.push_break();
        for (text, marks) in
            [("a", &strong), ("b", &strong), ("", &Marks::default()), ("c\u{7}\nd", &strong), ("\n", &strong)]
        {
            flow.push(text, marks);
        }
        let text = |text: &str| json!({ "type": "text", "text": text, "marks": [{ "type": "strong" }] });
        assert_eq!(flow.finish(), [text("abc"), json!({ "type": "hardBreak" }), text("d")]);
    }

    #[test]
    fn what_shows_nothing_is_nothing() {
        for text in ["", " ", "\u{200b}", "\n\n", "\u{0}"] {
            assert_eq!(flow(text), Vec::<Value>::new(), "{text:?}");
        }
    }
}
