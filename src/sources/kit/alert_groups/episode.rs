//! Decides which episode of an alert group a message or a poll is about, and keeps episodes in memory.
//!
//! Pure. An episode opens with the first firing alert after a time without any. Two replicas say the same things
//! at different times, so what they repeat about the past must not change the present. Must not read an
//! incident's texts.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::group::Group;
use crate::domain::{Incident, Shift, Timestamp};
use crate::sources::Memory;

/// Keys of [`Memory`] start so; the rest is a hash of the group's identity.
pub(in crate::sources) const PREFIX: &str = "episode/";
/// How long a resolved episode is remembered, so that late repeats find it.
const KEPT: chrono::TimeDelta = chrono::TimeDelta::days(7);

/// One group from its first firing alert to its resolution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sources) struct Episode {
    /// The incident's id; kept even when a later message contains the group's true key.
    pub id: Option<String>,
    pub labels: BTreeMap<String, String>,
    pub receiver: String,
    /// The earliest start of an alert.
    pub opened: Timestamp,
    /// The latest start of a firing alert: a resolution from before it is out of date.
    pub newest_start: Timestamp,
    pub resolved_at: Option<Timestamp>,
    /// Whether the resolution was concluded from absence rather than reported.
    pub presumed: bool,
    /// Every alert ever seen in this episode.
    pub fingerprints: BTreeSet<String>,
    /// Whether a list was ever truncated, so that unknown alerts prove nothing.
    pub truncated: bool,
    /// Polls in a row that did not show it.
    pub missed: u8,
    /// Its last known state.
    pub incident: Option<Incident>,
}

/// What a message means for the group's episode.
#[derive(Debug, PartialEq)]
pub(in crate::sources) enum Verdict {
    Apply(Box<Episode>),
    Ignore(&'static str),
}

impl Episode {
    fn open(group: &Group, opened: Timestamp) -> Self {
        Self {
            id: None,
            labels: group.labels.clone(),
            receiver: group.receiver.clone(),
            opened,
            newest_start: opened,
            resolved_at: None,
            presumed: false,
            fingerprints: BTreeSet::new(),
            truncated: false,
            missed: 0,
            incident: None,
        }
    }

    pub(in crate::sources) fn is_open(&self) -> bool {
        self.resolved_at.is_none()
    }

    /// Takes in what the group shows.
    fn absorb(mut self, group: &Group) -> Self {
        self.fingerprints.extend(group.alerts.iter().map(|alert| alert.fingerprint.clone()));
        self.newest_start = group.newest_start().unwrap_or(self.newest_start).max(self.newest_start);
        self.truncated |= group.is_truncated;
        self.missed = 0;
        self
    }

    pub(in crate::sources) fn resolve(self, at: Timestamp, presumed: bool) -> Self {
        Self { resolved_at: Some(at), presumed, ..self }
    }
}

fn apply(episode: Episode) -> Verdict {
    Verdict::Apply(Box::new(episode))
}

/// The group fires.
pub(in crate::sources) fn see_firing(known: Option<Episode>, group: &Group, now: Timestamp) -> Verdict {
    let start = group.earliest_start(None).unwrap_or(now);
    let Some(episode) = known else { return apply(Episode::open(group, start).absorb(group)) };
    let Some(resolved_at) = episode.resolved_at else {
        let opened = episode.opened.min(start);
        return apply(Episode { opened, ..episode }.absorb(group));
    };
    if let Some(start) = group.earliest_start(Some(resolved_at)) {
        return apply(Episode::open(group, start).absorb(group));
    }
    // Nothing that fires started after the resolution. If the resolution was only presumed, or an alert is
    // new, the group was never free of alerts; otherwise this is a late repeat, for example of a replica.
    let is_news =
        !episode.truncated && group.firing().any(|alert| !episode.fingerprints.contains(&alert.fingerprint));
    if episode.presumed || is_news {
        let reopened = Episode { resolved_at: None, presumed: false, ..episode };
        return apply(reopened.absorb(group));
    }
    Verdict::Ignore("late repeat of a group that is already resolved")
}

/// No alert of the group fires, by a complete list.
pub(in crate::sources) fn see_resolved(known: Option<Episode>, group: &Group, now: Timestamp) -> Verdict {
    let start = group.earliest_start(None).unwrap_or(now);
    let end = group.latest_end().unwrap_or(now);
    let Some(episode) = known else {
        return apply(Episode::open(group, start).absorb(group).resolve(end, false));
    };
    match episode.resolved_at {
        Some(resolved_at) if start > resolved_at => {
            apply(Episode::open(group, start).absorb(group).resolve(end, false))
        }
        Some(resolved_at) if end <= resolved_at && !episode.presumed => {
            Verdict::Ignore("repeat of a resolution that is already known")
        }
        None if end < episode.newest_start => {
            Verdict::Ignore("late repeat of a resolution from before the group's newest alert")
        }
        _ => apply(episode.absorb(group).resolve(end, false)),
    }
}

/// The episodes that [`Memory`] holds.
pub(in crate::sources) struct Episodes<'a>(&'a mut Memory);

impl<'a> Episodes<'a> {
    pub(in crate::sources) fn new(memory: &'a mut Memory) -> Self {
        Self(memory)
    }

    /// The episode kept under `key`; an entry that an earlier release wrote in another shape is ignored.
    pub(in crate::sources) fn find(&self, key: &str) -> Option<Episode> {
        serde_json::from_str(self.0.get(key)?).ok()
    }

    /// The episode kept under `key`. Unless that one is open, an episode that a poll opened under
    /// `polled_key` moves there, because only a webhook contains the group's true key.
    pub(in crate::sources) fn find_or_adopt(&mut self, key: &str, polled_key: &str) -> Option<Episode> {
        let known = self.find(key);
        if known.as_ref().is_some_and(Episode::is_open) {
            return known;
        }
        let Some(mut adopted) = self.find(polled_key) else { return known };
        // Late repeats of the episode before it must still be known as such.
        adopted.fingerprints.extend(known.into_iter().flat_map(|old| old.fingerprints));
        self.0.forget(polled_key);
        self.keep(key, &adopted);
        Some(adopted)
    }

    pub(in crate::sources) fn keep(&mut self, key: &str, episode: &Episode) {
        if let Ok(text) = serde_json::to_string(episode)
            && self.0.get(key) != Some(&text)
        {
            self.0.set(key, text);
        }
    }

    pub(in crate::sources) fn all(&self) -> BTreeMap<String, Episode> {
        let parse = |(key, text): (&str, &str)| Some((key.to_owned(), serde_json::from_str(text).ok()?));
        self.0.with_prefix(PREFIX).filter_map(parse).collect()
    }

    /// Forgets episodes that were resolved long ago.
    pub(in crate::sources) fn prune(&mut self, now: Timestamp) {
        for (key, episode) in self.all() {
            if episode.resolved_at.is_some_and(|at| at.later_by(KEPT) < now) {
                self.0.forget(&key);
            }
        }
    }
}
