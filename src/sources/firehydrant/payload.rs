//! FireHydrant's incidents, services, teams and retrospectives as domain values: the same for webhooks and
//! REST answers.
//!
//! Pure. Reports carry no status, so the milestone of their incident is kept in [`Memory`].

use serde_json::Value;

use crate::config::SourceConfig;
use crate::domain::{
    Component, Entity, Incident, IncidentStatus, Observation, PostIncidentReview, ReviewStatus, Severity,
    Tier, Timestamp, ToolWords, Workspace, parse_timestamp,
};
use crate::sources::kit::json::{Fields, find_web_url};
use crate::sources::kit::parts::describe;
use crate::sources::{Findings, Memory, Unmappable};

pub(super) const HOME: &str = "https://app.firehydrant.io";

/// Webhooks write `2026-11-20 09:59:40 UTC`.
pub(super) fn find_time(value: &Value, pointer: &str) -> Option<Timestamp> {
    let text = value.text(pointer).trim();
    parse_timestamp(text.strip_suffix("UTC").unwrap_or(text))
}

fn retrospective_key(incident: &str) -> String {
    format!("retrospective/{incident}")
}

/// Reports have no status of their own: the milestone of their incident is used.
pub(super) fn remember_retrospective(memory: &mut Memory, data: &Value) {
    let milestone = data.text("/current_milestone");
    if let Some(id) = data.find_id("/id").filter(|_| milestone.starts_with("retrospective_")) {
        let key = retrospective_key(&id);
        if memory.get(&key) != Some(milestone) {
            memory.set(key, milestone);
        }
    }
}

/// Turns FireHydrant's JSON into domain values, as one source's configuration says.
pub(super) struct Mapper {
    pub(super) config: SourceConfig,
    pub(super) functionalities: bool,
}

impl Mapper {
    /// One incident with everything it names, as known at `at`: the same for webhooks and REST answers.
    pub(super) fn incident(&self, data: &Value, at: Timestamp) -> Result<Findings, Unmappable> {
        let id =
            data.find_id("/id").ok_or_else(|| Unmappable::Incomplete("the incident has no id".into()))?;
        if find_time(data, "/discarded_at").is_some() {
            return Ok(Findings::gone(&id, at));
        }
        let milestones = data.items("/milestones").iter().filter_map(|m| find_time(m, "/updated_at"));
        let told = [find_time(data, "/updated_at"), find_time(data, "/last_update")];
        let affected = self.affected(data);
        let teams = data.items("/team_assignments").iter().filter_map(assigned_team).collect::<Vec<_>>();
        let incident = Incident {
            summary: data.text("/name").to_owned(),
            description: describe_incident(data),
            url: find_web_url(data.text("/incident_url"))
                .map_or_else(|| format!("{HOME}/incidents/{id}"), str::to_owned),
            status: self.status(data.text("/current_milestone")),
            severity: self.severity(data),
            words: ToolWords::told(data.text("/current_milestone"), priority(data).unwrap_or_default())
                .numbered(data.find_id("/number")),
            created_at: find_time(data, "/created_at").unwrap_or(at),
            updated_at: milestones.chain(told.into_iter().flatten()).max().unwrap_or(at),
            components: affected.iter().filter_map(|service| service.find_id("/id")).collect(),
            workspaces: teams.iter().map(|team| team.provider_id.clone()).collect(),
            associations: Vec::new(),
            provider_id: id,
        };
        Ok(Findings {
            observations: vec![Observation::present(Entity::Incident(incident), at)],
            mentioned: affected.into_iter().filter_map(|service| component(service, at)).collect(),
            workspaces: teams,
            ..Findings::default()
        })
    }

