//! The sentences of `explain`. Must not look anything up: what is not in the story is not said.

use serde_json::Value;

use super::story::{Obstacle, Standing, Story, Unknown};
use crate::cli::output;
use crate::clock::from_millis;
use crate::domain::format_timestamp;
use crate::store::{Installation, ReceiptRow, TimelineEntry};

/// The row of the inbox that an entry came from.
pub(super) fn webhook_of(entry: &TimelineEntry) -> Option<&str> {
    entry.detail.get("delivery").and_then(Value::as_str)
}

pub(super) fn print(story: &Story, sites: &[Installation]) {
    let gone = if story.deleted { ", deleted in the tool" } else { "" };
    output::line(format!(
        "{} {} (source {}, version {}{gone})",
        story.kind, story.jira_id, story.source, story.version
    ));
    let mut unsaid: Vec<&ReceiptRow> = story.webhooks.iter().collect();
    for entry in &story.timeline {
        if let Some(nth) = unsaid.iter().position(|webhook| webhook_of(entry) == Some(&webhook.id)) {
            let webhook = unsaid.remove(nth);
            let at = format_timestamp(from_millis(webhook.received_at));
            output::line(format!("  {at}  {}", receipt(webhook)));
        }
        output::line(format!("  {}  {}", format_timestamp(entry.at), sentence(entry, sites)));
    }
    for standing in &story.deliveries {
        output::line(format!("  {}: {}", standing.delivery.site, stand(standing)));
    }
    if story.deliveries.is_empty() {
        output::line("  no installed site may see this source: check connect.sites and the source's sites");
    }
}

pub(super) fn print_unknown(id: &str, unknown: &Unknown) {
    if unknown.quarantined.is_empty() {
        output::line(format!("nothing is known of {id:?}: no webhook and no poll has named it"));
    } else {
        output::line(format!("nothing is known of {id:?}, but webhooks that could not be mapped name it:"));
    }
    for webhook in &unknown.quarantined {
        output::line(format!(
            "  {}  webhook {} from {}, verified by {}, is kept in quarantine: {}",
            format_timestamp(from_millis(webhook.received_at)),
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

fn sentence(entry: &TimelineEntry, sites: &[Installation]) -> String {
    let text = |key: &str| entry.detail.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let version =
        entry.detail.get("version").map_or_else(String::new, |version| format!("version {version}"));
    let from = match (text("by").as_str(), text("delivery"), text("verified_by")) {
        ("webhook", delivery, by) => format!("by webhook {delivery}, verified by {by}"),
        (by, ..) => format!("by {by}"),
    };
    let at = sites.iter().find(|site| Some(&site.client_key.0) == entry.client_key.as_ref());
    let at = at.map_or_else(String::new, |site| format!(" at {}", site.site));
    match entry.event.as_str() {
        "stored" => format!("stored as {version} {from}"),
        "deleted" => format!("deleted in the tool, {version} {from}"),
        "unchanged" => format!("nothing new {from}"),
        "stale" => format!("older than what is known, dropped; told {from}"),
        "accepted" => format!("{version} sent in batch {} and accepted by Jira{at}", text("batch")),
        "refused" => format!("{version} refused{at}: {}{}", text("reason"), trace(entry)),
        "sent_again" => format!("{version} put up for sending again{at}: {}", text("reason")),
        "confirmed" => format!("{version} read back from Jira{at}: confirmed"),
        "associated" => format!("linked to issue {} in Jira{at}", text("issue")),
        "disassociated" => format!("unlinked from issue {} in Jira{at}", text("issue")),
        other => format!("{other} {version}{at}"),
    }
}

fn trace(entry: &TimelineEntry) -> String {
    let id = entry.detail.get("trace_id").and_then(Value::as_str);
    id.map_or_else(String::new, |id| format!(" (Atlassian's trace id {id})"))
}

fn stand(Standing { delivery, obstacle }: &Standing) -> String {
    let reason = delivery.reason.as_deref().unwrap_or("no reason given");
    match delivery.state.as_str() {
        "waiting" => {
            let since = format_timestamp(from_millis(delivery.waiting_since));
            let holds = match delivery.acknowledged {
                0 => String::new(),
                version => format!(" The last version that Jira took is {version}."),
            };
            format!(
                "version {} waits since {since}: {}.{holds}",
                delivery.wanted,
                hindrance(obstacle.as_ref())
            )
        }
        "accepted" => {
            format!("version {} accepted; it will be read back until it shows", delivery.acknowledged)
        }
        "confirmed" => format!("Jira holds version {}", delivery.confirmed),
        "refused" => format!(
            "stopped: {reason}; fix the cause, then `incident-bridge deliveries retry {}`",
            delivery.jira_id
        ),
        "discarded" => "given up by an operator until its next change".to_owned(),
        other => other.to_owned(),
    }
}

fn hindrance(obstacle: Option<&Obstacle>) -> String {
    match obstacle {
        Some(Obstacle::Parked { reason, tried_again_at }) => {
            format!("{reason}. It is tried again by itself at {}", format_timestamp(*tried_again_at))
        }
        Some(Obstacle::WaitsUntil { at, failures_in_a_row }) => format!(
            "Jira failed or asked the bridge to wait ({failures_in_a_row} in a row); it is tried again by itself at {}",
            format_timestamp(*at)
        ),
        Some(Obstacle::Disabled) => {
            "the app is disabled on the site; an admin of it can enable it under Manage apps".to_owned()
        }
        None => "it is about to be sent; if it stays, check that `serve` runs with the role sync".to_owned(),
    }
}
