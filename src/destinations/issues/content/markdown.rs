//! A tool's Markdown as blocks of a document.
//!
//! Must give only what `adf` has and only where it may stand, whatever the text is: what has no place becomes plain
//! paragraphs. A single line break is kept, because tools' texts are mostly lines and not prose.

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd, TextMergeStream};
use serde_json::Value;

use super::adf::{self, Font, Marks, link_address};
use super::flow::Flow;

/// Characters of a text that are read. More cannot be in a document within Jira's limit.
const MAX_INPUT: usize = 100_000;

/// Lists within lists; what is deeper is shown on the deepest level.
const MAX_DEPTH: usize = 5;

/// Language of a code block whose language is not named.
const NO_LANGUAGE: &str = "text";

/// The blocks of a text, in order. Empty for a text that shows nothing.
#[must_use]
pub fn blocks(markdown: &str) -> Vec<Value> {
    let end = markdown.char_indices().nth(MAX_INPUT).map_or(markdown.len(), |(at, _)| at);
    let text = markdown.get(..end).unwrap_or_default();
    let parser = Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH);
    let mut reader = Reader { frames: vec![Frame::Root(Vec::new())], ..Reader::default() };
    TextMergeStream::new(parser).for_each(|event| reader.read(event));
    reader.finish()
}

/// A block that holds blocks.
enum Frame {
    Root(Vec<Value>),
    Quote(Vec<Value>),
    List {
        start: Option<u64>,
        items: Vec<Value>,
    },
    Item(Vec<Value>),
    /// Has no place here: what is in it stands in the frame around it.
    Open,
}

/// A paragraph or a heading on its way.
#[derive(Default)]
struct Text {
    /// Level of the heading.
    heading: Option<u8>,
    flow: Flow,
}

#[derive(Default)]
struct Reader {
    frames: Vec<Frame>,
    /// Lists among the frames.
    depth: usize,
    open: Option<Text>,
    /// Language and text of the open code block.
    code: Option<(String, String)>,
    /// How many of each are open.
    strong: usize,
    em: usize,
    strike: usize,
    /// `None` for addresses that must not be links.
    links: Vec<Option<String>>,
    /// Whether the open image has no text yet.
    is_bare_image: bool,
}

