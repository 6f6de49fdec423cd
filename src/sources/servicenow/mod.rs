//! ServiceNow: incidents from the Table API, and pushes from a business rule.
//!
//! ServiceNow has no incident webhook. The push contract `sidecar-servicenow-1` is this program's own; the
//! script for it is in `docs/sources/servicenow.md`. Source of the other facts: the Table API reference.
//! Where ServiceNow keeps a review, and its state, is not documented, so this source has none. Must not
//! decide anything about Jira.

mod poll;

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use url::Url;

use self::poll::ServiceNowPoller;
use super::findings::describe;
use super::signature::HmacScheme;
use super::value::{Fields, scalar_text};
use super::{
    BuildContext, BuildError, Findings, InboundWebhook, Kind, Memory, Poller, Rejection, Source, Unmappable,
    VerifiedWebhook, options, shared_secret,
};
use crate::config::SourceConfig;
use crate::domain::{
    Component, Entity, EntityKind, Incident, IncidentStatus, Observation, Severity, Tier, Timestamp,
    Workspace, parse_timestamp,
};

pub(super) const KIND: Kind =
    Kind { name: "servicenow", build, option_names: &["filter", "api_auth", "service_table"] };

const SCHEMA: &str = "sidecar-servicenow-1";
const HOME: &str = "https://www.servicenow.com";

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ApiAuth {
    Basic,
    Bearer,
}

#[derive(Deserialize)]
#[serde(default)]
struct Options {
    /// Encoded query of the incidents to poll.
    filter: String,
    /// What `api_token` is: `user:password`, or an OAuth access token.
    api_auth: ApiAuth,
    /// Table of the services that Jira offers.
    service_table: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            filter: "priority=1^ORpriority=2".to_owned(),
            api_auth: ApiAuth::Basic,
            service_table: "cmdb_ci_service".to_owned(),
        }
    }
}

struct ServiceNow {
    config: SourceConfig,
    signature: HmacScheme,
    mapper: Arc<Mapper>,
    poller: Option<ServiceNowPoller>,
}

fn build(context: BuildContext) -> Result<Arc<dyn Source>, BuildError> {
    let BuildContext { config, http } = context;
    let options: Options = options::parse(&config)?;
    options::check_secrets(&config)?;
    let mapper = Arc::new(Mapper { config: config.clone() });
    let poller = ServiceNowPoller::find(&config, http, &mapper, options)?;
    let signature = HmacScheme {
        signed: "{timestamp}.{body}".to_owned(),
        timestamp_header: Some("X-Sidecar-Timestamp".to_owned()),
        ..HmacScheme::sha256_hex("X-Sidecar-Signature", "sha256=")
    };
    Ok(Arc::new(ServiceNow { config, signature, mapper, poller }))
}

impl Source for ServiceNow {
    fn verify(&self, webhook: InboundWebhook) -> Result<VerifiedWebhook, Rejection> {
        if self.config.webhook_secrets.is_empty() {
            return Err(shared_secret::unconfigured(&self.config, "`webhook_secrets`"));
        }
        let verified_by = self.signature.verify(&self.config.webhook_secrets, &webhook)?;
        Ok(VerifiedWebhook::new(webhook, None, verified_by))
    }

    fn inspect(&self, webhook: &VerifiedWebhook) -> Result<(), Unmappable> {
        self.parse(webhook, &mut Memory::default()).map(|_| ())
    }

    fn parse(&self, webhook: &VerifiedWebhook, _memory: &mut Memory) -> Result<Findings, Unmappable> {
        let body: Value = webhook.json()?;
        if body.text("/schema") != SCHEMA {
            let why = format!("the body's `schema` is not {SCHEMA}: use the script of this program's manual");
            return Err(Unmappable::Malformed(why));
        }
        if body.text("/table") != "incident" {
            return Ok(Findings::ignored("a record of another table than `incident`"));
        }
        let (record, instance) = (&body["record"], body.text("/instance"));
        if body.text("/operation") == "delete" {
            let at = body.find_time("/sent_at").unwrap_or(webhook.received_at);
            let gone = Observation::deleted(EntityKind::Incident, sys_id(record)?, at);
            return Ok(Findings { observations: vec![gone], ..Findings::default() });
        }
        self.mapper.incident(record, instance, webhook.received_at)
    }

    fn poller(&self) -> Option<&dyn Poller> {
        self.poller.as_ref().map(|poller| poller as &dyn Poller)
    }

    fn home_url(&self) -> String {
        self.config.api_url.as_ref().map_or(HOME, Url::as_str).to_owned()
    }
}

/// The database value of a field: bare, or `value` beside a link or a display value. Empty is absent.
fn find_field(record: &Value, name: &str) -> Option<String> {
    let field = record.get(name)?;
    scalar_text(field).or_else(|| field.get("value").and_then(scalar_text))
}

/// What people see in a field, where the record tells it.
fn find_display(record: &Value, name: &str) -> Option<String> {
    record.get(name)?.get("display_value").and_then(scalar_text)
}

/// Database values are `YYYY-MM-DD HH:MM:SS` in UTC; display values are in the user's time zone.
fn find_time(record: &Value, name: &str) -> Option<Timestamp> {
    parse_timestamp(&find_field(record, name)?)
}

