//! What happens to the alerts, the same on every way at the same time, and what people do to the work items.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use anyhow::ensure;
use chrono::TimeDelta;
use incident_bridge::clock::{Clock, Timestamp};
use incident_bridge::domain::format_timestamp;
use incident_bridge::simulator::Fault;
use incident_bridge::simulator::platform::Issue;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until};

use super::way::Way;

/// Answers to creations that are lost on each way.
pub const LOST: usize = 1;
/// All groups of alerts.
const GROUPS: RangeInclusive<usize> = 1..=10;
/// Their first alert comes later: the answer to its creation is lost.
const LATE: usize = 10;
/// How long no way asks Jira anything before all is taken to be over.
const QUIET: TimeDelta = TimeDelta::seconds(15);
/// How long a program may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// Alerts with the same name.
pub struct Group {
    pub name: String,
    /// When each of its incidents began: no alert fired before.
    pub began: Vec<Timestamp>,
}

/// What a person has written into a work item.
pub struct Edit {
    /// Of which way, by its number.
    pub way: usize,
    pub key: String,
    pub field: &'static str,
    pub value: Value,
}

/// Everything that was told and done.
#[derive(Default)]
pub struct Told {
    pub groups: Vec<Group>,
    pub edits: Vec<Edit>,
}

impl Told {
    pub fn incidents(&self) -> usize {
        self.groups.iter().map(|group| group.began.len()).sum()
    }
}

struct Story<'a> {
    ways: &'a [Way],
    start: Instant,
    interval: Duration,
    told: Told,
    /// Alerts that fire, by group and instance: since when.
    firing: BTreeMap<(usize, &'static str), Timestamp>,
}

/// Plays everything, and waits until nothing happens any more.
pub async fn play(ways: &[Way], interval: u32) -> anyhow::Result<Told> {
    let groups = GROUPS.map(|group| Group { name: name_of(group), began: Vec::new() }).collect();
    let told = Told { groups, ..Told::default() };
    let interval = Duration::from_secs(interval.into());
    let mut story = Story { ways, start: Instant::now(), interval, told, firing: BTreeMap::new() };
    story.fire(1..=9, "web-1").await?;
    story.reach(0.8).await;
    story.edit_by_hand().await?;
    story.reach(0.9).await;
    for way in ways {
        way.site.fail_next(Fault::dropped().on_operation("createIssue"));
    }
    story.fire(LATE..=LATE, "web-1").await?;
    story.reach(1.2).await;
    story.fire(1..=4, "web-2").await?;
    story.reach(2.4).await;
    story.end(1..=5).await?;
    story.reach(3.8).await;
    story.fire(1..=3, "web-1").await?;
    story.reach(5.0).await;
    story.end(GROUPS).await?;
    story.reach(6.2).await;
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end && !ways.iter().all(is_quiet) {
        sleep(Duration::from_millis(500)).await;
    }
    Ok(story.told)
}

fn is_quiet(way: &Way) -> bool {
    let now = Clock::system().now();
    way.site.requests().last().is_none_or(|request| now - request.at > QUIET)
}

/// No name is a part of another one.
fn name_of(group: usize) -> String {
    format!("Slow{group:02}")
}

/// The work items of a group: its name is in every text that programs and people write.
pub fn list_issues(way: &Way, name: &str) -> Vec<Issue> {
    let mut issues = way.site.board().issues();
    issues.retain(|issue| Value::from(issue.fields.clone()).to_string().contains(name));
    issues
}

impl Story<'_> {
    /// Waits until so many group intervals have passed since the start.
    async fn reach(&self, intervals: f64) {
        sleep_until(self.start + self.interval.mul_f64(intervals)).await;
    }

    async fn fire(&mut self, groups: RangeInclusive<usize>, instance: &'static str) -> anyhow::Result<()> {
        let now = Clock::system().now();
        let mut alerts = Vec::new();
        for group in groups {
            if !self.firing.keys().any(|(other, _)| *other == group)
                && let Some(told) = self.told.groups.get_mut(group - 1)
            {
                told.began.push(now);
            }
            self.firing.insert((group, instance), now);
            alerts.push(describe((group, instance), now, now + TimeDelta::hours(1)));
        }
        self.post(&alerts).await
    }

    async fn end(&mut self, groups: RangeInclusive<usize>) -> anyhow::Result<()> {
        let now = Clock::system().now();
        let ended: Vec<_> = self.firing.extract_if(.., |(group, _), _| groups.contains(group)).collect();
        let alerts: Vec<Value> =
            ended.into_iter().map(|(alert, since)| describe(alert, since, now)).collect();
        self.post(&alerts).await
    }

    async fn post(&self, alerts: &[Value]) -> anyhow::Result<()> {
        for way in self.ways {
            way.post(alerts).await?;
        }
        Ok(())
    }

    /// People change the summary of one work item, the description of another and the labels of a third.
    async fn edit_by_hand(&mut self) -> anyhow::Result<()> {
        let note = |text: String| {
            json!({ "type": "doc", "version": 1, "content": [
                { "type": "paragraph", "content": [{ "type": "text", "text": text }] },
            ] })
        };
        for (n, way) in self.ways.iter().enumerate() {
            for group in GROUPS.filter(|group| *group != LATE) {
                let name = name_of(group);
                let key = find_issue(way, &name).await?;
                let (field, value) = match group {
                    2 => ("description", note(format!("{name}: it is the new pool"))),
                    4 => ("labels", "seen-by-ada".into()),
                    7 => ("summary", format!("{name}: the certificate has expired").into()),
                    _ => continue,
                };
                match (field, value.as_str()) {
                    ("labels", Some(label)) => way.site.board().label(&key, label),
                    _ => way.site.board().edit(&key, field, value.clone()),
                }
                self.told.edits.push(Edit { way: n, key, field, value });
            }
        }
        Ok(())
    }
}

/// The key of the work item of a group, once there is one.
async fn find_issue(way: &Way, name: &str) -> anyhow::Result<String> {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(issue) = list_issues(way, name).first() {
            return Ok(issue.key.clone());
        }
        ensure!(Instant::now() < end, "{}: no work item for {name}", way.kind.name());
        sleep(Duration::from_millis(50)).await;
    }
}

fn describe((group, instance): (usize, &str), since: Timestamp, until: Timestamp) -> Value {
    let name = name_of(group);
    json!({
        "labels": {
            "alertname": name,
            "instance": instance,
            "severity": if group.is_multiple_of(2) { "warning" } else { "critical" },
        },
        "annotations": { "summary": format!("{name}: answers take long") },
        "startsAt": format_timestamp(since),
        "endsAt": format_timestamp(until),
    })
}
