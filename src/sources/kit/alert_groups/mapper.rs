//! The incident that an episode of an alert group makes, and its key in memory.
//!
//! Pure. Must not decide which episode a group belongs to: `episode` does.

use std::collections::BTreeSet;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::episode::{self, Episode, Episodes, PREFIX, Verdict};
use super::group::{Alert, Group, join};
use crate::config::SourceConfig;
use crate::domain::{
    Component, Entity, Incident, IncidentStatus, Observation, Severity, Timestamp, ToolWords, is_blank,
};
use crate::sources::kit::json::find_web_url;
use crate::sources::kit::parts::component;
use crate::sources::{Findings, Memory, Unmappable};

/// Turns groups into incidents, as one source's configuration says.
pub(in crate::sources) struct Mapper {
    config: SourceConfig,
    component_labels: Vec<String>,
    /// Address of the alerts, for what has no link of its own.
    home: String,
}

impl Mapper {
    /// `component_labels` name the affected service, best first.
    pub(in crate::sources) fn new(
        config: &SourceConfig,
        home: String,
        component_labels: Vec<String>,
    ) -> Self {
        Self { config: config.clone(), component_labels, home }
    }

    pub(in crate::sources) fn home(&self) -> &str {
        &self.home
    }

    /// The keys of [`Memory`] that `parse` needs for this body.
    pub(in crate::sources) fn recall(&self, body: &Value, version: &str) -> Vec<String> {
        Group::of_webhook(body, version).map(|group| self.keys(&group).to_vec()).unwrap_or_default()
    }

    /// What a webhook's body, a message of this version, says about its group's episode.
    pub(in crate::sources) fn parse(
        &self,
        body: &Value,
        version: &str,
        now: Timestamp,
        memory: &mut Memory,
    ) -> Result<Findings, Unmappable> {
        let group = Group::of_webhook(body, version)?;
        let mut episodes = Episodes::new(memory);
        let [key, polled_key] = self.keys(&group);
        let known = episodes.find_or_adopt(&key, &polled_key);
        let ends_episode =
            !group.fires() && !group.is_truncated && known.as_ref().is_some_and(Episode::is_open);
        if group.alerts.is_empty() && !ends_episode {
            return Ok(Findings::ignored("a message without any alert"));
        }
        let verdict = match (group.fires(), group.is_truncated) {
            (true, _) => episode::see_firing(known, &group, now),
            // Alertmanager cuts the list before it derives the status, so unlisted alerts may still fire.
            (false, true) => Verdict::Ignore("truncated list: unlisted alerts may still fire"),
            (false, false) => episode::see_resolved(known, &group, now),
        };
        let mut episode = match verdict {
            Verdict::Ignore(why) => return Ok(Findings::ignored(why)),
            Verdict::Apply(episode) => *episode,
        };
        let findings = self.report(&mut episode, &group, &key, now);
        episodes.keep(&key, &episode);
        Ok(findings)
    }

    /// The episode's incident as it is now; its id comes from `key`, the key of the episode in [`Memory`].
    pub(in crate::sources) fn report(
        &self,
        episode: &mut Episode,
        group: &Group,
        key: &str,
        now: Timestamp,
    ) -> Findings {
        if group.alerts.is_empty() && episode.incident.is_some() {
            return self.conclude(episode, now);
        }
        let hash = key.strip_prefix(episode::PREFIX).unwrap_or(key);
        let id =
            episode.id.get_or_insert_with(|| format!("am-{hash}-{}", episode.opened.timestamp())).clone();
        let incident = self.incident(episode, group, id, now);
        episode.incident = Some(incident.clone());
        Findings {
            mentioned: incident.components.iter().map(|name| self.component(name, now)).collect(),
            ..said(incident, now)
        }
    }

    /// The last known state of the episode once more, but resolved.
    pub(in crate::sources) fn conclude(&self, episode: &mut Episode, now: Timestamp) -> Findings {
        let Some(incident) = &mut episode.incident else { return Findings::default() };
        incident.status = self.config.find_status("resolved").unwrap_or(IncidentStatus::Resolved);
        incident.updated_at = now;
        said(incident.clone(), now)
    }

    pub(in crate::sources) fn component(&self, name: &str, now: Timestamp) -> Component {
        component(name, name, &self.home, now)
    }

