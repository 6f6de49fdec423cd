//! One `[[jira_issues]]` table: a Jira project where incidents become work items. It is a destination of the type `issues`
//! under a name of its own.
//!
//! Names the keys and describes them for editors. What their values may be is checked where they are used: the type
//! reads them unread from `options`, as it would those of a `[[destinations]]` table.

use secrecy::SecretString;
use serde_json::{Map, Value as Json, json};
use url::Url;

use super::destination::{DestinationConfig, check_id, read_source_ids};
use super::kind::{Kind, Secrecy, list, secret, text};
use super::section::{Key, Section};
use super::sections::is_loopback;
use super::source::ID_PATTERN;
use super::table::Table;
use crate::domain::SourceId;

/// The type of destination that these tables are.
const TYPE: &str = "issues";

/// One table, with the keys of its type unread.
#[derive(Debug, Clone)]
pub struct JiraIssuesConfig {
    /// Unique among destinations.
    pub id: String,
    /// The sources whose incidents go there; all when absent.
    pub sources: Option<Vec<SourceId>>,
    /// May be sealed.
    pub api_token: Option<SecretString>,
    /// All other keys.
    pub options: Map<String, Json>,
}

impl JiraIssuesConfig {
    /// The names of all keys, with those that name a file.
    #[must_use]
    pub fn key_names() -> Vec<&'static str> {
        <Self as Section>::key_names()
    }

    /// The same as a destination. One of the hosts that may be asked without TLS is asked so.
    pub(super) fn to_destination(&self, insecure_sites: &[String]) -> DestinationConfig {
        let mut options = self.options.clone();
        let site = options.get("site").and_then(Json::as_str).map(str::trim);
        if let Some(site) = site.filter(|site| insecure_sites.iter().any(|one| one == site)) {
            let address = format!("http://{site}");
            options.insert("site".to_owned(), address.into());
        }
        DestinationConfig {
            id: self.id.clone(),
            type_name: TYPE.to_owned(),
            sources: self.sources.clone(),
            api_token: self.api_token.clone(),
            options,
        }
    }

    /// What is wrong with an address without TLS; nothing if `connect.insecure_sites` allows it.
    #[must_use]
    pub fn find_insecure_site(&self, insecure_sites: &[String]) -> Option<String> {
        let url = Url::parse(self.options.get("site")?.as_str()?.trim()).ok()?;
        if url.scheme() != "http" || !is_loopback(&url) {
            return None;
        }
        let host = url.host_str()?;
        let site = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let is_allowed = insecure_sites.contains(&site);
        (!is_allowed).then(|| format!("`site` is asked without TLS; add {site:?} to connect.insecure_sites"))
    }
}

impl Section for JiraIssuesConfig {
    fn keys() -> Vec<Key> {
        let own = |(name, schema): (&'static str, Json)| {
            let required = ["site", "project", "email"].contains(&name);
            Key { name, file_twin: None, secrecy: Secrecy::Open, required, place: None, schema }
        };
        let shared = [
            Key { required: false, ..Key::new("id", "id_file", id()) },
            Key::new("sources", "sources_file", sources()),
            Key::new("api_token", "api_token_file", secret()),
        ];
        shared.into_iter().chain(describe_options().into_iter().map(own)).collect()
    }

    fn read(table: &mut Table<'_>) -> Option<Self> {
        let id = table.read("id", "id_file", &id());
        let sources = table.read("sources", "sources_file", &sources());
        let api_token = table.read("api_token", "api_token_file", &secret().optional());
        let options = table.take_rest();
        Some(Self { id: id?, sources: sources?, api_token: api_token?, options })
    }
}

fn id() -> Kind<String> {
    text()
        .shaped(ID_PATTERN)
        .checked(check_id)
        .required("is missing; without it, it is the key of the project in small letters")
}

fn sources() -> Kind<Option<Vec<SourceId>>> {
    list().checked(|ids| read_source_ids(&ids)).optional()
}

/// The keys of the type with keywords of JSON Schema.
fn describe_options() -> Vec<(&'static str, Json)> {
    let text = || json!({ "type": "string" });
    let flag = || json!({ "type": "boolean" });
    let words = |words: &[&str]| json!({ "enum": words });
    let texts = || json!({ "type": "array", "items": { "type": "string" } });
    let table = || json!({ "type": "object", "additionalProperties": true });
    vec![
        ("site", text()),
        ("project", json!({ "type": "string", "pattern": "^[A-Z][A-Z0-9_]{1,19}$" })),
        ("issue_type", text()),
        ("email", json!({ "type": "string", "pattern": "@" })),
        ("token_expires", json!({ "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" })),
        ("host", words(&["auto", "site", "gateway"])),
        ("cloud_id", text()),
        ("min_severity", words(&["P1", "P2", "P3", "P4", "P5"])),
        ("create_resolved", flag()),
        ("priority", table()),
        ("components", words(&["match", "off"])),
        ("labels", texts()),
        ("identity_label", flag()),
        ("fields", table()),
        ("update", texts()),
        ("transitions", table()),
        ("resolution", text()),
        ("reopen_within", text()),
        ("comments", words(&["off", "status"])),
        ("reviews", words(&["link", "off"])),
        ("recreate", flag()),
        ("on_delete", words(&["resolve", "leave"])),
        ("writes_per_second", json!({ "type": "integer", "minimum": 1, "maximum": 100 })),
    ]
}
