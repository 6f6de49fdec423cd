//! Atlassian Statuspage: incidents of status pages, by subscriber webhook and by API, with their postmortems.
//!
//! Sources of the facts: Statuspage's pages on webhook notifications and its API description. Webhooks are
//! not signed: only a secret address or credential tells them from anybody's. Scheduled maintenance is no
//! incident. Must not decide anything about Jira.

mod poll;

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use self::poll::StatuspagePoller;
use super::findings::describe;
use super::shared_secret::{SharedSecret, unconfigured};
use super::value::{Fields, find_web_url};
use super::{
    BuildContext, BuildError, Findings, InboundWebhook, Kind, Memory, Poller, Rejection, Source, Unmappable,
    VerifiedWebhook, options,
};
use crate::config::SourceConfig;
use crate::domain::{
    Component, Entity, Incident, IncidentStatus, Observation, PostIncidentReview, ReviewStatus, Severity,
    Timestamp, Workspace,
};

pub(super) const KIND: Kind =
    Kind { name: "statuspage", build, option_names: &["page_ids", "confirm_webhooks"] };

const HOME: &str = "https://manage.statuspage.io";

#[derive(Default, Deserialize)]
#[serde(default)]
struct Options {
    /// The pages that count; empty means all that webhooks or the token tell of.
    page_ids: Vec<String>,
    /// Takes a webhook only as a hint to ask the API for the incident.
    confirm_webhooks: bool,
}

struct Statuspage {
    config: SourceConfig,
    secret: SharedSecret,
    options: Arc<Options>,
    mapper: Arc<Mapper>,
    poller: Option<StatuspagePoller>,
}

fn build(context: BuildContext) -> Result<Arc<dyn Source>, BuildError> {
    let BuildContext { config, http } = context;
    let options: Arc<Options> = Arc::new(options::parse(&config)?);
    let mapper = Arc::new(Mapper { config: config.clone() });
    let poller = StatuspagePoller::find(&config, http, &mapper, &options)?;
    if options.confirm_webhooks && poller.is_none() {
        return Err(options::refuse(&config, "confirm_webhooks needs api_token"));
    }
    let secret = SharedSecret::new(&config).with_path(true);
    Ok(Arc::new(Statuspage { config, secret, options, mapper, poller }))
}

impl Source for Statuspage {
    fn verify(&self, webhook: InboundWebhook) -> Result<VerifiedWebhook, Rejection> {
        if !self.secret.is_configured() {
            return Err(unconfigured(&self.config, "`webhook_token` or `webhook_basic`"));
        }
        let verified_by = self.secret.verify(&webhook)?;
        Ok(VerifiedWebhook::new(webhook, None, verified_by))
    }

    fn inspect(&self, webhook: &VerifiedWebhook) -> Result<(), Unmappable> {
        self.parse(webhook, &mut Memory::default()).map(|_| ())
    }

    fn parse(&self, webhook: &VerifiedWebhook, _memory: &mut Memory) -> Result<Findings, Unmappable> {
        let body: Value = webhook.json()?;
        let page = body.find_id("/page/id").unwrap_or_default();
        if !self.options.page_ids.is_empty() && !self.options.page_ids.contains(&page) {
            return Ok(Findings::ignored("a page that is not in page_ids"));
        }
        if body["component_update"].is_object() || body["component"].is_object() {
            return Ok(Findings { refresh_catalogue: true, ..Findings::default() });
        }
        let incident = &body["incident"];
        if !incident.is_object() {
            return Ok(Findings::ignored("neither an incident nor a component"));
        }
        if is_maintenance(incident) {
            return Ok(Findings::ignored("scheduled maintenance"));
        }
        let found = self.mapper.incident(incident, &page, webhook.received_at)?;
        if self.options.confirm_webhooks {
            return Ok(Findings {
                refetch: incident.find_id("/id").into_iter().collect(),
                ..Findings::default()
            });
        }
        Ok(found)
    }

    fn poller(&self) -> Option<&dyn Poller> {
        self.poller.as_ref().map(|poller| poller as &dyn Poller)
    }

    fn home_url(&self) -> String {
        HOME.to_owned()
    }
}

fn is_maintenance(incident: &Value) -> bool {
    matches!(incident.text("/status"), "scheduled" | "in_progress" | "verifying" | "completed")
        || incident.text("/impact") == "maintenance"
}

/// Turns Statuspage's JSON into domain values, as one source's configuration wants it.
struct Mapper {
    config: SourceConfig,
}