    /// The keys under which a group's episode may be kept: by its group key, and by what a poll can see.
    pub(in crate::sources) fn keys(&self, group: &Group) -> [String; 2] {
        let seen = serde_json::json!(["polled", group.receiver, group.labels]).to_string();
        let hash = |identity: &str| {
            let digest = Sha256::digest(format!("{}\n{identity}", self.config.id));
            format!("{PREFIX}{:.40}", hex::encode(digest))
        };
        [hash(group.key.as_deref().unwrap_or(&seen)), hash(&seen)]
    }

    /// The episode's incident as the group shows it now.
    pub(in crate::sources) fn incident(
        &self,
        episode: &Episode,
        group: &Group,
        id: String,
        now: Timestamp,
    ) -> Incident {
        let word = if episode.is_open() { "firing" } else { "resolved" };
        let usual = if episode.is_open() { IncidentStatus::Open } else { IncidentStatus::Resolved };
        let times = group.alerts.iter().flat_map(|alert| [alert.starts_at, alert.ends_at]).flatten();
        let links = group.alerts.iter().map(|alert| alert.generator_url.as_str());
        Incident {
            provider_id: id,
            summary: summarise(group),
            description: describe(group),
            url: links
                .chain([group.external_url.as_str()])
                .find_map(find_web_url)
                .unwrap_or(&self.home)
                .to_owned(),
            status: self.config.find_status(word).unwrap_or(usual),
            severity: self.severity(group),
            words: ToolWords::told(word, severity_words(group).next().map_or("", String::as_str)),
            created_at: episode.opened,
            updated_at: times.filter(|time| *time <= now).max().unwrap_or(now),
            components: self.components(group),
            workspaces: Vec::new(),
            associations: Vec::new(),
        }
    }

    fn severity(&self, group: &Group) -> Severity {
        let level = |word: &String| self.config.find_severity(word).or_else(|| Severity::find_by_name(word));
        severity_words(group).filter_map(level).min().unwrap_or(Severity::Unknown)
    }

    fn components(&self, group: &Group) -> Vec<String> {
        let component = |alert: &Alert| {
            let values = self.component_labels.iter().filter_map(|label| alert.labels.get(label));
            values.map(|value| value.trim()).find(|value| !is_blank(value)).map(str::to_owned)
        };
        group.alerts.iter().filter_map(component).collect::<BTreeSet<_>>().into_iter().collect()
    }
}

/// The severities of those alerts that fire; of all, when none does.
fn severity_words(group: &Group) -> impl Iterator<Item = &String> {
    let any_fires = group.firing().next().is_some();
    let alerts = group.alerts.iter().filter(move |alert| alert.fires || !any_fires);
    alerts.filter_map(|alert| alert.labels.get("severity"))
}

fn summarise(group: &Group) -> String {
    let mut summaries = group.alerts.iter().map(|alert| alert.annotations.get("summary"));
    let first = summaries.next().flatten();
    let common = first.filter(|_| summaries.all(|summary| summary == first));
    if let Some(summary) = group.common_summary.as_ref().or(common) {
        return summary.clone();
    }
    let mut rest = group.labels.clone();
    let name = rest.remove("alertname").unwrap_or_default();
    [name, join(&rest)].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

fn describe(group: &Group) -> String {
    let annotation = |name: &str| {
        let mut values = group.alerts.iter().filter_map(|alert| alert.annotations.get(name));
        values.find(|value| !value.is_empty()).cloned()
    };
    let firing = group.firing().count();
    let resolved = group.alerts.len().saturating_sub(firing);
    let more = if group.is_truncated { " (the list is cut)" } else { "" };
    let parts = [
        annotation("description").or_else(|| annotation("summary")),
        Some(format!("{firing} firing, {resolved} resolved{more}")),
        Some(join(&group.labels))
            .filter(|labels| !labels.is_empty())
            .map(|labels| format!("Labels: {labels}")),
        annotation("runbook_url").map(|url| format!("Runbook: {url}")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("\n\n")
}

/// The findings of one incident. Nothing in the payloads grows monotonically, so the time of receipt is the order.
fn said(incident: Incident, now: Timestamp) -> Findings {
    let observations = vec![Observation::present(Entity::Incident(incident), now)];
    Findings { observations, ..Findings::default() }
}
