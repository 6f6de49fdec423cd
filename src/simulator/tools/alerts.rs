//! An Alertmanager-like tool: groups of firing alerts, which disappear from its API when they stop.
//!
//! Source: Alertmanager's API v2 description. Beyond what the API shows, it remembers every episode of a
//! group, which is what Jira should show in the end. Does no I/O.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest;
use chrono::{SecondsFormat, TimeDelta};
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::clock::{Clock, Timestamp};

const RECEIVER: &str = "incident-bridge";
/// After this time an alert that is not repeated ends.
const RESOLVE_TIMEOUT: TimeDelta = TimeDelta::minutes(4);

/// An alerting rule for one service: what groups and their alerts look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    pub name: &'static str,
    pub service: &'static str,
    pub summary: &'static str,
    pub expression: &'static str,
}

#[derive(Debug, Clone)]
struct Alert {
    severity: &'static str,
    started: Timestamp,
}

/// A group from its first alert until its last alert stops.
#[derive(Debug, Clone)]
pub struct Episode {
    pub rule: Rule,
    /// The page of the rule, the same for all of its alerts.
    pub url: String,
    pub started: Timestamp,
    pub ended: Option<Timestamp>,
    alerts: Vec<Alert>,
}

impl Episode {
    #[must_use]
    pub fn fires(&self) -> bool {
        self.ended.is_none()
    }

    /// The `severity` labels of its alerts.
    pub fn severities(&self) -> impl Iterator<Item = &'static str> {
        self.alerts.iter().map(|alert| alert.severity)
    }

    /// When an alert last joined, or all stopped.
    #[must_use]
    pub fn changed_at(&self) -> Timestamp {
        self.ended.or_else(|| self.alerts.last().map(|alert| alert.started)).unwrap_or(self.started)
    }
}

/// A handle on the tool. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Alerts(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Clock,
    prometheus: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    episodes: Vec<Episode>,
    changes: u64,
    polls: u64,
}

impl Alerts {
    /// A tool without alerts, whose rules have their pages below `prometheus`.
    #[must_use]
    pub fn new(clock: Clock, prometheus: String) -> Self {
        Self(Arc::new(Inner { clock, prometheus, state: Mutex::default() }))
    }

    /// An alert of the rule starts to fire: it joins the group's episode or opens one.
    pub fn fire(&self, rule: Rule, severity: &'static str) {
        let now = self.0.clock.now();
        let alert = Alert { severity, started: now };
        let mut state = self.lock();
        state.changes += 1;
        match state.episodes.iter_mut().find(|episode| episode.fires() && episode.rule == rule) {
            Some(episode) => episode.alerts.push(alert),
            None => state.episodes.push(Episode {
                rule,
                url: self.rule_url(rule),
                started: now,
                ended: None,
                alerts: vec![alert],
            }),
        }
    }

    /// Stops all alerts of the rule's group. Returns whether any was firing.
    pub fn resolve(&self, rule: Rule) -> bool {
        let now = self.0.clock.now();
        let mut state = self.lock();
        let Some(episode) = state.episodes.iter_mut().find(|e| e.fires() && e.rule == rule) else {
            return false;
        };
        episode.ended = Some(now);
        state.changes += 1;
        true
    }

    /// Every episode so far, in the order of their starts.
    #[must_use]
    pub fn episodes(&self) -> Vec<Episode> {
        self.lock().episodes.clone()
    }

