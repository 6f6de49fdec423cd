//! The incident tools of the simulation: what is true there, and the webhooks that say so.
//!
//! Pure state: what goes wrong is decided by the story and by `adapter`.

use std::collections::BTreeMap;

use incident_bridge::clock::{Timestamp, from_millis};
use incident_bridge::domain::{
    Component, Entity, EntityKind, Incident, IncidentStatus, Observation, Severity, ToolWords,
    format_timestamp,
};
use serde_json::json;

use super::world::World;

/// A configured source.
pub struct Source {
    pub id: &'static str,
    /// Its `sites`.
    pub sites: &'static str,
    /// The hosts which that means.
    pub hosts: &'static [&'static str],
    /// Whether it is polled. What a webhook of such a source did not say, a poll does.
    pub polled: bool,
}

/// Every source.
pub const SOURCES: [Source; 4] = [
    Source {
        id: "all",
        sites: r#"["*.west.test", "*.east.test"]"#,
        hosts: &["alpha.west.test", "beta.east.test", "gamma.east.test"],
        polled: false,
    },
    Source {
        id: "east",
        sites: r#"["*.east.test"]"#,
        hosts: &["beta.east.test", "gamma.east.test"],
        polled: false,
    },
    Source { id: "alone", sites: r#"["alpha.west.test"]"#, hosts: &["alpha.west.test"], polled: false },
    Source {
        id: "polled",
        sites: r#"["alpha.west.test", "gamma.east.test"]"#,
        hosts: &["alpha.west.test", "gamma.east.test"],
        polled: true,
    },
];

/// Stands in every text of a source, and in no other's.
pub fn mark(source: &str) -> String {
    format!("word-of-{source}.")
}

/// Whether a site may see a source.
pub fn is_visible(source: &str, host: &str) -> bool {
    SOURCES.iter().any(|it| it.id == source && it.hosts.contains(&host))
}

/// One webhook, the same for every attempt to deliver it.
#[derive(Debug, Clone)]
pub struct Webhook {
    pub source: &'static str,
    pub delivery: String,
    pub body: String,
    /// Its parser panics, or it cannot be mapped: it must end in quarantine.
    pub is_poison: bool,
}

/// An incident as it is in the tool now.
#[derive(Debug, Clone)]
pub struct Truth {
    pub title: String,
    pub is_open: bool,
    pub is_deleted: bool,
    service: usize,
    opened_ms: i64,
    pub changed_ms: i64,
}

/// One tool.
#[derive(Debug)]
pub struct Tool {
    id: &'static str,
    polled: bool,
    pub incidents: BTreeMap<String, Truth>,
    said: usize,
}

/// All tools, and the webhooks that were not acknowledged yet.
pub struct Tools {
    pub by_source: BTreeMap<&'static str, Tool>,
    pub pending: Vec<Webhook>,
    pub answered: Vec<Webhook>,
    last_ms: i64,
}

impl Tools {
    pub fn new(now_ms: i64) -> Self {
        let tool = |source: &Source| Tool {
            id: source.id,
            polled: source.polled,
            incidents: BTreeMap::new(),
            said: 0,
        };
        Self {
            by_source: SOURCES.iter().map(|source| (source.id, tool(source))).collect(),
            pending: Vec::new(),
            answered: Vec::new(),
            last_ms: now_ms,
        }
    }

    /// Something happens in one of the tools; its webhook is then pending.
    pub fn happen(&mut self, world: &World) {
        self.last_ms = world.clock.now_ms().max(self.last_ms + 1);
        // The bridge compares times on the full second by the second.
        if self.last_ms % 1000 == 0 {
            self.last_ms += 1;
        }
        let source = &SOURCES[world.below(SOURCES.len())];
        let (at, Some(tool)) = (self.last_ms, self.by_source.get_mut(source.id)) else { return };
        let webhook = tool.happen(at, world);
        if let Some(webhook) = webhook {
            world.note(format_args!("{} says {}", webhook.source, webhook.body));
            self.pending.push(webhook);
        }
    }
}

impl Tool {
    fn happen(&mut self, at: i64, world: &World) -> Option<Webhook> {
        self.said += 1;
        if world.chance(4) {
            let body =
                if world.chance(50) { json!({ "poison": self.said }) } else { json!({ "noise": true }) };
            return Some(self.webhook(body.to_string(), true));
        }
        let known = self.incidents.len();
        let id = if known < 2 || world.chance(25) {
            format!("{}-{known}", self.id)
        } else {
            self.incidents.keys().nth(world.below(known)).cloned()?
        };
        let (title, service) = (format!("{} {id} change {}", mark(self.id), self.said), world.below(3));
        let opened_ms = self.incidents.get(&id).map_or(at, |it| it.opened_ms);
        let is_deleted = self.polled && world.chance(10);
        let is_open = world.chance(60);
        let truth = Truth { title, is_open, is_deleted, service, opened_ms, changed_ms: at };
        self.incidents.insert(id.clone(), truth.clone());
        if !self.polled {
            return Some(self.webhook(truth.body(&id), false));
        }
        match world.below(4) {
            0 => Some(self.webhook(json!({ "named": id }).to_string(), false)),
            1 => None,
            _ if is_deleted => None,
            _ => Some(self.webhook(truth.body(&id), false)),
        }
    }

    fn webhook(&self, body: String, is_poison: bool) -> Webhook {
        let delivery = format!("{}-delivery-{}", self.id, self.said);
        Webhook { source: self.id, delivery, body, is_poison }
    }

    /// Statements about what changed after `since`, oldest first, and the time of the last one.
    pub fn list_changes(&self, since: i64, at_most: usize) -> Vec<(i64, Observation)> {
        let mut changed: Vec<_> = self.incidents.iter().filter(|(_, it)| it.changed_ms > since).collect();
        changed.sort_by_key(|(_, it)| it.changed_ms);
        let changed = changed.into_iter().take(at_most);
        changed.map(|(id, it)| (it.changed_ms, it.observation(id))).collect()
    }

    pub fn observe(&self, id: &str) -> Option<Observation> {
        self.incidents.get(id).map(|it| it.observation(id))
    }

    /// Its services.
    pub fn components(&self, now: Timestamp) -> Vec<Component> {
        let component = |nth: usize| Component {
            provider_id: format!("service-{nth}"),
            name: format!("{} service {nth}", mark(self.id)),
            description: String::new(),
            url: "https://tool.test/services".to_owned(),
            avatar_url: None,
            tier: None,
            component_type: None,
            updated_at: now,
            workspaces: Vec::new(),
        };
        (0..3).map(component).collect()
    }
}

impl Truth {
    /// The status that Jira shows.
    pub fn status(&self) -> &'static str {
        if self.is_open { "open" } else { "resolved" }
    }

    fn body(&self, id: &str) -> String {
        let time = |ms| format_timestamp(from_millis(ms));
        json!({
            "id": id, "title": self.title, "state": self.status(), "link": format!("https://tool.test/{id}"),
            "opened": time(self.opened_ms), "changed": time(self.changed_ms),
            "service": format!("service-{}", self.service),
        })
        .to_string()
    }

    fn observation(&self, id: &str) -> Observation {
        let at = from_millis(self.changed_ms);
        if self.is_deleted {
            return Observation::deleted(EntityKind::Incident, id.to_owned(), at);
        }
        let incident = Incident {
            provider_id: id.to_owned(),
            summary: self.title.clone(),
            description: String::new(),
            url: format!("https://tool.test/{id}"),
            status: if self.is_open { IncidentStatus::Open } else { IncidentStatus::Resolved },
            severity: Severity::Unknown,
            created_at: from_millis(self.opened_ms),
            updated_at: at,
            components: vec![format!("service-{}", self.service)],
            workspaces: Vec::new(),
            associations: Vec::new(),
            words: ToolWords::default(),
        };
        Observation::present(Entity::Incident(incident), at)
    }
}
