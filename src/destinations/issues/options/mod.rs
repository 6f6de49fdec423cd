//! The keys of one destination of this type, checked before anything is sent.
//!
//! Must tell every mistake at once, each as a sentence with the key and what to write. The token never leaves as plain
//! text.

mod keys;
mod kinds;
mod site;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::time::Duration;

use chrono::NaiveDate;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use url::Url;

use self::keys::Keys;
pub use self::kinds::{Comments, Components, Host, OnDelete, Reviews, Transitions};
pub(super) use self::site::browse_url;
use self::values::{
    parse_choice, parse_cloud_id, parse_date, parse_email, parse_field, parse_filled, parse_level,
    parse_project, parse_window,
};
use super::content::field::Field;
use super::content::labels::parse_label;
use crate::domain::Severity;

/// Every key, for suggestions and for the list of what there is.
pub const NAMES: [&str; 25] = [
    "api_token",
    "cloud_id",
    "comments",
    "components",
    "create_resolved",
    "email",
    "fields",
    "host",
    "identity_label",
    "issue_type",
    "labels",
    "min_severity",
    "on_delete",
    "priority",
    "project",
    "recreate",
    "reopen_within",
    "resolution",
    "reviews",
    "site",
    "token_expires",
    "transitions",
    "update",
    "writes_per_second",
    "api_token_file",
];

/// Ends of the addresses of service accounts, whose tokens only the gateway takes.
const SERVICE_ACCOUNTS: &str = "@serviceaccount.atlassian.com";

/// Fields that have keys of their own, or are none of the operator's business.
const OWN_FIELDS: [&str; 8] =
    ["project", "issuetype", "summary", "description", "labels", "priority", "components", "status"];

/// One destination as the operator wants it.
#[derive(Debug, Clone)]
pub struct Options {
    /// Without a path.
    pub site: Url,
    /// Where tokens with scopes are taken; without a path.
    pub gateway: Url,
    /// Key.
    pub project: String,
    /// Name or id.
    pub issue_type: String,
    pub email: String,
    pub api_token: SecretString,
    /// The last day on which the token works.
    pub token_expires: Option<NaiveDate>,
    pub host: Host,
    pub cloud_id: Option<String>,
    /// The least severe level for which work items are made; `None` for all.
    pub min_severity: Option<Severity>,
    /// Names or ids of priorities; empty for the usual ones.
    pub priority: BTreeMap<Severity, String>,
    pub transitions: Transitions,
    /// Name or id.
    pub resolution: Option<String>,
    /// How long after its resolution an incident reopens its work item and does not get a new one; `None` for ever.
    pub reopen_within: Option<Duration>,
    pub labels: Vec<String>,
    pub identity_label: bool,
    pub components: Components,
    pub reviews: Reviews,
    pub comments: Comments,
    /// What is kept up to date.
    pub update: BTreeSet<Field>,
    /// Values of other fields, by id or name; sent on creation only.
    pub fields: Map<String, Value>,
    /// Whether incidents that were never seen open get a work item.
    pub create_resolved: bool,
    /// Whether a work item that people deleted is made again.
    pub recreate: bool,
    pub on_delete: OnDelete,
    pub writes_per_second: NonZeroU32,
}

/// Where people open a work item, from the keys alone; `None` if they name no site.
#[must_use]
pub fn find_browse_url(options: &Map<String, Value>, key: &str) -> Option<String> {
    let (site, _) = site::parse(options.get("site")?.as_str()?).ok()?;
    Some(browse_url(&site, key))
}

impl Options {
    /// Reads the keys. `api_token` is the token if it was taken out of them before.
    ///
    /// # Errors
    /// Every mistake, one sentence each.
    pub fn parse(options: &Map<String, Value>, api_token: Option<SecretString>) -> Result<Self, Vec<String>> {
        let mut keys = Keys::new(options, &NAMES);
        let site = keys.read_needed("site", "write the address of your Jira site", site::parse);
        let host = keys.read_word(
            "host",
            [("auto", Host::Auto), ("site", Host::Site), ("gateway", Host::Gateway)],
            Host::Auto,
        );
        let email =
            keys.read_needed("email", "write the address of the account that owns the token", parse_email);
        if let (Some(email), Host::Site) = (&email, host)
            && email.ends_with(SERVICE_ACCOUNTS)
        {
            keys.fault(
                "host",
                "tokens of service accounts work through \"gateway\" only; write that, or \"auto\"",
            );
        }
        let project =
            keys.read_needed("project", "write the key of the project, such as \"OPS\"", parse_project);
        let api_token = read_token(&mut keys, api_token);
        let about = Self::read_optional(&mut keys, host);
        match (keys.finish(), site, email, project, api_token) {
            (Ok(()), Some((site, gateway)), Some(email), Some(project), Some(api_token)) => {
                Ok(about(Needed { site, gateway, project, email, api_token }))
            }
            (finished, ..) => Err(finished.err().unwrap_or_default()),
        }
    }