fn sys_id(record: &Value) -> Result<String, Unmappable> {
    find_field(record, "sys_id").ok_or_else(|| Unmappable::Incomplete("the record has no sys_id".to_owned()))
}

/// Turns records into domain values, as one source's configuration wants it.
struct Mapper {
    config: SourceConfig,
}

impl Mapper {
    /// One incident: a push's record, or an entry of the Table API with either kind of values.
    fn incident(&self, record: &Value, instance: &str, now: Timestamp) -> Result<Findings, Unmappable> {
        let id = sys_id(record)?;
        let updated_at = find_time(record, "sys_updated_on").unwrap_or(now);
        // Times have whole seconds; the count of modifications tells their order within one.
        let count = find_field(record, "sys_mod_count").and_then(|count| count.parse::<i64>().ok());
        let order = chrono::TimeDelta::milliseconds(count.unwrap_or_default().rem_euclid(1000));
        let text = |name: &str| find_field(record, name);
        let number = text("number");
        let title = text("short_description");
        let service = ["business_service", "cmdb_ci"].into_iter().find(|name| text(name).is_some());
        let details = [
            ("Incident", number.clone()),
            ("Service", service.and_then(|name| find_display(record, name))),
            ("Group", find_display(record, "assignment_group")),
            ("Close code", text("close_code")),
        ];
        let incident = Incident {
            summary: [number, title.clone()].into_iter().flatten().collect::<Vec<_>>().join(": "),
            description: describe(&text("description").or(title).unwrap_or_default(), &details),
            url: self.url("incident", &id, instance),
            status: self.status(&text("state").or_else(|| text("incident_state")).unwrap_or_default()),
            severity: self.severity(record),
            created_at: find_time(record, "opened_at")
                .or_else(|| find_time(record, "sys_created_on"))
                .unwrap_or(updated_at),
            updated_at,
            components: service.and_then(text).into_iter().collect(),
            workspaces: text("assignment_group").into_iter().collect(),
            associations: Vec::new(),
            provider_id: id,
        };
        // Just the id of a component or group is no news of it.
        let mentioned = service.and_then(|name| {
            let name = (text(name)?, find_display(record, name)?);
            Some(self.named_component(name, instance, updated_at))
        });
        let group = text("assignment_group").zip(find_display(record, "assignment_group"));
        let at = updated_at + order;
        Ok(Findings {
            observations: vec![Observation::present(Entity::Incident(incident), at)],
            mentioned: mentioned.into_iter().collect(),
            workspaces: group.map(|(id, name)| self.workspace(id, name, instance)).into_iter().collect(),
            ..Findings::default()
        })
    }

    fn status(&self, state: &str) -> IncidentStatus {
        self.config.find_status(state).unwrap_or(match state {
            "1" | "2" | "3" => IncidentStatus::Open,
            "6" | "7" | "8" => IncidentStatus::Resolved,
            _ => IncidentStatus::Unknown,
        })
    }

    fn severity(&self, record: &Value) -> Severity {
        let Some(priority) = find_field(record, "priority") else { return Severity::Unknown };
        self.config
            .find_severity(&priority)
            .or_else(|| Severity::find_by_name(&priority))
            .unwrap_or(Severity::Unknown)
    }

    fn named_component(&self, (id, name): (String, String), instance: &str, at: Timestamp) -> Component {
        Component {
            name,
            description: String::new(),
            url: self.url("cmdb_ci", &id, instance),
            avatar_url: None,
            tier: None,
            component_type: None,
            updated_at: at,
            workspaces: Vec::new(),
            provider_id: id,
        }
    }

    /// An entry of the table of services.
    fn component(&self, record: &Value, now: Timestamp) -> Option<Component> {
        let id = find_field(record, "sys_id")?;
        let name = find_field(record, "name").unwrap_or_else(|| id.clone());
        let at = find_time(record, "sys_updated_on").unwrap_or(now);
        // The field's name has that spelling; its values are such as `1 - most critical`.
        let tier = match find_field(record, "busines_criticality").unwrap_or_default().chars().next() {
            Some('1') => Some(Tier::One),
            Some('2') => Some(Tier::Two),
            Some('3') => Some(Tier::Three),
            Some('4') => Some(Tier::Four),
            _ => None,
        };
        let workspaces = find_field(record, "support_group").into_iter().collect();
        let description = find_field(record, "short_description").unwrap_or_default();
        Some(Component { description, tier, workspaces, ..self.named_component((id, name), "", at) })
    }

    fn workspace(&self, provider_id: String, name: String, instance: &str) -> Workspace {
        Workspace { name, url: self.url("sys_user_group", &provider_id, instance), provider_id }
    }

    /// A record's page: on the instance of `api_url`, else on the one that a push names.
    fn url(&self, table: &str, id: &str, instance: &str) -> String {
        let pushed = || Url::parse(&format!("https://{instance}")).ok().filter(|url| url.path() == "/");
        let Some(mut url) = self.config.api_url.clone().or_else(pushed) else { return HOME.to_owned() };
        url.set_path("nav_to.do");
        url.query_pairs_mut().clear().append_pair("uri", &format!("{table}.do?sys_id={id}"));
        url.into()
    }
}