impl Reader {
    fn read(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => self.text(&text, Font::Text),
            Event::Code(text) => self.text(&text, Font::Code),
            Event::SoftBreak | Event::HardBreak => self.flow().push_break(),
            Event::Rule => {
                self.close_block();
                if self.frames.len() == 1 {
                    self.add(adf::rule());
                }
            }
            // Extensions that are off.
            Event::FootnoteReference(_)
            | Event::TaskListMarker(_)
            | Event::InlineMath(_)
            | Event::DisplayMath(_) => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Emphasis => self.em = self.em.saturating_add(1),
            Tag::Strong => self.strong = self.strong.saturating_add(1),
            Tag::Strikethrough => self.strike = self.strike.saturating_add(1),
            Tag::Link { dest_url, .. } => self.links.push(link_address(&dest_url)),
            Tag::Image { dest_url, .. } => {
                self.links.push(link_address(&dest_url));
                self.is_bare_image = true;
            }
            Tag::TableCell => {
                let flow = self.flow();
                if !flow.is_empty() {
                    flow.push(" | ", &Marks::default());
                }
            }
            tag => {
                self.close_block();
                self.start_block(&tag);
            }
        }
    }

    fn start_block(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::Heading { level, .. } if self.frames.len() == 1 => {
                self.open = Some(Text { heading: Some(number(*level)), flow: Flow::default() });
            }
            Tag::Heading { .. } => self.strong = self.strong.saturating_add(1),
            Tag::CodeBlock(kind) => {
                self.code = Some((language(kind), String::new()));
            }
            Tag::BlockQuote(_) if self.frames.len() == 1 => self.frames.push(Frame::Quote(Vec::new())),
            Tag::List(start) if self.depth < MAX_DEPTH => {
                self.depth = self.depth.saturating_add(1);
                self.frames.push(Frame::List { start: *start, items: Vec::new() });
            }
            Tag::Item if matches!(self.frames.last(), Some(Frame::List { .. })) => {
                self.frames.push(Frame::Item(Vec::new()));
            }
            Tag::BlockQuote(_) | Tag::List(_) | Tag::Item => self.frames.push(Frame::Open),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Emphasis => self.em = self.em.saturating_sub(1),
            TagEnd::Strong => self.strong = self.strong.saturating_sub(1),
            TagEnd::Strikethrough => self.strike = self.strike.saturating_sub(1),
            TagEnd::Link => {
                self.links.pop();
            }
            TagEnd::Image => self.end_image(),
            TagEnd::TableCell => {}
            TagEnd::Heading(_) => {
                if self.frames.len() > 1 {
                    self.strong = self.strong.saturating_sub(1);
                }
                self.close_block();
            }
            TagEnd::BlockQuote(_) | TagEnd::List(_) | TagEnd::Item => {
                self.close_block();
                self.close_frame();
            }
            _ => self.close_block(),
        }
    }

    /// An image without a text shows its address.
    fn end_image(&mut self) {
        if self.is_bare_image
            && let Some(Some(address)) = self.links.last().cloned()
        {
            self.text(&address, Font::Text);
        }
        self.is_bare_image = false;
        self.links.pop();
    }

    fn text(&mut self, text: &str, font: Font) {
        self.is_bare_image = false;
        if let Some((_, all)) = &mut self.code {
            all.push_str(text);
            return;
        }
        let link = self.links.iter().flatten().next().cloned();
        let marks = Marks { strong: self.strong > 0, em: self.em > 0, strike: self.strike > 0, font, link };
        self.flow().push(text, &marks);
    }

    /// The open text; in a tight list it stands in no paragraph.
    fn flow(&mut self) -> &mut Flow {
        &mut self.open.get_or_insert_default().flow
    }

    fn close_block(&mut self) {
        if let Some(Text { heading, flow }) = self.open.take() {
            let inline = flow.finish();
            if !inline.is_empty() {
                self.add(match heading {
                    Some(level) => adf::heading(level, inline),
                    None => adf::paragraph(inline),
                });
            }
        }
        if let Some(block) = self.code.take().and_then(|(language, text)| code(&language, &text)) {
            self.add(block);
        }
    }

    fn close_frame(&mut self) {
        let closed = if self.frames.len() > 1 { self.frames.pop() } else { None };
        match closed {
            Some(Frame::Quote(blocks)) if !blocks.is_empty() => self.add(adf::quote(blocks)),
            Some(Frame::List { start, items }) => {
                self.depth = self.depth.saturating_sub(1);
                match start {
                    _ if items.is_empty() => {}
                    Some(first) => self.add(adf::ordered_list(first, items)),
                    None => self.add(adf::bullet_list(items)),
                }
            }
            Some(Frame::Item(mut blocks)) => {
                let is_text = |block: &Value| block["type"] == "paragraph" || block["type"] == "codeBlock";
                if !blocks.first().is_some_and(is_text) {
                    blocks.insert(0, adf::paragraph(Vec::new()));
                }
                if let Some(Frame::List { items, .. }) = self.frames.last_mut() {
                    items.push(adf::list_item(blocks));
                }
            }
            _ => {}
        }
    }

    /// Puts a block into the innermost frame that takes one.
    fn add(&mut self, block: Value) {
        let blocks = self.frames.iter_mut().rev().find_map(|frame| match frame {
            Frame::Root(blocks) | Frame::Quote(blocks) | Frame::Item(blocks) => Some(blocks),
            Frame::List { .. } | Frame::Open => None,
        });
        if let Some(blocks) = blocks {
            blocks.push(block);
        }
    }

    fn finish(mut self) -> Vec<Value> {
        self.close_block();
        while self.frames.len() > 1 {
            self.close_frame();
        }
        match self.frames.pop() {
            Some(Frame::Root(blocks)) => blocks,
            _ => Vec::new(),
        }
    }
}

fn code(language: &str, text: &str) -> Option<Value> {
    let text: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
    let text = text.trim_end();
    (!text.is_empty()).then(|| adf::code_block(language, text))
}

fn language(kind: &CodeBlockKind<'_>) -> String {
    let CodeBlockKind::Fenced(info) = kind else { return NO_LANGUAGE.to_owned() };
    let word = info.split_whitespace().next().unwrap_or(NO_LANGUAGE);
    let is_name =
        word.len() <= 40 && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+#.-".contains(&b));
    if is_name { word } else { NO_LANGUAGE }.to_owned()
}

fn number(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}

#[cfg(test)]
#[path = "markdown_tests.rs"]
mod tests;
