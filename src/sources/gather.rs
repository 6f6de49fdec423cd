//! What several tools' readers do alike: adding up findings, writing a description, and noticing that an
//! incident which was open is not listed as open any more.
//!
//! Pure, and must not know any tool.

use std::fmt::Write;

use url::Url;

use super::{BuildError, Findings, Memory};
use crate::config::SourceConfig;
use crate::domain::{Entity, EntityKind, Incident, IncidentStatus, Observation, State, Timestamp, Workspace};

/// Prefix of the keys of [`Memory`] that name open incidents; the value is the run that saw them last.
const OPEN: &str = "open/";

impl Findings {
    /// That the tool has this incident no more.
    pub(super) fn gone(incident: &str, now: Timestamp) -> Self {
        let gone = Observation::deleted(EntityKind::Incident, incident.to_owned(), now);
        Self { observations: vec![gone], ..Self::default() }
    }

    /// Adds what another payload told; components and workspaces are kept once each.
    pub(super) fn absorb(&mut self, more: Self) {
        self.observations.extend(more.observations);
        self.refetch.extend(more.refetch);
        for component in more.mentioned {
            if self.mentioned.iter().all(|known| known.provider_id != component.provider_id) {
                self.mentioned.push(component);
            }
        }
        for workspace in more.workspaces {
            if self.workspaces.iter().all(|known| known.provider_id != workspace.provider_id) {
                self.workspaces.push(workspace);
            }
        }
    }

    pub(super) fn incidents(&self) -> impl Iterator<Item = &Incident> {
        self.observations.iter().filter_map(|observation| match &observation.state {
            State::Present(entity) => match &**entity {
                Entity::Incident(incident) => Some(incident),
                _ => None,
            },
            State::Deleted { .. } => None,
        })
    }
}

/// A team whose page in the tool has no known address.
pub(super) fn workspace(provider_id: &str, name: &str, url: &str) -> Workspace {
    Workspace { name: name.to_owned(), url: url.to_owned(), provider_id: provider_id.to_owned() }
}

/// The text, and below it a list of what is known besides; absent and empty values are left out.
pub(super) fn describe(text: &str, details: &[(&str, Option<String>)]) -> String {
    let mut description = text.trim().to_owned();
    let mut separator = if description.is_empty() { "" } else { "\n\n" };
    for (label, value) in details {
        if let Some(value) = value.as_deref().map(str::trim).filter(|value| !value.is_empty()) {
            let _infallible = write!(description, "{separator}- {label}: {value}");
            separator = "\n";
        }
    }
    description
}

/// `api_url`, or the tool's usual address.
pub(super) fn base_url(config: &SourceConfig, usual: &str) -> Result<Url, BuildError> {
    config
        .api_url
        .clone()
        .map_or_else(|| Url::parse(usual).map_err(|fault| BuildError(format!("{usual}: {fault}"))), Ok)
}

/// Keeps in mind which of these incidents the run that began at `started` saw open.
pub(super) fn note_open(memory: &mut Memory, findings: &Findings, started: Timestamp) {
    let run = started.timestamp_millis().to_string();
    for incident in findings.incidents() {
        let key = format!("{OPEN}{}", incident.provider_id);
        if incident.status == IncidentStatus::Resolved {
            memory.forget(&key);
        } else {
            memory.set(key, run.clone());
        }
    }
}

/// The incidents that were open in an earlier run and that this one, having read all open ones, has not
/// seen: to be fetched, because they were resolved, or deleted, meanwhile. They are then forgotten.
pub(super) fn take_unseen(memory: &mut Memory, started: Timestamp) -> Vec<String> {
    let run = started.timestamp_millis().to_string();
    let unseen = memory.with_prefix(OPEN).filter(|(_, seen)| *seen != run);
    let unseen = unseen.map(|(key, _)| key.to_owned()).collect::<Vec<_>>();
    unseen
        .into_iter()
        .map(|key| {
            memory.forget(&key);
            key[OPEN.len()..].to_owned()
        })
        .collect()
}

/// The tool has this incident no more: nothing to look after.
pub(super) fn forget_open(memory: &mut Memory, incident: &str) {
    memory.forget(&format!("{OPEN}{incident}"));
}

/// The ids of at most `limit` incidents that are open as far as is known, in order, from after `after`.
pub(super) fn list_open(memory: &Memory, after: &str, limit: usize) -> Vec<String> {
    let ids = memory.with_prefix(OPEN).map(|(key, _)| &key[OPEN.len()..]);
    ids.filter(|id| *id > after).take(limit).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_has_only_what_is_known() {
        let details = [("Number", Some("7".to_owned())), ("Team", None), ("Source", Some(" ".to_owned()))];
        assert_eq!(describe(" text ", &details), "text\n\n- Number: 7");
        assert_eq!(describe("", &details), "- Number: 7");
        assert_eq!(describe("text", &[]), "text");
    }
}
