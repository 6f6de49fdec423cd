//! What a type of source is, with its page for the operator.
//!
//! The page is a part of the program, so what `sources show` prints and what the page says are one text. Must
//! not know any tool.

use std::sync::Arc;

use super::{BuildContext, BuildError, Source};

/// One type of source, as `type` names it in the configuration.
pub struct Kind {
    pub name: &'static str,
    pub build: fn(BuildContext) -> Result<Arc<dyn Source>, BuildError>,
    /// The tool's own keys of the `[[sources]]` table.
    pub option_names: &'static [&'static str],
    /// What it can bring to Jira, and how.
    pub gives: &'static [Gives],
    /// The operator's page, Markdown: `docs/sources/<name>.md`.
    pub page: &'static str,
}

/// A way of telling, or something that only some tools can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Gives {
    /// The tool tells by webhooks.
    Webhooks,
    /// The tool can be asked.
    Polling,
    /// Post-incident reviews.
    Reviews,
}

impl Gives {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Webhooks => "webhooks",
            Self::Polling => "polling",
            Self::Reviews => "reviews",
        }
    }
}

impl Kind {
    /// The tool's own name: the title of the page.
    #[must_use]
    pub fn title(&self) -> &'static str {
        self.page.lines().next().unwrap_or_default().trim_start_matches('#').trim()
    }

    /// Where the page is in the repository.
    #[must_use]
    pub fn page_path(&self) -> String {
        format!("docs/sources/{}.md", self.name)
    }

    /// The configuration block of the page: a `[[sources]]` table with the tool's own keys, those that are
    /// optional commented out.
    #[must_use]
    pub fn example(&self) -> &'static str {
        let block = self.section("Configuration").split_once("```toml\n").map_or("", |(_, rest)| rest);
        block.split_once("```").map_or("", |(block, _)| block)
    }

    /// The id in that block.
    #[must_use]
    pub fn example_id(&self) -> Option<&'static str> {
        self.example().lines().find_map(|line| line.strip_prefix("id = \"")?.split('"').next())
    }

    /// What stands below a heading of the second level.
    #[must_use]
    pub fn section(&self, heading: &str) -> &'static str {
        let start = format!("\n## {heading}\n");
        let below = self.page.split_once(start.as_str()).map_or("", |(_, rest)| rest);
        below.split_once("\n## ").map_or(below, |(section, _)| section).trim()
    }
}