    /// The keys that have defaults.
    fn read_optional(keys: &mut Keys<'_>, host: Host) -> impl FnOnce(Needed) -> Self + use<> {
        let issue_type = keys.read_text("issue_type", parse_filled).unwrap_or_else(|| "Task".to_owned());
        let token_expires = keys.read_text("token_expires", parse_date);
        let cloud_id = keys.read_text("cloud_id", parse_cloud_id);
        let min_severity = keys.read_text("min_severity", parse_level);
        let priority =
            keys.read_table("priority", |level, name| Ok((parse_level(level)?, parse_filled(name)?)));
        let transitions = read_transitions(keys);
        let resolution = keys.read_text("resolution", parse_filled);
        let reopen_within = keys.read_text("reopen_within", parse_window).flatten();
        let labels = keys.read_list("labels", parse_label).unwrap_or_default();
        let update = keys.read_list("update", parse_field);
        let update = update.map_or_else(default_update, |fields| fields.into_iter().collect());
        let fields = read_fields(keys);
        let identity_label = keys.read_flag("identity_label", true);
        let components = keys.read_word(
            "components",
            [("match", Components::Match), ("off", Components::Off)],
            Components::Match,
        );
        let reviews =
            keys.read_word("reviews", [("link", Reviews::Link), ("off", Reviews::Off)], Reviews::Link);
        let comments =
            keys.read_word("comments", [("off", Comments::Off), ("status", Comments::Status)], Comments::Off);
        let create_resolved = keys.read_flag("create_resolved", false);
        let recreate = keys.read_flag("recreate", false);
        let on_delete = keys.read_word(
            "on_delete",
            [("resolve", OnDelete::Resolve), ("leave", OnDelete::Leave)],
            OnDelete::Resolve,
        );
        let writes_per_second = keys.read_count("writes_per_second", DEFAULT_PACE, FASTEST_PACE);
        move |Needed { site, gateway, project, email, api_token }| Self {
            site,
            gateway,
            project,
            issue_type,
            email,
            api_token,
            token_expires,
            host,
            cloud_id,
            min_severity,
            priority,
            transitions,
            resolution,
            reopen_within,
            labels,
            identity_label,
            components,
            reviews,
            comments,
            update,
            fields,
            create_resolved,
            recreate,
            on_delete,
            writes_per_second,
        }
    }

    /// Whether incidents of this level get a work item. An unknown level might be any.
    #[must_use]
    pub fn is_severe_enough(&self, level: Severity) -> bool {
        level == Severity::Unknown || self.min_severity.is_none_or(|least| level <= least)
    }
}

/// What has no default.
struct Needed {
    site: Url,
    gateway: Url,
    project: String,
    email: String,
    api_token: SecretString,
}

const DEFAULT_PACE: NonZeroU32 = NonZeroU32::new(5).unwrap();

/// What Jira allows of `POST` for one operation.
const FASTEST_PACE: NonZeroU32 = NonZeroU32::new(100).unwrap();

fn default_update() -> BTreeSet<Field> {
    BTreeSet::from([Field::Summary, Field::Description, Field::Priority, Field::Components])
}

fn read_token(keys: &mut Keys<'_>, apart: Option<SecretString>) -> Option<SecretString> {
    let given = keys.read_text("api_token", |token| Ok(SecretString::from(token)));
    let token = apart.or(given).map(|token| token.expose_secret().trim().to_owned());
    let token = token.filter(|token| !token.is_empty());
    if token.is_none() {
        keys.fault(
            "api_token",
            "is missing; write the account's API token, or name its file in `api_token_file`",
        );
    }
    token.map(SecretString::from)
}

fn read_transitions(keys: &mut Keys<'_>) -> Transitions {
    let mut transitions = Transitions::default();
    let named = keys.read_table("transitions", |when, choice| {
        if !["acknowledged", "resolved", "reopened"].contains(&when) {
            return Err("the keys here are acknowledged, resolved and reopened".to_owned());
        }
        Ok((when.to_owned(), parse_choice(choice)?))
    });
    for (when, choice) in named {
        match when.as_str() {
            "acknowledged" => transitions.acknowledged = choice,
            "resolved" => transitions.resolved = choice,
            _ => transitions.reopened = choice,
        }
    }
    transitions
}

fn read_fields(keys: &mut Keys<'_>) -> Map<String, Value> {
    let fields = keys.read_object("fields");
    for field in fields.keys() {
        if OWN_FIELDS.iter().any(|own| field.eq_ignore_ascii_case(own)) {
            keys.fault(
                "fields",
                &format!("{field:?} cannot be set here; it has a key of its own or follows the tool"),
            );
        }
    }
    fields
}

#[cfg(test)]
#[path = "options_tests.rs"]
mod tests;