    /// The affected services, and functionalities if they count: REST lists each kind, webhooks all impacts.
    pub(super) fn affected<'a>(&self, data: &'a Value) -> Vec<&'a Value> {
        let functionalities = if self.functionalities { data.items("/functionalities") } else { &[] };
        let counts = |kind: &str| kind == "service" || (kind == "functionality" && self.functionalities);
        let impacts = data.items("/impacts").iter().filter(|i| counts(i.text("/type")));
        let impacts = impacts.filter_map(|impact| impact.get("impact"));
        let mut all = Vec::<&Value>::new();
        for affected in data.items("/services").iter().chain(functionalities).chain(impacts) {
            let id = affected.find_id("/id");
            if id.is_some() && all.iter().all(|known| known.find_id("/id") != id) {
                all.push(affected);
            }
        }
        all
    }

    fn status(&self, milestone: &str) -> IncidentStatus {
        self.config.find_status(milestone).unwrap_or(match milestone {
            "started" | "detected" | "acknowledged" | "investigating" | "identified" | "mitigated" => {
                IncidentStatus::Open
            }
            "resolved" | "retrospective_started" | "retrospective_completed" | "closed" => {
                IncidentStatus::Resolved
            }
            _ => IncidentStatus::Unknown,
        })
    }

    fn severity(&self, data: &Value) -> Severity {
        let Some(slug) = priority(data) else { return Severity::Unknown };
        let usual = || match slug.to_ascii_uppercase().as_str() {
            "SEV0" => Some(Severity::P1),
            _ => Severity::find_by_name(slug),
        };
        self.config.find_severity(slug).or_else(usual).unwrap_or(Severity::Unknown)
    }
}

/// What severity is taken from.
fn priority(data: &Value) -> Option<&str> {
    slug(data, "severity").or_else(|| slug(data, "priority"))
}

/// An object with a `slug` in webhooks, plain text in REST answers.
fn slug<'a>(data: &'a Value, name: &str) -> Option<&'a str> {
    data.find_text(&format!("/{name}/slug")).or_else(|| data.find_text(&format!("/{name}")))
}

fn describe_incident(data: &Value) -> String {
    let text = |name: &str| data.find_text(name).map(str::to_owned);
    let body = data.find_text("/description").or_else(|| data.find_text("/summary"));
    let details = [
        ("Incident", data.find_id("/number").map(|number| format!("#{number}"))),
        ("Customer impact", text("/customer_impact_summary")),
        ("Milestone", text("/current_milestone")),
        ("Severity", slug(data, "severity").map(str::to_owned)),
        ("Priority", slug(data, "priority").map(str::to_owned)),
    ];
    describe(body.unwrap_or(data.text("/name")), &details)
}

/// `{team_id, team_name}` in webhooks, `{team: {id, name}}` in REST answers.
fn assigned_team(assignment: &Value) -> Option<Workspace> {
    let provider_id = assignment.find_id("/team_id").or_else(|| assignment.find_id("/team/id"))?;
    let name = assignment.find_text("/team_name").or_else(|| assignment.find_text("/team/name"));
    Some(Workspace { name: name.unwrap_or(&provider_id).to_owned(), url: HOME.to_owned(), provider_id })
}

pub(super) fn component(data: &Value, at: Timestamp) -> Option<Component> {
    let provider_id = data.find_id("/id")?;
    Some(Component {
        name: data.find_text("/name").unwrap_or(&provider_id).to_owned(),
        description: data.text("/description").to_owned(),
        url: HOME.to_owned(),
        avatar_url: None,
        // FireHydrant has five tiers, Jira four; 0 is unset.
        tier: match data.at("/service_tier").as_u64() {
            Some(1) => Some(Tier::One),
            Some(2) => Some(Tier::Two),
            Some(3) => Some(Tier::Three),
            Some(4 | 5) => Some(Tier::Four),
            _ => None,
        },
        component_type: None,
        updated_at: find_time(data, "/updated_at").unwrap_or(at),
        workspaces: data.ids("/teams"),
        provider_id,
    })
}

/// A retrospective report; `memory` holds the milestone of its incident.
pub(super) fn review(data: &Value, memory: &Memory, now: Timestamp) -> Option<PostIncidentReview> {
    let (provider_id, incident) = (data.find_id("/id")?, data.find_id("/incident_id")?);
    let status = match memory.get(&retrospective_key(&incident)) {
        Some("retrospective_completed") => ReviewStatus::Completed,
        Some("retrospective_started") => ReviewStatus::InProgress,
        _ => ReviewStatus::Unknown,
    };
    Some(PostIncidentReview {
        summary: data.text("/name").to_owned(),
        description: data.find_text("/summary").unwrap_or(data.text("/name")).to_owned(),
        url: format!("{HOME}/incidents/{incident}"),
        status,
        created_at: find_time(data, "/created_at").unwrap_or(now),
        updated_at: find_time(data, "/updated_at").unwrap_or(now),
        workspaces: Vec::new(),
        associations: Vec::new(),
        incidents: vec![incident],
        provider_id,
    })
}
