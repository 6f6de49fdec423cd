//! ServiceNow's records as domain values: the same for pushes and for the Table API.
//!
//! Pure. A field is a bare value, or a `value` next to a link or a display value.

use serde_json::Value;
use url::Url;

use crate::config::SourceConfig;
use crate::domain::{
    Component, Entity, Incident, IncidentStatus, Observation, Severity, Shift, Tier, Timestamp, ToolWords,
    Workspace, parse_timestamp,
};
use crate::sources::kit::json::scalar_text;
use crate::sources::kit::parts::describe;
use crate::sources::{Findings, Unmappable};

pub(super) const HOME: &str = "https://www.servicenow.com";

/// The database value of a field: bare, or `value` next to a link or a display value. Empty is absent.
pub(super) fn find_field(record: &Value, name: &str) -> Option<String> {
    let field = record.get(name)?;
    scalar_text(field).or_else(|| field.get("value").and_then(scalar_text))
}

/// What people see in a field, if the record gives it.
pub(super) fn find_display(record: &Value, name: &str) -> Option<String> {
    record.get(name)?.get("display_value").and_then(scalar_text)
}

/// Database values are `YYYY-MM-DD HH:MM:SS` in UTC; display values are in the user's time zone.
pub(super) fn find_time(record: &Value, name: &str) -> Option<Timestamp> {
    parse_timestamp(&find_field(record, name)?)
}

/// The same, for a record whose time must not be guessed: one that is there but is no database value refuses it.
fn get_time(record: &Value, name: &str) -> Result<Option<Timestamp>, Unmappable> {
    match find_field(record, name) {
        Some(text) => parse_timestamp(&text).map(Some).ok_or_else(|| {
            let why = "is no time as the database has it, such as 2026-11-24 00:00:00 in UTC";
            Unmappable::Incomplete(format!("`{name}` {why}: use getValue, not getDisplayValue"))
        }),
        None => Ok(None),
    }
}

pub(super) fn sys_id(record: &Value) -> Result<String, Unmappable> {
    find_field(record, "sys_id").ok_or_else(|| Unmappable::Incomplete("the record has no sys_id".to_owned()))
}

/// Turns records into domain values, as one source's configuration says.
pub(super) struct Mapper {
    pub(super) config: SourceConfig,
}

impl Mapper {
    /// One incident: a push's record, or an entry of the Table API with either kind of values.
    pub(super) fn incident(
        &self,
        record: &Value,
        instance: &str,
        now: Timestamp,
    ) -> Result<Findings, Unmappable> {
        let id = sys_id(record)?;
        let updated_at = get_time(record, "sys_updated_on")?.unwrap_or(now);
        let opened_at = get_time(record, "opened_at")?.or(get_time(record, "sys_created_on")?);
        // Times have whole seconds; the count of modifications gives the order within a second.
        let count = find_field(record, "sys_mod_count").and_then(|count| count.parse::<i64>().ok());
        let order = chrono::TimeDelta::milliseconds(count.unwrap_or_default().rem_euclid(1000));
        let text = |name: &str| find_field(record, name);
        let state = text("state").or_else(|| text("incident_state")).unwrap_or_default();
        self.check_state(&state)?;
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
            status: self.status(&state),
            severity: self.severity(record),
            words: ToolWords::told(&state, &text("priority").unwrap_or_default()).numbered(text("number")),
            created_at: opened_at.unwrap_or(updated_at),
            updated_at,
            components: service.and_then(text).into_iter().collect(),
            workspaces: text("assignment_group").into_iter().collect(),
            associations: Vec::new(),
            provider_id: id,
        };
        // Jira shows an incident only with a component that it knows, so one without a name is sent under its id.
        let mentioned = service.and_then(|name| {
            let id = text(name)?;
            let name = find_display(record, name).unwrap_or_else(|| id.clone());
            Some(self.named_component((id, name), instance, updated_at))
        });
        let group = text("assignment_group").zip(find_display(record, "assignment_group"));
        let at = updated_at.later_by(order);
        Ok(Findings {
            observations: vec![Observation::present(Entity::Incident(incident), at)],
            mentioned: mentioned.into_iter().collect(),
            workspaces: group.map(|(id, name)| self.workspace(id, name, instance)).into_iter().collect(),
            ..Findings::default()
        })
    }

    /// A state is a number. A word is what people are shown, which differs by language and must not be guessed.
    fn check_state(&self, state: &str) -> Result<(), Unmappable> {
        let is_number = state.parse::<i64>().is_ok();
        if is_number || state.is_empty() || self.config.find_status(state).is_some() {
            return Ok(());
        }
        let why =
            "`state` is no number: use getValue, not getDisplayValue, or map the word in [sources.status]";
        Err(Unmappable::Incomplete(why.to_owned()))
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
    pub(super) fn component(&self, record: &Value, now: Timestamp) -> Option<Component> {
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

    pub(super) fn workspace(&self, provider_id: String, name: String, instance: &str) -> Workspace {
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
