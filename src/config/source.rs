//! One `[[sources]]` table: a connection to one incident tool.
//!
//! Holds the keys that every tool shares. A tool's own keys stay unread in `options`; the tool's module
//! reads them, so that this file never learns a tool's name.

use std::collections::BTreeMap;
use std::time::Duration;

use config::Value;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::error::ConfigError;
use super::kind::{boolean, cron, duration, integer, list, secret, secrets, text, url, word, words_to};
use super::manual;
use super::page_address::PageAddress;
use super::reading::Reading;
use super::schedule::Recurrence;
use super::section::{Section, read_section, section};
use super::table::Table;
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

/// For a source that was made without the defaults of the manual.
const USUAL_INTERVAL: Duration = Duration::from_mins(5);
/// Bytes of a credential that nobody guesses.
const SHORTEST_CREDENTIAL: usize = 16;
/// The shape of ids that the operator chooses, for editors; the reader asks the id's own type.
pub(super) const ID_PATTERN: &str = "^[a-z0-9][a-z0-9-]{0,31}$";
const TIERS: &[Tier] = &[Tier::One, Tier::Two, Tier::Three, Tier::Four];
const COMPONENT_TYPES: &[ComponentType] = &[
    ComponentType::Service,
    ComponentType::Application,
    ComponentType::Library,
    ComponentType::Capability,
    ComponentType::CloudResource,
    ComponentType::DataPipeline,
    ComponentType::MachineLearningModel,
    ComponentType::UiElement,
    ComponentType::Website,
    ComponentType::Other,
];
const SEVERITIES: &[Severity] =
    &[Severity::P1, Severity::P2, Severity::P3, Severity::P4, Severity::P5, Severity::Unknown];
const STATUSES: &[IncidentStatus] =
    &[IncidentStatus::Open, IncidentStatus::Resolved, IncidentStatus::Unknown];

section! {
    /// The keys that every source understands; see `config/default.toml` for their meaning and defaults.
    pub struct SourceConfig {
        pub id: SourceId = text()
            .shaped(ID_PATTERN)
            .checked(|id| SourceId::parse(&id).map_err(|fault| fault.to_string()))
            .required("is missing; choose a short name such as \"pd\""),
        /// The `type` key, for example `pagerduty`.
        pub kind as "type": String = text().required("is missing; `incident-bridge sources` lists the types"),
        /// Hosts of the Jira sites that may see this source, exact or `*.`-globs.
        pub sites: Vec<String> = list().required(
            "is required because connect.sites has a glob: list the hosts that may see this source",
        ),
        /// Newest first.
        pub webhook_secrets: Vec<SecretString> = secrets(),
        pub webhook_token: Option<SecretString> = secret().optional(),
        /// `user:password`.
        pub webhook_basic: Option<SecretString> = secret().optional(),
        pub api_token: Option<SecretString> = secret().optional(),
        pub api_url: Option<Url> = url().optional(),
        /// In place of `poll`.
        pub poll_interval: Option<Duration> = duration().checked(check_interval).optional(),
        /// Cron expression with six fields, in place of `poll_interval`.
        pub poll: Option<String> = cron().optional(),
        /// Most instants from one poll to the next while nothing is new; 1 skips none.
        pub poll_slowdown: usize = integer(1..=12),
        pub backfill: Duration = duration(),
        pub workspaces: WorkspaceMode = word(&[WorkspaceMode::Account, WorkspaceMode::Teams]),
        pub workspace_name: Option<String> = text().optional(),
        pub workspace_url: Option<Url> = url().optional(),
        /// Where a new review is written.
        pub review_url: Option<PageAddress> =
            text().shaped("^https?://").checked(|text| PageAddress::parse(&text)).optional(),
        pub fallback_component: String = text(),
        /// Tier of components for which the tool gives none.
        pub component_tier: Tier = word(TIERS),
        /// Type of components for which the tool gives none.
        pub component_type: ComponentType = word(COMPONENT_TYPES),
        /// Icon of components that have none; the bridge's own when absent.
        pub component_avatar_url: Option<Url> = url().optional(),
        /// By the tool's own word, lower case.
        pub severity: BTreeMap<String, Severity> = words_to(SEVERITIES),
        /// By the tool's own word, lower case.
        pub status: BTreeMap<String, IncidentStatus> = words_to(STATUSES),
        pub associate_issue_keys: bool = boolean(),
        ..options
    }
}

impl SourceConfig {
    /// The shared keys at their defaults, for a source of the type `kind` that no site may see yet.
    ///
    /// # Errors
    /// When `config/default.toml` has a default that its key does not take.
    pub fn new(id: SourceId, kind: &str) -> Result<Self, ConfigError> {
        let mut values = manual::list_defaults("sources", &<Self as Section>::keys())?;
        values.insert("id".to_owned(), Value::new(None, String::from(id)));
        values.insert("type".to_owned(), Value::new(None, kind));
        values.insert("sites".to_owned(), Value::new(None, Vec::<String>::new()));
        let mut reading = Reading::default();
        let read = read_section(Table::new("source.", "source.", values, &mut reading));
        read.ok_or(ConfigError { problems: reading.problems })
    }

    /// When the tool is polled.
    #[must_use]
    pub fn polls(&self) -> Recurrence {
        match (&self.poll, self.poll_interval) {
            (Some(cron), _) => Recurrence::Cron(cron.clone()),
            (None, interval) => Recurrence::Every(interval.unwrap_or(USUAL_INTERVAL)),
        }
    }

    /// What may prove a webhook, with the key that names it: `webhook_secrets[0]`.
    #[must_use]
    pub fn webhook_credentials(&self) -> Vec<(String, &SecretString)> {
        let secrets = self.webhook_secrets.iter().enumerate();
        let secrets = secrets.map(|(index, secret)| (format!("webhook_secrets[{index}]"), secret));
        let token = self.webhook_token.iter().map(|token| ("webhook_token".to_owned(), token));
        let basic = self.webhook_basic.iter().map(|basic| ("webhook_basic".to_owned(), basic));
        secrets.chain(token).chain(basic).collect()
    }

    /// The keys of credentials that are so short that they could be guessed.
    #[must_use]
    pub fn weak_credentials(&self) -> Vec<String> {
        let secret_part = |text: &str, key: &str| match text.split_once(':') {
            Some((_, password)) if key == "webhook_basic" => password.trim().len(),
            _ => text.trim().len(),
        };
        let credentials = self.webhook_credentials().into_iter();
        let weak =
            credentials.filter(|(key, text)| secret_part(text.expose_secret(), key) < SHORTEST_CREDENTIAL);
        weak.map(|(key, _)| key).collect()
    }

    /// Whether there is a credential with which a webhook can be checked.
    #[must_use]
    pub fn takes_webhooks(&self) -> bool {
        !self.webhook_credentials().is_empty()
    }

    /// The names of the keys that every source understands, with those that name a secret's file.
    #[must_use]
    pub fn shared_names() -> Vec<&'static str> {
        <Self as Section>::key_names()
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

fn check_interval(interval: Duration) -> Result<Duration, String> {
    let range = Duration::from_secs(1)..=Duration::from_hours(7 * 24);
    if range.contains(&interval) { Ok(interval) } else { Err("must be from \"1s\" to \"7d\"".to_owned()) }
}
