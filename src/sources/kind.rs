//! What a type of source is, what it is built from, and its page for the operator.
//!
//! The page is compiled in, so `sources show` prints what the page says. Must not know any tool.

use std::sync::Arc;

use super::adapter::Source;
use crate::config::SourceConfig;

/// One type of source, as `type` names it in the configuration.
pub struct Kind {
    pub name: &'static str,
    /// Builds the source from its configuration, without using the network.
    pub build: fn(BuildContext) -> Result<Arc<dyn Source>, BuildError>,
    /// The tool's own keys of the `[[sources]]` table.
    pub option_names: &'static [&'static str],
    /// How the tool is read, and what not every tool has.
    pub capabilities: &'static [Capability],
    /// The operator's page, Markdown: `docs/sources/<name>.md`.
    pub page: &'static str,
}

/// What a source is built from.
#[derive(Clone)]
pub struct BuildContext {
    pub config: SourceConfig,
    /// TLS-verifying client without redirects on writes, shared by all sources.
    pub http: reqwest::Client,
}

/// Why a source cannot be built from its configuration: for each mistake the key and what to write there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", problems.join("; "))]
pub struct BuildError {
    pub problems: Vec<String>,
}

impl From<String> for BuildError {
    fn from(problem: String) -> Self {
        Self { problems: vec![problem] }
    }
}

/// A way to read a tool, or a kind of entity that only some tools have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Capability {
    /// The tool sends webhooks.
    Webhooks,
    /// The tool can be polled.
    Polling,
    /// The tool has post-incident reviews.
    Reviews,
}

impl Capability {
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

    /// Path of the page in the repository.
    #[must_use]
    pub fn page_path(&self) -> String {
        format!("docs/sources/{}.md", self.name)
    }

    /// The configuration block of the page: a `[[sources]]` table with the tool's own keys; optional keys are
    /// commented out.
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

    /// The text below a heading of the second level.
    #[must_use]
    pub fn section(&self, heading: &str) -> &'static str {
        let start = format!("\n## {heading}\n");
        let below = self.page.split_once(start.as_str()).map_or("", |(_, rest)| rest);
        below.split_once("\n## ").map_or(below, |(section, _)| section).trim()
    }
}
