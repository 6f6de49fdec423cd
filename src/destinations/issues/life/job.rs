//! One version of one incident on its way to Jira, and what its work item should show.

use std::collections::BTreeMap;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::project::Project;
use crate::destinations::SourceProfile;
use crate::destinations::issues::content::components::match_components;
use crate::destinations::issues::content::create::Wanted;
use crate::destinations::issues::content::description::{Description, Told, description, plain_description};
use crate::destinations::issues::content::identity::Identity;
use crate::destinations::issues::content::labels::labels;
use crate::destinations::issues::content::remote_link::{Link, incident_link};
use crate::destinations::issues::content::summary::summary;
use crate::destinations::issues::options::{Components, Options};
use crate::destinations::issues::record::{Record, Standing};
use crate::domain::{EntityId, FALLBACK_COMPONENT, Incident};

/// An incident to be written.
#[derive(Debug, Clone, Copy)]
pub struct Job<'a> {
    pub source: &'a SourceProfile,
    pub id: &'a EntityId,
    pub version: i64,
    pub incident: &'a Incident,
    /// By the tool's id.
    pub component_names: &'a BTreeMap<String, String>,
    /// Why nothing may be made now.
    pub hold: Option<&'a str>,
}

/// What a work item should show, and what of it could not be had.
pub struct Target {
    pub wanted: Wanted,
    /// The description without formatting.
    pub plain: Value,
    pub shortened: usize,
    pub unmatched: Vec<String>,
    /// Changes when anything that is wanted changes.
    pub digest: String,
}

impl Job<'_> {
    /// The name of its record.
    pub fn note(&self) -> String {
        note_of(self.id)
    }

    /// Where people open the incident.
    fn url(&self) -> &str {
        if self.incident.url.is_empty() { self.source.home_url.as_str() } else { &self.incident.url }
    }

    /// Names of the affected components, ids where no name is known.
    fn components(&self) -> Vec<String> {
        let named = self.incident.components.iter().filter(|id| *id != FALLBACK_COMPONENT);
        named.map(|id| self.component_names.get(id).unwrap_or(id).clone()).collect()
    }

    /// What its work item should show in a project.
    pub fn target(&self, project: &Project, options: &Options, identity: &Identity) -> Target {
        let names = self.components();
        let told = Told {
            level: self.incident.severity,
            since: self.incident.created_at,
            tool: tool_of(self.source),
            url: Some(self.url()),
            components: &names,
            markdown: &self.incident.description,
            note: None,
        };
        let Description { document, left_out } = description(&told);
        let matched = match_components(&names, &project.components);
        let wanted = Wanted {
            summary: summary(&self.incident.summary, &self.incident.provider_id),
            description: document,
            priority: project.priorities.of(self.incident.severity).cloned(),
            components: matched.found.iter().map(|it| it.id.clone()).collect(),
            labels: labels(identity, options.identity_label, &options.labels),
        };
        let shown = format!("{wanted:?}");
        let is_matched = options.components == Components::Match;
        Target {
            plain: plain_description(&told).document,
            shortened: left_out,
            unmatched: if is_matched { matched.unmatched } else { Vec::new() },
            digest: hex::encode(Sha256::digest(shown.as_bytes())),
            wanted,
        }
    }

    /// The link from the work item to the incident.
    pub fn link(&self, identity: &Identity) -> Value {
        let global_id = identity.global_id();
        let link = Link { global_id: &global_id, tool: tool_of(self.source), url: self.url() };
        incident_link(link, &self.incident.provider_id, self.incident.status, self.incident.severity)
    }

    /// Whether its status or level differs from what was written last.
    pub fn is_news(&self, record: &Record) -> bool {
        Standing::of(self.incident).is_some_and(|standing| Some(standing) != record.said.standing)
            || Some(self.incident.severity) != record.said.level
    }
}

/// What people call the tool.
pub fn tool_of(source: &SourceProfile) -> &str {
    source.provider_name.as_deref().unwrap_or_else(|| source.source.as_str())
}

/// The name of an incident's record.
pub fn note_of(id: &EntityId) -> String {
    format!("incident/{}", id.as_str())
}