    /// How often anything changed.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.lock().changes
    }

    /// How often the groups were requested.
    #[must_use]
    pub fn polls(&self) -> u64 {
        self.lock().polls
    }

    /// The answer to `GET /api/v2/alerts/groups`.
    pub(super) fn answer_groups(&self) -> Value {
        let mut state = self.lock();
        state.polls += 1;
        let groups = state.episodes.iter().filter(|episode| episode.fires()).map(|episode| {
            json!({
                "labels": { "alertname": episode.rule.name, "service": episode.rule.service },
                "routeLabels": {},
                "receiver": { "name": RECEIVER },
                "alerts": self.describe(episode),
            })
        });
        groups.collect()
    }

    /// The answer to `GET /api/v2/alerts`.
    pub(super) fn answer_alerts(&self) -> Value {
        let state = self.lock();
        state.episodes.iter().filter(|episode| episode.fires()).flat_map(|e| self.describe(e)).collect()
    }

    fn describe(&self, episode: &Episode) -> Vec<Value> {
        let instant = |at: Timestamp| at.to_rfc3339_opts(SecondsFormat::Millis, true);
        let alert = |alert: &Alert| {
            let instance = instant(alert.started);
            let Rule { name, service, summary, .. } = episode.rule;
            json!({
                "annotations": { "summary": summary },
                "endsAt": instant(self.0.clock.now() + RESOLVE_TIMEOUT),
                "fingerprint": fingerprint(&[name, service, alert.severity, &instance]),
                "receivers": [{ "name": RECEIVER }],
                "startsAt": instance,
                "status": { "inhibitedBy": [], "mutedBy": [], "silencedBy": [], "state": "active" },
                "updatedAt": instance,
                "generatorURL": episode.url,
                "labels": { "alertname": name, "service": service, "severity": alert.severity },
            })
        };
        episode.alerts.iter().map(alert).collect()
    }

    fn rule_url(&self, rule: Rule) -> String {
        let expression = format!("{}{{service=\"{}\"}}", rule.expression, rule.service);
        let query =
            form_urlencoded::Serializer::new(String::new()).append_pair("g0.expr", &expression).finish();
        format!("{}/graph?{query}", self.0.prometheus)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// 16 hex digits that identify a set of labels.
fn fingerprint(labels: &[&str]) -> String {
    let hash = digest::digest(&digest::SHA256, labels.join("\n").as_bytes());
    hex::encode(&hash.as_ref()[..8])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_millis;

    const RULE: Rule = Rule {
        name: "HighErrorRate",
        service: "checkout-api",
        summary: "Checkout 5xx ratio above 4%",
        expression: "job:errors:ratio5m",
    };

    fn start() -> (Alerts, Clock) {
        let clock = Clock::manual(from_millis(1_775_207_700_000));
        (Alerts::new(clock.clone(), "http://prometheus.test".to_owned()), clock)
    }

    #[test]
    fn a_second_alert_joins_the_group_and_a_resolved_group_vanishes_from_the_api() {
        let (alerts, clock) = start();
        alerts.fire(RULE, "warning");
        clock.advance(TimeDelta::seconds(3));
        alerts.fire(RULE, "critical");
        let groups = alerts.answer_groups();
        assert_eq!(groups.as_array().unwrap().len(), 1);
        let [first, second] = groups[0]["alerts"].as_array().unwrap().as_slice() else { panic!("{groups}") };
        assert_ne!(first["fingerprint"], second["fingerprint"]);
        assert_eq!(second["labels"]["severity"], "critical");
        assert_eq!(alerts.answer_alerts().as_array().unwrap().len(), 2);

        assert!(alerts.resolve(RULE) && !alerts.resolve(RULE));
        assert_eq!(alerts.answer_groups(), json!([]));
        let episodes = alerts.episodes();
        assert_eq!(episodes[0].severities().collect::<Vec<_>>(), ["warning", "critical"]);
        assert!(!episodes[0].fires());
    }

    #[test]
    fn a_group_that_fires_again_is_a_new_episode() {
        let (alerts, clock) = start();
        alerts.fire(RULE, "warning");
        alerts.resolve(RULE);
        clock.advance(TimeDelta::minutes(1));
        alerts.fire(RULE, "warning");
        let episodes = alerts.episodes();
        assert_eq!(episodes.iter().map(Episode::fires).collect::<Vec<_>>(), [false, true]);
        assert!(episodes[0].started < episodes[1].started);
        assert_eq!((alerts.changes(), alerts.polls()), (3, 0));
    }

    #[test]
    fn the_answer_has_the_fields_of_the_published_sample() {
        let sample: Value = serde_json::from_str(include_str!(
            "../../../tests/fixtures/providers/alertmanager/rest-api-v2-alerts-groups.json"
        ))
        .unwrap();
        let (alerts, _) = start();
        alerts.fire(RULE, "critical");
        let keys = |value: &Value| {
            value.as_object().unwrap().keys().cloned().collect::<std::collections::BTreeSet<_>>()
        };
        let answer = alerts.answer_groups();
        assert_eq!(keys(&answer[0]), keys(&sample[0]));
        assert_eq!(keys(&answer[0]["alerts"][0]), keys(&sample[0]["alerts"][0]));
    }
}
