//! What holds for the findings of every tool, webhook and poll: no time is ahead of ours, no incident names
//! components or teams without end, and every database can hold the ids and texts.
//!
//! Must not know any tool.

use std::collections::HashSet;

use super::findings::Findings;
use crate::domain::{Entity, Observation, State, TOLERANCE, Timestamp, Workspace, bind_all};

/// Most components, and most teams, that an incident keeps; Jira shows a hundred. More than these would make one
/// webhook hold up the others.
pub const MOST_NAMED: usize = 200;
/// 9999-12-31T23:59:59Z. A larger sequence is a counter and no instant in milliseconds.
const LAST_INSTANT: i64 = 253_402_300_799_000;

impl Findings {
    /// The findings as they count: what says that it happened more than [`TOLERANCE`] after `arrived`, which is when
    /// the webhook arrived or the tool was asked, counts as of `arrived`. Lists of components and teams are cut to
    /// `MOST_NAMED`, always to the same ones. Ids and texts become storable, so that ids agree wherever they are
    /// compared.
    #[must_use]
    pub fn bounded(mut self, arrived: Timestamp) -> Self {
        let mut left_out = 0_usize;
        for observation in &mut self.observations {
            observation.bound();
            bound_time(observation, arrived);
            if let State::Present(entity) = &mut observation.state {
                left_out = left_out.saturating_add(bound_lists(entity));
            }
        }
        for component in &mut self.mentioned {
            component.bound();
            component.updated_at = as_of(component.updated_at, arrived);
        }
        self.workspaces.iter_mut().for_each(Workspace::bound);
        bind_all(&mut self.refetch);
        if left_out > 0 || self.mentioned.len() > MOST_NAMED {
            left_out = left_out.max(self.drop_unnamed());
        }
        if left_out > 0 {
            let why = format!(
                "{left_out} components or teams are left out: an incident keeps at most {MOST_NAMED}"
            );
            self.cut = Some(why);
        }
        self
    }

    /// Keeps of the components and teams named in passing those that an entity still names. Returns how many are
    /// dropped.
    fn drop_unnamed(&mut self) -> usize {
        let before = self.mentioned.len().saturating_add(self.workspaces.len());
        let (mut components, mut teams) = (HashSet::new(), HashSet::new());
        for observation in &self.observations {
            let State::Present(entity) = &observation.state else { continue };
            teams.extend(entity.workspaces().iter().cloned());
            if let Entity::Incident(incident) = &**entity {
                components.extend(incident.components.iter().cloned());
            }
        }
        self.mentioned.retain(|component| components.contains(&component.provider_id));
        self.workspaces.retain(|workspace| teams.contains(&workspace.provider_id));
        before.saturating_sub(self.mentioned.len()).saturating_sub(self.workspaces.len())
    }
}

fn as_of(at: Timestamp, arrived: Timestamp) -> Timestamp {
    if at.signed_duration_since(arrived) > TOLERANCE { arrived } else { at }
}

fn bound_time(observation: &mut Observation, arrived: Timestamp) {
    observation.event_time = as_of(observation.event_time, arrived);
    let latest = arrived.checked_add_signed(TOLERANCE).unwrap_or(arrived).timestamp_millis();
    if (latest.saturating_add(1)..=LAST_INSTANT).contains(&observation.sequence) {
        observation.sequence = arrived.timestamp_millis();
    }
    if let State::Present(entity) = &mut observation.state {
        let updated_at = match &mut **entity {
            Entity::Component(component) => &mut component.updated_at,
            Entity::Incident(incident) => &mut incident.updated_at,
            Entity::Review(review) => &mut review.updated_at,
        };
        *updated_at = as_of(*updated_at, arrived);
    }
}

/// Cuts the entity's lists; returns how many of their ids are left out.
fn bound_lists(entity: &mut Entity) -> usize {
    match entity {
        Entity::Component(component) => cut(&mut component.workspaces),
        Entity::Incident(incident) => {
            cut(&mut incident.components).saturating_add(cut(&mut incident.workspaces))
        }
        Entity::Review(review) => cut(&mut review.workspaces),
    }
}

fn cut(ids: &mut Vec<String>) -> usize {
    if ids.len() <= MOST_NAMED {
        return 0;
    }
    ids.sort_unstable();
    ids.dedup();
    let left_out = ids.len().saturating_sub(MOST_NAMED);
    ids.truncate(MOST_NAMED);
    left_out
}
