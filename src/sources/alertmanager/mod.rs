//! Prometheus Alertmanager: webhook version 4 and API v2.
//!
//! Alertmanager knows alerts and groups, not incidents: one episode of a group, from its first firing alert
//! to its resolution, becomes one incident. `episode` decides what belongs to which episode; this file joins
//! it to the trait. Source of the protocol: Alertmanager's documentation and API description (0.34).

mod episode;
mod payload;
mod poll;

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use self::episode::{Episode, Episodes, Verdict};
use self::payload::Group;
pub(super) use self::payload::Mapper;
use self::poll::AlertmanagerPoller;
use super::findings::component;
use super::shared_secret::SharedSecret;
use super::{
    BuildContext, BuildError, Findings, Gives, InboundWebhook, Kind, Memory, Poller, Rejection, Source,
    Unmappable, VerifiedWebhook, options,
};
use crate::config::SourceConfig;
use crate::domain::{Component, Entity, Incident, Observation, Timestamp};

pub(super) const KIND: Kind = Kind {
    name: "alertmanager",
    build,
    option_names: &[
        "webhook_header",
        "component_labels",
        "components",
        "receiver",
        "drop_silenced",
        "api_auth",
    ],
    gives: &[Gives::Webhooks, Gives::Polling],
    page: include_str!("../../../docs/sources/alertmanager.md"),
};

/// Of the webhook's message.
const VERSION: &str = "4";

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum ApiAuth {
    Bearer,
    Basic,
}

#[derive(Deserialize)]
#[serde(default)]
struct Options {
    /// Header field that carries the bare `webhook_token`.
    webhook_header: Option<String>,
    /// Labels that name the affected service, best first.
    component_labels: Vec<String>,
    /// Services offered in Jira before any alert named them.
    components: Vec<String>,
    /// Regular expression of the receivers to poll; should match the receiver that posts the webhooks.
    receiver: Option<String>,
    /// Leaves silenced, inhibited and muted alerts out when polling.
    drop_silenced: bool,
    /// Whether `api_token` is a bearer token or `user:password`.
    api_auth: ApiAuth,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            webhook_header: None,
            component_labels: ["service", "app", "component"].map(str::to_owned).to_vec(),
            components: Vec::new(),
            receiver: None,
            drop_silenced: false,
            api_auth: ApiAuth::Bearer,
        }
    }
}

struct Alertmanager {
    config: SourceConfig,
    secret: SharedSecret,
    mapper: Arc<Mapper>,
    poller: Option<AlertmanagerPoller>,
}

fn build(context: BuildContext) -> Result<Arc<dyn Source>, BuildError> {
    let BuildContext { config, http } = context;
    let options: Options = options::parse(&config)?;
    let secret = SharedSecret::new(&config).with_header(options.webhook_header.clone()).with_path(true);
    let mapper = Arc::new(Mapper::new(&config, options.component_labels.clone()));
    let poller = AlertmanagerPoller::find(&config, http, &mapper, options)?;
    Ok(Arc::new(Alertmanager { config, secret, mapper, poller }))
}

impl Source for Alertmanager {
    fn verify(&self, webhook: InboundWebhook) -> Result<VerifiedWebhook, Rejection> {
        let delivery_id = receipt_id(&webhook);
        self.secret.admit(&self.config, webhook, Some(delivery_id))
    }

    fn recall(&self, webhook: &VerifiedWebhook) -> Vec<String> {
        webhook.json().map(|body| self.mapper.recall(&body, VERSION)).unwrap_or_default()
    }

    fn parse(&self, webhook: &VerifiedWebhook, memory: &mut Memory) -> Result<Findings, Unmappable> {
        self.mapper.parse(&webhook.json()?, VERSION, webhook.received_at, memory)
    }

    fn poller(&self) -> Option<&dyn Poller> {
        self.poller.as_ref().map(|poller| poller as &dyn Poller)
    }

    fn home_url(&self) -> String {
        self.mapper.home.clone()
    }
}

/// Alertmanager has no delivery id, and repeats an unchanged group byte for byte on purpose: such a repeat is
/// news after a presumed resolution, so no two receipts may count as one delivery.
pub(super) fn receipt_id(webhook: &InboundWebhook) -> String {
    let digest = hex::encode(Sha256::digest(&webhook.body));
    format!("{}-{}", webhook.received_at.timestamp_millis(), &digest[..32])
}

impl Mapper {
    /// The keys of [`Memory`] that `parse` needs for this body.
    pub(in crate::sources) fn recall(&self, body: &Value, version: &str) -> Vec<String> {
        Self::webhook(body, version).map(|group| self.keys(&group).to_vec()).unwrap_or_default()
    }

    /// What a webhook's body, a message of this version, says of its group's episode.
    pub(in crate::sources) fn parse(
        &self,
        body: &Value,
        version: &str,
        now: Timestamp,
        memory: &mut Memory,
    ) -> Result<Findings, Unmappable> {
        let group = Self::webhook(body, version)?;
        let mut episodes = Episodes::new(memory);
        let [key, polled_key] = self.keys(&group);
        let known = episodes.find_or_adopt(&key, &polled_key);
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

    /// What is to be said of the episode now, which takes its id and its place in memory from `key`.
    fn report(&self, episode: &mut Episode, group: &Group, key: &str, now: Timestamp) -> Findings {
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

    fn component(&self, name: &str, now: Timestamp) -> Component {
        component(name, name, &self.home, now)
    }
}

/// Nothing in Alertmanager's payloads grows monotonically, so the receipt orders the statements.
fn said(incident: Incident, now: Timestamp) -> Findings {
    let observations = vec![Observation::present(Entity::Incident(incident), now)];
    Findings { observations, ..Findings::default() }
}

#[cfg(test)]
mod tests;
