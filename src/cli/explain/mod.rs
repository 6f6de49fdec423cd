//! `explain`: the whole story of one incident, review or component.
//!
//! Collects what the store remembers; `sentences` puts it into words. Asks neither the tool nor Jira.

mod sentences;
mod story;

use std::process::ExitCode;

use super::output;
use crate::app::open_ready_store;
use crate::clock::{Clock, Timestamp};
use crate::config::Config;
use crate::domain::{DeliveryState, EntityId};
use crate::store::{
    DeliveryRow, InboxState, Installation, InstallationState, QuarantinedRow, ReceiptRow, Store, StoredEntity,
};
use story::{Obstacle, Report, Standing, Story, Unknown};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    incident-bridge explain Q1A2B3C4D5E6F7        # the tool's own id\n  \
    incident-bridge explain pd:Q1A2B3C4D5E6F7     # the id in Jira")]
pub struct Arguments {
    /// The tool's id or the id in Jira
    incident: String,
}

pub async fn main(config: &Config, arguments: &Arguments, json: bool) -> anyhow::Result<ExitCode> {
    let clock = Clock::system();
    let store = open_ready_store(config, clock.clone()).await?;
    let sites = store.sites().list_installations().await?;
    let mut stories = Vec::new();
    for entity in store.entities().find(&arguments.incident).await? {
        stories.push(tell(&store, &sites, clock.now(), entity).await?);
    }
    let unknown =
        if stories.is_empty() { Some(ask_around(&store, &arguments.incident).await?) } else { None };
    let report = Report { stories, unknown };
    if json {
        output::json(&report)?;
    } else {
        for story in &report.stories {
            sentences::print(story, &sites);
        }
        if let Some(unknown) = &report.unknown {
            sentences::print_unknown(&arguments.incident, unknown);
        }
    }
    Ok(if report.stories.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn tell(
    store: &Store,
    sites: &[Installation],
    now: Timestamp,
    entity: StoredEntity,
) -> anyhow::Result<Story> {
    let kind = entity.kind;
    // Before the timeline: while the service runs, a state that is shown then never lacks its reason there.
    let deliveries = store.deliveries().list_of(&entity.id).await?;
    let mut timeline = store.timeline().list_of(&entity.id).await?;
    timeline.retain(|entry| entry.kind == kind);
    let mut webhooks: Vec<ReceiptRow> = Vec::new();
    for id in timeline.iter().filter_map(|entry| entry.event.webhook()) {
        if !webhooks.iter().any(|webhook| webhook.id == id) {
            webhooks.extend(store.inbox().find_receipt(id).await?);
        }
    }
    let deliveries = deliveries
        .into_iter()
        .filter(|delivery| delivery.kind == kind)
        .map(|delivery| Standing { obstacle: find_obstacle(sites, &delivery, now), delivery });
    Ok(Story {
        deliveries: deliveries.collect(),
        webhooks,
        timeline,
        kind,
        deleted: entity.content.is_none(),
        jira_id: entity.id,
        provider_id: entity.provider_id,
        source: entity.source,
        version: entity.version,
    })
}

fn find_obstacle(sites: &[Installation], delivery: &DeliveryRow, now: Timestamp) -> Option<Obstacle> {
    let is_its = |site: &&Installation| {
        site.site == delivery.site
            && matches!(site.state, InstallationState::Enabled | InstallationState::Disabled)
    };
    let site = sites.iter().find(is_its).filter(|_| delivery.state == DeliveryState::Waiting)?;
    let at = site.wait_until;
    match &site.parked {
        _ if site.state == InstallationState::Disabled => Some(Obstacle::Disabled),
        Some(reason) => Some(Obstacle::Parked { reason: reason.clone(), tried_again_at: at }),
        None if at > now => Some(Obstacle::WaitsUntil { at, failures_in_a_row: site.failures }),
        None => None,
    }
}

async fn ask_around(store: &Store, id: &str) -> anyhow::Result<Unknown> {
    let counts = store.inbox().count().await?;
    Ok(Unknown {
        quarantined: store.inbox().search_quarantine(|webhook| names(webhook, id)).await?,
        unread: counts.iter().filter(|row| row.state == InboxState::New).map(|row| row.count).sum(),
        has_links: !store
            .entities()
            .list_associations_of(&EntityId::from_text(id.to_owned()))
            .await?
            .is_empty(),
    })
}

/// Whether a webhook's body contains the id, or, of an id in Jira, the tool's part of it.
fn names(webhook: &QuarantinedRow, id: &str) -> bool {
    let own = id.strip_prefix(&webhook.source).and_then(|rest| rest.strip_prefix(':'));
    let contains =
        |part: &str| !part.is_empty() && memchr::memmem::find(&webhook.body, part.as_bytes()).is_some();
    contains(id) || own.is_some_and(contains)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn webhook(body: &str) -> QuarantinedRow {
        QuarantinedRow {
            id: "1".to_owned(),
            source: "pd".to_owned(),
            delivery_id: None,
            received_at: Timestamp::default(),
            verified_by: String::new(),
            reason: None,
            body: body.as_bytes().to_vec(),
        }
    }

    #[test]
    fn a_webhook_is_found_by_the_tools_id_and_by_the_id_in_jira() {
        let kept = webhook("{\"event\": {\"data\": {\"id\": \"Q1\"");
        assert!(names(&kept, "Q1") && names(&kept, "pd:Q1"));
        assert!(!names(&kept, "og:Q1") && !names(&kept, "Q2") && !names(&kept, "pd:") && !names(&kept, ""));
    }
}
