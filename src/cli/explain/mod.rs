//! `explain`: the whole story of one incident, review or component.

use std::process::ExitCode;

use serde::Serialize;
use serde_json::Value;

use super::output;
use crate::app::open_ready_store;
use crate::clock::{Clock, from_millis};
use crate::config::Config;
use crate::domain::{JiraId, format_timestamp};
use crate::store::{DeliveryRow, Store, StoredEntity, TimelineEntry};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    incident-bridge explain Q1A2B3C4D5E6F7        # the tool's own id\n  \
    incident-bridge explain pd:Q1A2B3C4D5E6F7     # the id in Jira")]
pub struct Arguments {
    /// The tool's id or the id in Jira
    incident: String,
}

#[derive(Serialize)]
struct Story {
    kind: String,
    jira_id: String,
    provider_id: String,
    source: String,
    version: i64,
    deleted: bool,
    deliveries: Vec<DeliveryRow>,
    timeline: Vec<TimelineEntry>,
}

pub async fn main(config: &Config, arguments: &Arguments, json: bool) -> anyhow::Result<ExitCode> {
    let store = open_ready_store(config, Clock::system()).await?;
    let mut stories = Vec::new();
    for entity in store.find_entities(&arguments.incident).await? {
        stories.push(tell(&store, entity).await?);
    }
    if json {
        output::json(&stories)?;
    } else if stories.is_empty() {
        print_unknown(&store, &arguments.incident).await?;
    } else {
        stories.iter().for_each(print);
    }
    Ok(if stories.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn tell(store: &Store, entity: StoredEntity) -> anyhow::Result<Story> {
    let timeline = store.list_timeline(&entity.jira_id).await?;
    let deliveries = store.list_deliveries_of(&entity.jira_id).await?;
    let kind = entity.kind.as_str();
    Ok(Story {
        timeline: timeline.into_iter().filter(|entry| entry.kind == kind).collect(),
        deliveries: deliveries.into_iter().filter(|delivery| delivery.kind == kind).collect(),
        kind: kind.to_owned(),
        deleted: entity.content.is_none(),
        jira_id: entity.jira_id.0,
        provider_id: entity.provider_id,
        source: entity.source,
        version: entity.version,
    })
}

async fn print_unknown(store: &Store, id: &str) -> anyhow::Result<()> {
    output::line(format!("nothing is known of {id:?}: no webhook and no poll has named it"));
    let kept: i64 =
        store.count_inbox().await?.iter().filter(|row| row.state == "quarantined").map(|row| row.count).sum();
    if kept > 0 {
        output::line(format!("{kept} webhook(s) could not be mapped and are kept; it may be among them"));
    }
    if !store.list_associations_of(&JiraId(id.to_owned())).await?.is_empty() {
        output::line("people have linked issues to it in Jira");
    }
    Ok(())
}

fn print(story: &Story) {
    let gone = if story.deleted { ", deleted in the tool" } else { "" };
    output::line(format!(
        "{} {} (source {}, version {}{gone})",
        story.kind, story.jira_id, story.source, story.version
    ));
    for entry in &story.timeline {
        output::line(format!("  {}  {}", format_timestamp(entry.at), sentence(entry)));
    }
    for delivery in &story.deliveries {
        output::line(format!("  {}: {}", delivery.site, standing(delivery)));
    }
    if story.deliveries.is_empty() {
        output::line("  no installed site may see this source: check connect.sites and the source's sites");
    }
}

fn sentence(entry: &TimelineEntry) -> String {
    let text = |key: &str| entry.detail.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let version =
        entry.detail.get("version").map_or_else(String::new, |version| format!("version {version}"));
    let from = match (text("by").as_str(), text("delivery"), text("verified_by")) {
        ("webhook", delivery, by) => format!("by webhook {delivery}, verified by {by}"),
        (by, ..) => format!("by {by}"),
    };
    match entry.event.as_str() {
        "stored" => format!("stored as {version} {from}"),
        "deleted" => format!("deleted in the tool, {version} {from}"),
        "unchanged" => format!("nothing new {from}"),
        "stale" => format!("older than what is known, dropped; told {from}"),
        "accepted" => format!("{version} accepted by Jira in batch {}", text("batch")),
        "refused" => format!("{version} refused: {} {}", text("reason"), trace(entry)),
        "sent_again" => format!("{version} put up for sending again: {}", text("reason")),
        "confirmed" => format!("{version} read back from Jira: confirmed"),
        "associated" => format!("linked to issue {} in Jira", text("issue")),
        "disassociated" => format!("unlinked from issue {} in Jira", text("issue")),
        other => format!("{other} {version}"),
    }
}

fn trace(entry: &TimelineEntry) -> String {
    let id = entry.detail.get("trace_id").and_then(Value::as_str);
    id.map_or_else(String::new, |id| format!("(Atlassian's trace id {id})"))
}

fn standing(delivery: &DeliveryRow) -> String {
    let reason = delivery.reason.as_deref().unwrap_or("no reason given");
    match delivery.state.as_str() {
        "waiting" => format!(
            "version {} waits to be sent since {}; see `incident-bridge installations` for what stands in the way",
            delivery.wanted,
            format_timestamp(from_millis(delivery.waiting_since))
        ),
        "accepted" => format!("version {} accepted, not read back yet", delivery.acknowledged),
        "confirmed" => format!("Jira holds version {}", delivery.confirmed),
        "refused" => format!(
            "stopped: {reason}; mend the cause, then `incident-bridge deliveries retry {}`",
            delivery.jira_id
        ),
        "discarded" => "given up by an operator until its next change".to_owned(),
        other => other.to_owned(),
    }
}
