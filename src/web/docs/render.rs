//! A page of the manual as HTML: headings with the anchors that GitHub gives them, and links between pages that
//! work here.
//!
//! Raw HTML is shown as text. A link to a file of the repository that is no page keeps its text only.

use std::collections::BTreeMap;

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd, html};

use super::pages::Page;

/// The body of a page.
pub(super) fn render(page: &Page, pages: &[Page]) -> String {
    let parser = Parser::new_ext(&page.markdown, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH);
    let mut events: Vec<Event<'_>> = parser.collect();
    name_headings(&mut events);
    let mut is_dropped = false;
    let events = events.into_iter().filter_map(|event| match event {
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            let target = find_target(page, pages, &dest_url);
            is_dropped = target.is_none();
            let dest_url = target?.into();
            Some(Event::Start(Tag::Link { link_type, dest_url, title, id }))
        }
        Event::End(TagEnd::Link) => (!is_dropped).then_some(Event::End(TagEnd::Link)),
        Event::Html(text) | Event::InlineHtml(text) => Some(Event::Text(text)),
        other => Some(other),
    });
    let mut body = String::with_capacity(page.markdown.len().saturating_mul(2));
    html::push_html(&mut body, events);
    body
}

fn name_headings(events: &mut [Event<'_>]) {
    let mut taken = BTreeMap::new();
    let mut names = Vec::new();
    let mut text: Option<String> = None;
    for event in &*events {
        match event {
            Event::Start(Tag::Heading { .. }) => text = Some(String::new()),
            Event::Text(part) | Event::Code(part) => text.iter_mut().for_each(|text| text.push_str(part)),
            Event::End(TagEnd::Heading(_)) => {
                names.push(unique(anchor(&text.take().unwrap_or_default()), &mut taken));
            }
            _ => {}
        }
    }
    let mut names = names.into_iter();
    for event in events {
        if let Event::Start(Tag::Heading { id, .. }) = event {
            *id = names.next().map(CowStr::from);
        }
    }
}

/// GitHub's anchor of a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn unique(name: String, taken: &mut BTreeMap<String, usize>) -> String {
    let count = taken.entry(name.clone()).or_default();
    *count = count.saturating_add(1);
    if *count == 1 { name } else { format!("{name}-{}", count.saturating_sub(1)) }
}

/// Where a link of a page leads; `None` for a file that is no page.
fn find_target(from: &Page, pages: &[Page], link: &str) -> Option<String> {
    if link.starts_with('#') || link.contains("://") || link.starts_with("mailto:") {
        return Some(link.to_owned());
    }
    let (path, anchor) = link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)));
    let path = resolve(&from.path, path);
    let page = pages.iter().find(|page| page.path == path)?;
    let up = "../".repeat(from.slug.matches('/').count());
    let slug = if up.is_empty() && page.slug.is_empty() { "./" } else { &page.slug };
    Some(format!("{up}{slug}{}", anchor.map(|anchor| format!("#{anchor}")).unwrap_or_default()))
}

/// The path in the repository that `link` means on the page at `from`.
fn resolve(from: &str, link: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in link.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::super::pages::PAGES;
    use super::*;

    fn page(path: &str) -> &'static Page {
        PAGES.iter().find(|page| page.path == path).expect("it is a page")
    }

    #[test]
    fn anchors_are_those_of_github() {
        assert_eq!(
            anchor("Plain Connect, Connect on Forge, and `the` end"),
            "plain-connect-connect-on-forge-and-the-end"
        );
        assert_eq!(anchor("At 3 a.m."), "at-3-am");
        let mut taken = BTreeMap::new();
        assert_eq!(["x", "y", "x"].map(|name| unique(name.to_owned(), &mut taken)), ["x", "y", "x-1"]);
    }

    #[test]
    fn links_lead_to_pages_from_wherever_they_are() {
        for (from, link, target) in [
            ("README.md", "docs/OPERATING.md#metrics", "operating#metrics"),
            ("README.md", "docs/sources", "sources"),
            ("README.md", "docs/sources/", "sources"),
            ("docs/CONNECT.md", "../README.md#try-it", "./#try-it"),
            ("docs/CONNECT.md", "OPERATING.md", "operating"),
            ("docs/sources/pagerduty.md", "../../config/default.toml", "../default.toml"),
            ("docs/sources/pagerduty.md", "../../README.md", "../"),
            ("docs/sources/grafana.md", "alertmanager.md#mapping", "../sources/alertmanager#mapping"),
            ("docs/CONNECT.md", "https://example.com/x", "https://example.com/x"),
        ] {
            assert_eq!(find_target(page(from), &PAGES, link).as_deref(), Some(target), "{from}: {link}");
        }
        assert_eq!(find_target(page("docs/ADDING-A-SOURCE.md"), &PAGES, "../src/lib.rs"), None);
    }

    #[test]
    fn only_source_code_is_linked_that_is_no_page_and_it_exists() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        for page in PAGES.iter() {
            for event in Parser::new_ext(&page.markdown, Options::ENABLE_TABLES) {
                let Event::Start(Tag::Link { dest_url, .. }) = event else { continue };
                if find_target(page, &PAGES, &dest_url).is_none() {
                    let path = resolve(&page.path, &dest_url);
                    let is_code = ["src/", "tests/", "benches/", "fuzz/", "config/"]
                        .iter()
                        .any(|it| path.starts_with(it));
                    assert!(is_code && root.join(&path).exists(), "{}: {dest_url}", page.path);
                }
            }
        }
    }
}
