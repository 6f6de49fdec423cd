//! One `[[sources]]` table: a connection to one incident tool.
//!
//! Holds the keys that every tool shares. A tool's own keys stay unread in `options`; the tool's module
//! reads them, so that this file never learns a tool's name.

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use super::values::Table;
use crate::domain::{ComponentType, IncidentStatus, Severity, SourceId, Tier, UnmappedValue, ValueKind};

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
    /// Most instants of `poll` from one poll to the next while nothing is new; 1 passes none over.
    pub poll_slowdown: usize,
    pub backfill: Duration,
    pub workspaces: WorkspaceMode,
    pub workspace_name: Option<String>,
    pub workspace_url: Option<Url>,
    pub fallback_component: String,
    /// Tier of components of which the tool tells none.
    pub component_tier: Tier,
    /// Type of components of which the tool tells none.
    pub component_type: ComponentType,
    /// Icon of components that bring none; ours when absent.
    pub component_avatar_url: Option<Url>,
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
            poll_slowdown: 4,
            backfill: Duration::from_hours(90 * 24),
            workspaces: WorkspaceMode::Account,
            workspace_name: None,
            workspace_url: None,
            fallback_component: "Unassigned".to_owned(),
            component_tier: Tier::Four,
            component_type: ComponentType::Service,
            component_avatar_url: None,
            severity: BTreeMap::new(),
            status: BTreeMap::new(),
            associate_issue_keys: false,
            options: serde_json::Map::new(),
        }
    }

    pub(super) fn read(mut table: Table<'_>, all_sites: &[String]) -> Option<Self> {
        let id = read_id(&mut table);
        let kind = table.text("type");
        if kind.is_none() {
            table.problem("type", "is missing; `incident-bridge sources` lists the types");
        }
        let mut source = Self::new(id?, &kind?);
        source.sites = read_sites(&mut table, all_sites);
        source.webhook_secrets = table.secrets("webhook_secrets", "webhook_secrets_file");
        source.webhook_token = table.secret("webhook_token", "webhook_token_file");
        source.webhook_basic = table.secret("webhook_basic", "webhook_basic_file");
        source.api_token = table.secret("api_token", "api_token_file");
        source.api_url = table.url("api_url");
        source.poll = table.cron("poll").unwrap_or(source.poll);
        source.poll_slowdown = table.integer("poll_slowdown", 1..=12).unwrap_or(source.poll_slowdown);
        source.backfill = table.duration("backfill").unwrap_or(source.backfill);
        source.workspaces = read_word(&mut table, "workspaces").unwrap_or(source.workspaces);
        source.workspace_name = table.text("workspace_name");
        source.workspace_url = table.url("workspace_url");
        source.fallback_component = table.text("fallback_component").unwrap_or(source.fallback_component);
        source.component_tier = read_word(&mut table, "component_tier").unwrap_or(source.component_tier);
        source.component_type = read_word(&mut table, "component_type").unwrap_or(source.component_type);
        source.component_avatar_url = table.url("component_avatar_url");
        source.severity = read_words(&mut table, "severity");
        source.status = read_words(&mut table, "status");
        source.associate_issue_keys = table.boolean("associate_issue_keys").unwrap_or(false);
        source.options = table.rest();
        Some(source)
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

    /// Whether the operator's table has a meaning for the word by now.
    #[must_use]
    pub fn knows(&self, unknown: &UnmappedValue) -> bool {
        match unknown.kind {
            ValueKind::Severity => self.find_severity(&unknown.value).is_some(),
            ValueKind::Status => self.find_status(&unknown.value).is_some(),
        }
    }
}

fn read_id(table: &mut Table<'_>) -> Option<SourceId> {
    let Some(text) = table.text("id") else {
        table.problem("id", "is missing; choose a short name such as \"pd\"");
        return None;
    };
    SourceId::parse(&text).map_err(|fault| table.problem("id", fault)).ok()
}

fn read_sites(table: &mut Table<'_>, all_sites: &[String]) -> Vec<String> {
    match table.list("sites") {
        Some(sites) => sites,
        None if all_sites.iter().any(|site| site.contains('*')) => {
            table.problem(
                "sites",
                "is required because connect.sites has a glob: list the hosts that may see this source",
            );
            Vec::new()
        }
        None => all_sites.to_vec(),
    }
}

/// A word such as `teams`, as serde knows it.
fn read_word<T: serde::de::DeserializeOwned>(table: &mut Table<'_>, key: &'static str) -> Option<T> {
    let word = table.text(key)?;
    serde_json::from_value(word.into()).map_err(|fault| table.problem(key, fault)).ok()
}

/// A table of the tool's own words to ours; the tool's words are compared without case.
fn read_words<T: serde::de::DeserializeOwned>(
    table: &mut Table<'_>,
    key: &'static str,
) -> BTreeMap<String, T> {
    let mut words = BTreeMap::new();
    for (word, value) in table.table(key) {
        let ours = value.into_string().unwrap_or_default();
        match serde_json::from_value(ours.into()) {
            Ok(ours) => {
                words.insert(word.trim().to_lowercase(), ours);
            }
            Err(fault) => table.problem(key, format!("{word:?}: {fault}")),
        }
    }
    words
}