impl Mapper {
    /// One incident with its postmortem, if that is published; `page` is used where it names no page itself.
    fn incident(&self, data: &Value, page: &str, now: Timestamp) -> Result<Findings, Unmappable> {
        let id =
            data.find_id("/id").ok_or_else(|| Unmappable::Incomplete("the incident has no id".into()))?;
        let at = data.find_time("/updated_at").unwrap_or(now);
        let page = data.find_id("/page_id").unwrap_or_else(|| page.to_owned());
        let workspaces = Some(page).filter(|page| !page.is_empty()).into_iter().collect::<Vec<_>>();
        // Newest first, and the text of a postmortem belongs to the review.
        let updates = data.items("/incident_updates").iter().filter(|u| u.text("/status") != "postmortem");
        let update = updates.map(|update| update.text("/body")).find(|body| !body.is_empty());
        let details = [
            ("Status", data.find_text("/status").map(str::to_owned)),
            ("Impact", find_impact(data).map(str::to_owned)),
        ];
        let incident = Incident {
            summary: data.text("/name").to_owned(),
            description: describe(update.unwrap_or(data.text("/name")), &details),
            url: url(data).to_owned(),
            status: self.status(data.text("/status")),
            severity: self.severity(find_impact(data)),
            created_at: data.find_time("/created_at").unwrap_or(at),
            updated_at: at,
            components: data.ids("/components"),
            workspaces,
            associations: Vec::new(),
            provider_id: id,
        };
        let published = data.find_time("/postmortem_published_at").map(|published| {
            let written = data.find_time("/postmortem_body_last_updated_at").unwrap_or(published);
            review(
                data,
                data.text("/postmortem_body"),
                ReviewStatus::Completed,
                published,
                published.max(written),
            )
        });
        let mut observations = vec![Observation::present(Entity::Incident(incident), at)];
        observations.extend(published.flatten());
        let mentioned =
            data.items("/components").iter().filter_map(|component| find_component(component, at));
        Ok(Findings { observations, mentioned: mentioned.collect(), ..Findings::default() })
    }

    fn status(&self, word: &str) -> IncidentStatus {
        self.config.find_status(word).unwrap_or(match word {
            "investigating" | "identified" | "monitoring" => IncidentStatus::Open,
            "resolved" | "postmortem" => IncidentStatus::Resolved,
            _ => IncidentStatus::Unknown,
        })
    }

    fn severity(&self, impact: Option<&str>) -> Severity {
        let Some(impact) = impact else { return Severity::Unknown };
        self.config.find_severity(impact).unwrap_or(match impact {
            "critical" => Severity::P1,
            "major" => Severity::P2,
            "minor" => Severity::P3,
            "none" => Severity::P5,
            _ => Severity::Unknown,
        })
    }
}

/// The postmortem of `incident`, unless the page's owner decided that there is none.
fn review(
    incident: &Value,
    body: &str,
    status: ReviewStatus,
    created_at: Timestamp,
    updated_at: Timestamp,
) -> Option<Observation> {
    let id = incident.find_id("/id").filter(|_| incident["postmortem_ignored"] != true)?;
    let review = PostIncidentReview {
        provider_id: format!("{id}-postmortem"),
        summary: incident.text("/name").to_owned(),
        description: if body.trim().is_empty() { incident.text("/name") } else { body }.to_owned(),
        url: url(incident).to_owned(),
        status,
        created_at,
        updated_at,
        workspaces: incident.find_id("/page_id").into_iter().collect(),
        associations: Vec::new(),
        incidents: vec![id],
    };
    Some(Observation::present(Entity::Review(review), updated_at))
}

fn find_impact(incident: &Value) -> Option<&str> {
    incident.find_text("/impact_override").or_else(|| incident.find_text("/impact"))
}

fn url(incident: &Value) -> &str {
    find_web_url(incident.text("/shortlink")).unwrap_or(HOME)
}

/// A component; groups are none.
fn find_component(data: &Value, now: Timestamp) -> Option<Component> {
    let provider_id = data.find_id("/id").filter(|_| data["group"] != true)?;
    Some(Component {
        name: data.find_text("/name").unwrap_or(&provider_id).to_owned(),
        description: data.text("/description").to_owned(),
        url: HOME.to_owned(),
        avatar_url: None,
        tier: None,
        component_type: None,
        updated_at: data.find_time("/updated_at").unwrap_or(now),
        workspaces: data.find_id("/page_id").into_iter().collect(),
        provider_id,
    })
}

fn find_page(data: &Value) -> Option<Workspace> {
    let provider_id = data.find_id("/id")?;
    let host = data
        .find_text("/domain")
        .map(str::to_owned)
        .or_else(|| data.find_text("/subdomain").map(|subdomain| format!("{subdomain}.statuspage.io")));
    let address = host.map(|host| format!("https://{host}")).filter(|url| find_web_url(url).is_some());
    let name = data.find_text("/name").unwrap_or(&provider_id).to_owned();
    Some(Workspace { name, url: address.unwrap_or_else(|| HOME.to_owned()), provider_id })
}
