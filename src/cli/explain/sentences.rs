//! The sentences of `explain`. Must not look anything up: what is not in the story is not said.

use crate::cli::output;
use crate::destinations::TYPES;
use crate::domain::{DeliveryState, format_timestamp};
use crate::sync::{
    Cause, Obstacle, Place, ReceiptRow, Story, StoryDelivery, TimelineEntry, TimelineEvent, UnknownId,
};

pub(super) fn print(story: &Story, places: &[Place]) {
    let gone = if story.deleted { ", deleted in the tool" } else { "" };
    output::line(format!(
        "{} {} (source {}, version {}{gone})",
        story.kind, story.jira_id, story.source, story.version
    ));
    let mut unsaid: Vec<&ReceiptRow> = story.webhooks.iter().collect();
    for entry in &story.timeline {
        if let Some(nth) = unsaid.iter().position(|webhook| entry.event.webhook() == Some(&webhook.id)) {
            let webhook = unsaid.remove(nth);
            let at = format_timestamp(webhook.received_at);
            output::line(format!("  {at}  {}", receipt(webhook)));
        }
        output::line(format!("  {}  {}", format_timestamp(entry.at), sentence(entry, places)));
    }
    for standing in &story.deliveries {
        output::line(format!(
            "  {}: {}",
            standing.delivery.site,
            stand(standing, title_at(places, &standing.delivery.site))
        ));
    }
    if story.deliveries.is_empty() {
        output::line("  no installed site may see this source: check connect.sites and the source's sites");
    }
}

pub(super) fn print_unknown(id: &str, unknown: &UnknownId) {
    if unknown.quarantined.is_empty() {
        output::line(format!("nothing is known of {id:?}: no webhook and no poll has named it"));
    } else {
        output::line(format!("nothing is known of {id:?}, but webhooks that could not be mapped name it:"));
    }
    for webhook in &unknown.quarantined {
        output::line(format!(
            "  {}  webhook {} from {}, verified by {}, is kept in quarantine: {}",
            format_timestamp(webhook.received_at),
            webhook.id,
            webhook.source,
            webhook.verified_by,
            webhook.reason.as_deref().unwrap_or("no reason noted")
        ));
        output::line(format!(
            "  read it with `incident-bridge quarantine show {0}`; once the cause is fixed: \
             `incident-bridge quarantine replay {0}`",
            webhook.id
        ));
    }
    if unknown.unread > 0 {
        let unread = unknown.unread;
        output::line(format!("{unread} webhook(s) wait to be read; if they stay, check that `serve` runs"));
    }
    if unknown.has_links {
        output::line("people have linked issues to it in Jira");
    }
}

fn receipt(webhook: &ReceiptRow) -> String {
    let by_tool = webhook.delivery_id.as_ref();
    let by_tool = by_tool.map_or_else(String::new, |id| format!(" (the tool's delivery {id})"));
    let again = match webhook.duplicates {
        0 => String::new(),
        1 => "; it came once more, which was counted and not stored".to_owned(),
        n => format!("; it came {n} times more, which was counted and not stored"),
    };
    format!("webhook {}{by_tool} received, verified by {}{again}", webhook.id, webhook.verified_by)
}

/// What the type of a destination is called in sentences.
fn title(place: Option<&Place>) -> &'static str {
    let kind = place.and_then(|place| TYPES.iter().find(|kind| kind.name == place.type_name));
    kind.map_or("the destination", |kind| kind.title)
}

fn title_at(places: &[Place], name: &str) -> &'static str {
    title(places.iter().find(|place| place.name == name))
}

fn sentence(entry: &TimelineEntry, places: &[Place]) -> String {
    let place = places.iter().find(|place| Some(&place.id) == entry.destination.as_ref());
    let at = place.map_or_else(String::new, |place| format!(" at {}", place.name));
    let title = title(place);
    match &entry.event {
        TimelineEvent::Stored { cause, version } => format!("stored as version {version} {}", by(cause)),
        TimelineEvent::Deleted { cause, version } => {
            format!("deleted in the tool, version {version} {}", by(cause))
        }
        TimelineEvent::Unchanged { cause } => format!("nothing new {}", by(cause)),
        TimelineEvent::Stale { cause, .. } => {
            format!("older than what is known, dropped; told {}", by(cause))
        }
        TimelineEvent::Accepted { batch, version } => {
            format!("version {version} sent in batch {batch} and accepted by {title}{at}")
        }
        TimelineEvent::Refused { reason, trace_id, version } => {
            let trace = trace_id.as_ref();
            let trace = trace.map_or_else(String::new, |id| format!(" (Atlassian's trace id {id})"));
            format!("version {version} refused{at}: {reason}{trace}")
        }
        TimelineEvent::SentAgain { reason, version } => {
            format!("version {version} put up for sending again{at}: {reason}")
        }
        TimelineEvent::Confirmed { version } => {
            format!("version {version} read back from {title}{at}: confirmed")
        }
        TimelineEvent::Associated { issue } => format!("linked to issue {issue} in Jira{at}"),
        TimelineEvent::Disassociated { issue } => format!("unlinked from issue {issue} in Jira{at}"),
        TimelineEvent::Other { event, .. } => format!("{event}{at}"),
    }
}

fn by(cause: &Cause) -> String {
    match (&cause.delivery, &cause.verified_by) {
        (Some(delivery), Some(secret)) => format!("by webhook {delivery}, verified by {secret}"),
        _ => format!("by {}", cause.by),
    }
}

fn stand(StoryDelivery { delivery, obstacle }: &StoryDelivery, title: &str) -> String {
    let reason = delivery.reason.as_deref().unwrap_or("no reason given");
    match delivery.state {
        DeliveryState::Waiting => {
            let since = format_timestamp(delivery.waiting_since);
            let holds = match delivery.acknowledged {
                0 => String::new(),
                version => format!(" The last version that {title} took is {version}."),
            };
            format!(
                "version {} waits since {since}: {}.{holds}",
                delivery.wanted,
                hindrance(obstacle.as_ref(), title)
            )
        }
        DeliveryState::Accepted => {
            format!("version {} accepted; it will be read back until it shows", delivery.acknowledged)
        }
        DeliveryState::Confirmed => format!("{title} holds version {}", delivery.confirmed),
        DeliveryState::Refused => format!(
            "stopped: {reason}; fix the cause, then `incident-bridge deliveries retry {}`",
            delivery.entity_id
        ),
        DeliveryState::Discarded => match &delivery.reason {
            Some(reason) => format!("not sent until its next change: {reason}"),
            None => "given up by an operator until its next change".to_owned(),
        },
    }
}

fn hindrance(obstacle: Option<&Obstacle>, title: &str) -> String {
    match obstacle {
        Some(Obstacle::Parked { reason, tried_again_at }) => {
            format!("{reason}. It is tried again by itself at {}", format_timestamp(*tried_again_at))
        }
        Some(Obstacle::WaitsUntil { at, failures_in_a_row }) => format!(
            "{title} failed or asked the bridge to wait ({failures_in_a_row} in a row); it is tried again by itself at {}",
            format_timestamp(*at)
        ),
        Some(Obstacle::Disabled) => {
            "the app is disabled on the site; an admin of it can enable it under Manage apps".to_owned()
        }
        None => "it is about to be sent; if it stays, check that `serve` runs with the role sync".to_owned(),
    }
}
