//! Reads `GET /api/v2/alerts/groups`: the backstop for notifications that were lost or never sent.
//!
//! The API shows no group key and no history. A polled group is matched to an open episode by its labels
//! and by the alerts they share; without a match it opens one under a key made of what the API shows, which
//! a later webhook for the same group takes over. An episode that two polls in a row do not show is
//! resolved. The answer is always the whole list, so every poll is one page.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use super::settings::Options;
use crate::config::SourceConfig;
use crate::domain::Timestamp;
use crate::sources::kit::alert_groups::{
    episode::{self, Episode, Episodes, Verdict},
    group::Group,
    mapper::Mapper,
};
use crate::sources::kit::api::{Api, Query};
use crate::sources::{BuildError, Catalogue, Cursor, Findings, Memory, Page, PollError, PollRequest, Poller};

/// Polls in a row without an episode until it counts as resolved.
const MISSES: u8 = 2;

pub(super) struct AlertmanagerPoller {
    api: Api,
    mapper: Arc<Mapper>,
    options: Options,
}

impl AlertmanagerPoller {
    /// The poller, if the configuration says where to ask.
    pub(super) fn find(
        config: &SourceConfig,
        http: reqwest::Client,
        mapper: &Arc<Mapper>,
        options: Options,
    ) -> Result<Option<Self>, BuildError> {
        let Some(base) = config.api_url.clone() else { return Ok(None) };
        let fix = "set `api_token` to what its web configuration or the proxy before it accepts, and \
                   `api_auth` to \"bearer\" or \"basic\"";
        let mut api = Api::new(http, base, "Alertmanager", fix);
        if let Some(token) = &config.api_token {
            api = options.api_auth.authorize(api, token)?;
        }
        Ok(Some(Self { api, mapper: Arc::clone(mapper), options }))
    }

    fn query(&self) -> Query {
        let receiver = self.options.receiver.iter().map(|receiver| ("receiver", receiver.clone()));
        let hidden = ["silenced", "inhibited", "muted"].into_iter().filter(|_| self.options.drop_silenced);
        receiver.chain(hidden.map(|state| (state, "false".to_owned()))).collect()
    }

    fn take_in(&self, groups: Vec<Group>, memory: &mut Memory, now: Timestamp) -> Findings {
        let mut episodes = Episodes::new(memory);
        let mut all = Findings::default();
        let shown = self.assign(groups, &episodes.all());
        for (key, group) in &shown {
            if let Verdict::Apply(mut episode) = episode::see_firing(episodes.find(key), group, now) {
                let found = self.mapper.report(&mut episode, group, key, now);
                all.observations.extend(found.observations);
                all.mentioned.extend(found.mentioned);
                episodes.keep(key, &episode);
            }
        }
        for (key, mut episode) in episodes.all() {
            if !episode.is_open() || shown.contains_key(&key) {
                continue;
            }
            episode.missed = episode.missed.saturating_add(1);
            if episode.missed >= MISSES {
                episode = episode.resolve(now, true);
                all.observations.extend(self.mapper.conclude(&mut episode, now).observations);
            }
            episodes.keep(&key, &episode);
        }
        episodes.prune(now);
        all
    }

    /// The groups by the key of the episode that each shows. Groups with shared alerts come first; the rest
    /// go to an episode of the same labels and receiver that no other group shows, else to a new key.
    fn assign(&self, groups: Vec<Group>, episodes: &BTreeMap<String, Episode>) -> BTreeMap<String, Group> {
        let mut shown = BTreeMap::<String, Group>::new();
        let mut rest = Vec::new();
        for group in groups {
            match find_sharing(episodes, &group) {
                Some(key) => show(&mut shown, key, group),
                None => rest.push(group),
            }
        }
        for group in rest {
            let same_alerts = shown.iter().find(|(_, other)| {
                other.labels == group.labels && !fingerprints(other).is_disjoint(&fingerprints(&group))
            });
            let same_receiver = || {
                let free =
                    episodes.iter().filter(|(key, episode)| episode.is_open() && !shown.contains_key(*key));
                let mut same = free.filter(|(_, e)| e.labels == group.labels && e.receiver == group.receiver);
                same.next().map(|(key, _)| key.clone())
            };
            let [_, polled_key] = self.mapper.keys(&group);
            let key = same_alerts.map(|(key, _)| key.clone()).or_else(same_receiver).unwrap_or(polled_key);
            show(&mut shown, key, group);
        }
        shown
    }
}

/// The episode with the same labels that knows one of the group's alerts, open ones first.
fn find_sharing(episodes: &BTreeMap<String, Episode>, group: &Group) -> Option<String> {
    let alerts = fingerprints(group);
    let same = episodes.iter().filter(|(_, episode)| {
        episode.labels == group.labels
            && episode.fingerprints.iter().any(|known| alerts.contains(known.as_str()))
    });
    same.max_by_key(|(_, episode)| (episode.is_open(), episode.opened)).map(|(key, _)| key.clone())
}

fn fingerprints(group: &Group) -> BTreeSet<&str> {
    group.alerts.iter().map(|alert| alert.fingerprint.as_str()).collect()
}

fn show(shown: &mut BTreeMap<String, Group>, key: String, group: Group) {
    match shown.get_mut(&key) {
        Some(other) => other.merge(&group),
        None => drop(shown.insert(key, group)),
    }
}

#[async_trait]
impl Poller for AlertmanagerPoller {
    async fn poll(&self, request: PollRequest<'_>) -> Result<Page, PollError> {
        let PollRequest { now, memory, .. } = request;
        let answer = self.api.get("api/v2/alerts/groups", &self.query(), now).await?;
        let Some(entries) = answer.as_array() else {
            let message =
                "Alertmanager answered something other than a list at /api/v2/alerts/groups".to_owned();
            return Err(PollError::Unreadable { message });
        };
        let groups = entries.iter().map(|entry| Group::of_api(entry, self.mapper.home()));
        let groups = groups.filter(|group| !group.alerts.is_empty()).collect();
        let findings = self.take_in(groups, memory, now);
        Ok(Page { findings, next: Cursor(Value::Null), done: true, total: None })
    }

    /// Alertmanager has no services: only those that the operator lists are known in advance.
    async fn catalogue(&self, now: Timestamp) -> Result<Catalogue, PollError> {
        let components =
            self.options.components.iter().map(|name| self.mapper.component(name, now)).collect();
        Ok(Catalogue { components, workspaces: Vec::new() })
    }

    async fn fetch_incident(
        &self,
        _provider_id: &str,
        _now: Timestamp,
    ) -> Result<Option<Findings>, PollError> {
        Err(PollError::Refused {
            message: "Alertmanager has no incidents to ask for one by one; the next poll shows its groups"
                .to_owned(),
        })
    }
}
