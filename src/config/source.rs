//! One `[[sources]]` table: a connection to one incident tool.
//!
//! Holds the keys that every tool shares. A tool's own keys stay unread in `options`; the tool's module
//! reads them, so that this file never learns a tool's name.

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use crate::domain::{IncidentStatus, Severity, SourceId};

/// How the tool's workspaces appear in Jira.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WorkspaceMode {
    /// One workspace for the whole account, known before the tool was ever asked.
    Account,
    /// One workspace per team of the tool.
    Teams,
}

/// The keys that every source understands; see `config/default.toml` for their meaning and defaults.
#[derive(Debug, Clone)]
pub struct SourceConfig {
    pub id: SourceId,
    /// The `type` key, for example `pagerduty`.
    pub kind: String,
    /// Hosts of the Jira sites that may see this source, exact or `*.`-globs.
    pub sites: Vec<String>,
    /// Newest first.
    pub webhook_secrets: Vec<SecretString>,
    pub webhook_token: Option<SecretString>,
    /// `user:password`.
    pub webhook_basic: Option<SecretString>,
    pub api_token: Option<SecretString>,
    pub api_url: Option<Url>,
    /// Cron expression with six fields.
    pub poll: String,
    pub backfill: Duration,
    pub workspaces: WorkspaceMode,
    pub workspace_name: Option<String>,
    pub workspace_url: Option<Url>,
    pub fallback_component: String,
    /// By the tool's own word, lower case.
    pub severity: BTreeMap<String, Severity>,
    /// By the tool's own word, lower case.
    pub status: BTreeMap<String, IncidentStatus>,
    pub associate_issue_keys: bool,
    /// The tool's own keys.
    pub options: serde_json::Map<String, serde_json::Value>,
}

impl SourceConfig {
    /// The shared keys at their defaults, for a source of the type `kind`.
    #[must_use]
    pub fn new(id: SourceId, kind: &str) -> Self {
        Self {
            id,
            kind: kind.to_owned(),
            sites: Vec::new(),
            webhook_secrets: Vec::new(),
            webhook_token: None,
            webhook_basic: None,
            api_token: None,
            api_url: None,
            poll: "0 */5 * * * *".to_owned(),
            backfill: Duration::from_hours(90 * 24),
            workspaces: WorkspaceMode::Account,
            workspace_name: None,
            workspace_url: None,
            fallback_component: "Unassigned".to_owned(),
            severity: BTreeMap::new(),
            status: BTreeMap::new(),
            associate_issue_keys: false,
            options: serde_json::Map::new(),
        }
    }

    /// The operator's level for the tool's own word, if the configuration overrides it.
    #[must_use]
    pub fn find_severity(&self, word: &str) -> Option<Severity> {
        self.severity.get(&word.trim().to_lowercase()).copied()
    }

    /// The operator's status for the tool's own word, if the configuration overrides it.
    #[must_use]
    pub fn find_status(&self, word: &str) -> Option<IncidentStatus> {
        self.status.get(&word.trim().to_lowercase()).copied()
    }
}
