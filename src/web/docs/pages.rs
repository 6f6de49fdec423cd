//! Which pages the manual has, and where each is.
//!
//! The pages of tools and destinations come from their tables; a test compares the rest with the folder.

use std::borrow::Cow;
use std::fmt::Write;
use std::sync::LazyLock;

use crate::destinations::TYPES;
use crate::sources::KINDS;

/// Files of the repository that are pages: path, and text.
const FILES: [(&str, &str); 14] = [
    ("README.md", include_str!("../../../README.md")),
    ("docs/OPERATING.md", include_str!("../../../docs/OPERATING.md")),
    ("docs/MOVING-FROM-ALERTMANAGER.md", include_str!("../../../docs/MOVING-FROM-ALERTMANAGER.md")),
    ("docs/TROUBLESHOOTING.md", include_str!("../../../docs/TROUBLESHOOTING.md")),
    ("docs/PROBLEMS.md", include_str!("../../../docs/PROBLEMS.md")),
    ("docs/EXPLAIN.md", include_str!("../../../docs/EXPLAIN.md")),
    ("docs/CONNECT.md", include_str!("../../../docs/CONNECT.md")),
    ("docs/RELIABILITY.md", include_str!("../../../docs/RELIABILITY.md")),
    ("docs/BENCHMARKS.md", include_str!("../../../docs/BENCHMARKS.md")),
    ("docs/ARCHITECTURE.md", include_str!("../../../docs/ARCHITECTURE.md")),
    ("docs/ADDING-A-SOURCE.md", include_str!("../../../docs/ADDING-A-SOURCE.md")),
    ("CONTRIBUTING.md", include_str!("../../../CONTRIBUTING.md")),
    ("SECURITY.md", include_str!("../../../SECURITY.md")),
    ("CHANGELOG.md", include_str!("../../../CHANGELOG.md")),
];

/// Files that are shown as they are: path, title, language, and text.
const PLAIN: [(&str, &str, &str, &str); 5] = [
    ("config/default.toml", "Default configuration", "toml", include_str!("../../../config/default.toml")),
    (
        "config/production.example.toml",
        "Example of a configuration",
        "toml",
        include_str!("../../../config/production.example.toml"),
    ),
    (
        "config/incident-bridge.service",
        "Unit for systemd",
        "ini",
        include_str!("../../../config/incident-bridge.service"),
    ),
    ("config/alerts.yml", "Alert rules", "yaml", include_str!("../../../config/alerts.yml")),
    ("LICENSE", "Licence", "text", include_str!("../../../LICENSE")),
];

/// One page.
#[derive(Debug)]
pub(super) struct Page {
    /// In the repository, which is what links between pages name.
    pub path: String,
    /// Its address below `/docs/`; empty for the first.
    pub slug: String,
    pub title: String,
    pub markdown: Cow<'static, str>,
}

/// All pages, in the order in which they are listed.
pub(super) static PAGES: LazyLock<Vec<Page>> = LazyLock::new(|| {
    let files = FILES.iter().map(|(path, text)| Page::new((*path).to_owned(), Cow::Borrowed(text)));
    let destinations = TYPES
        .iter()
        .map(|kind| Page::new(format!("docs/destinations/{}.md", kind.name), Cow::Borrowed(kind.page)));
    let tools = KINDS.iter().map(|kind| Page::new(kind.page_path(), Cow::Borrowed(kind.page)));
    let plain = PLAIN.iter().map(|(path, title, language, text)| {
        Page::new((*path).to_owned(), Cow::Owned(format!("# {title}\n\n```{language}\n{text}\n```\n")))
    });
    files.chain(destinations).chain([list_of_tools()]).chain(tools).chain(plain).collect()
});

impl Page {
    fn new(path: String, markdown: Cow<'static, str>) -> Self {
        let title = markdown.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or(&path).to_owned();
        Self { slug: slug(&path), title: title.replace('`', ""), path, markdown }
    }
}

/// `docs/sources/pagerduty.md` is at `sources/pagerduty`.
fn slug(path: &str) -> String {
    if path == "README.md" {
        return String::new();
    }
    let below = path.strip_prefix("docs/").or_else(|| path.strip_prefix("config/")).unwrap_or(path);
    below.strip_suffix(".md").unwrap_or(below).to_ascii_lowercase()
}

/// What links to the folder lead to.
fn list_of_tools() -> Page {
    let mut text = "# Incident tools\n\n".to_owned();
    for kind in KINDS {
        // Writing to a text does not fail.
        let _written = writeln!(text, "- [{}](sources/{}.md)", kind.title(), kind.name);
    }
    Page::new("docs/sources".to_owned(), Cow::Owned(text))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::PAGES;

    fn list(folder: &str) -> impl Iterator<Item = String> + use<'_> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let entries = std::fs::read_dir(root.join(folder)).expect("the folder is there");
        let names = entries.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned());
        names
            .filter(|name| Path::new(name).extension().is_some_and(|it| it == "md"))
            .map(move |name| format!("{folder}/{name}"))
    }

    #[test]
    fn every_file_of_the_manual_is_a_page() {
        let files: BTreeSet<String> =
            ["docs", "docs/sources", "docs/destinations"].into_iter().flat_map(list).collect();
        let pages: BTreeSet<String> = PAGES.iter().map(|page| page.path.clone()).collect();
        let missing: Vec<_> = files.difference(&pages).collect();
        assert!(missing.is_empty(), "add to FILES in src/web/docs/pages.rs: {missing:?}");
        let slugs: BTreeSet<&str> = PAGES.iter().map(|page| page.slug.as_str()).collect();
        assert_eq!(slugs.len(), PAGES.len(), "two pages have one address");
    }
}
