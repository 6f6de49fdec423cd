//! The sentences of `explain`, with every id and version. Must not look anything up: what is not in the story is not
//! said.

use crate::cli::layout::{count, moment, moment_and_age, wrap};
use crate::cli::output::{self, Tone};
use crate::destinations::TYPES;
use crate::domain::{DeliveryState, Timestamp, format_timestamp};
use crate::sync::{
    Cause, Obstacle, Place, ReceiptRow, Story, StoryDelivery, TimelineEntry, TimelineEvent, UnknownId,
};

/// How far lines after the first are indented, behind an instant and elsewhere.
const SENTENCES: usize = 28;
const STANDINGS: usize = 4;
const MADE: usize = 6;

/// What happened, entry by entry.
pub(super) fn print_timeline(story: &Story, places: &[Place]) {
    let mut unsaid: Vec<&ReceiptRow> = story.webhooks.iter().collect();
    let print = |at, text: &str| {
        output::lines(wrap(&format!("  {}  ", format_timestamp(at)), text, SENTENCES));
    };
    for entry in &story.timeline {
        if let Some(nth) = unsaid.iter().position(|webhook| entry.event.webhook() == Some(&webhook.id)) {
            let webhook = unsaid.remove(nth);
            print(webhook.received_at, &receipt(webhook));
        }
        print(entry.at, &sentence(entry, places));
    }
}

/// Where it stands at each destination.
pub(super) fn print_standings(story: &Story, places: &[Place], now: Timestamp, verbose: bool) {
    for standing in &story.deliveries {
        let site = &standing.delivery.site;
        let text = stand(standing, title_at(places, site), now, verbose);
        let tone = tone(standing.delivery.state);
        for line in wrap(&format!("  {site}: "), &text, STANDINGS) {
            output::toned(&[(tone, &line)]);
        }
        for sentence in standing.made.iter().flat_map(|made| &made.sentences) {
            output::lines(wrap("    - ", sentence, MADE));
        }
    }
    if story.deliveries.is_empty() {
        let why = "no installed site may see this source: check connect.sites and the source's sites";
        output::lines(wrap("  ", why, STANDINGS));
    }
}

pub(super) fn print_unknown(id: &str, unknown: &UnknownId) {
    if unknown.quarantined.is_empty() {
        output::line(format!("nothing is known of {id:?}: no webhook and no poll has named it"));
    } else {
        output::line(format!("nothing is known of {id:?}, but webhooks that could not be mapped name it:"));
    }
    for webhook in &unknown.quarantined {
        let kept = format!(
            "webhook {} from {}, verified by {}, is kept in quarantine: {}",
            webhook.id,
            webhook.source,
            webhook.verified_by,
            webhook.reason.as_deref().unwrap_or("no reason noted")
        );
        output::lines(wrap(&format!("  {}  ", moment(webhook.received_at)), &kept, SENTENCES - 4));
        let remedy = format!(
            "read it with `incident-bridge quarantine show {0}`; once the cause is fixed: \
             `incident-bridge quarantine replay {0}`",
            webhook.id
        );
        output::lines(wrap("  ", &remedy, STANDINGS));
    }
    if unknown.unread > 0 {
        let unread = unknown.unread;
        let waiting = count(unread, "webhook waits", "webhooks wait");
        output::line(format!("{waiting} to be read; if that stays, check that `serve` runs"));
    }
    if unknown.has_links {
        output::line("people have linked issues to it in Jira");
    }
}

fn receipt(webhook: &ReceiptRow) -> String {
    let by_tool = webhook.delivery_id.as_ref();
    let by_tool = by_tool.map_or_else(String::new, |id| format!(" (the tool's delivery {id})"));
    let again = repetitions(webhook);
    format!("webhook {}{by_tool} received, verified by {}{again}", webhook.id, webhook.verified_by)
}

/// How often a webhook was repeated.
pub(super) fn repetitions(webhook: &ReceiptRow) -> String {
    match webhook.duplicates {
        0 => String::new(),
        1 => "; it came once more, which was counted and not stored".to_owned(),
        n => format!("; it came {n} times more, which was counted and not stored"),
    }
}

/// What the type of a destination is called in sentences.
fn title(place: Option<&Place>) -> &'static str {
    let kind = place.and_then(|place| TYPES.iter().find(|kind| kind.name == place.type_name));
    kind.map_or("the destination", |kind| kind.title)
}

fn title_at(places: &[Place], name: &str) -> &'static str {
    title(places.iter().find(|place| place.name == name))
}

fn find_place<'a>(entry: &TimelineEntry, places: &'a [Place]) -> Option<&'a Place> {
    places.iter().find(|place| Some(&place.id) == entry.destination.as_ref())
}

/// `Jira at acme.atlassian.net`.
pub(super) fn name_place(entry: &TimelineEntry, places: &[Place]) -> String {
    let place = find_place(entry, places);
    place.map_or_else(|| title(place).to_owned(), |it| format!("{} at {}", title(place), it.name))
}

/// The sentence of an entry that is worth its details also where versions are not shown.
pub(super) fn without_version(entry: &TimelineEntry, places: &[Place]) -> String {
    let said = sentence(entry, places);
    match said.strip_prefix("version ").and_then(|rest| rest.split_once(' ')) {
        Some((_, rest)) => rest.to_owned(),
        None => said,
    }
}

fn sentence(entry: &TimelineEntry, places: &[Place]) -> String {
    let place = find_place(entry, places);
    let at = place.map_or_else(String::new, |place| format!(" at {}", place.name));
    let title = title(place);
    match &entry.event {
        TimelineEvent::Stored { cause, version, .. } => format!("stored as version {version} {}", by(cause)),
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

fn stand(standing: &StoryDelivery, title: &str, now: Timestamp, verbose: bool) -> String {
    let StoryDelivery { delivery, obstacle, .. } = standing;
    let reason = delivery.reason.as_deref().unwrap_or("no reason given");
    let (wanted, held) = if verbose {
        (format!("version {}", delivery.wanted), format!("version {}", delivery.acknowledged))
    } else {
        ("the last change".to_owned(), "an earlier state".to_owned())
    };
    match delivery.state {
        DeliveryState::Waiting => {
            let since = moment_and_age(Some(delivery.waiting_since), now);
            let holds = match delivery.acknowledged {
                0 => String::new(),
                _ => format!(" Until then {title} shows {held}."),
            };
            format!("{wanted} waits since {since}: {}.{holds}", hindrance(obstacle.as_ref(), title))
        }
        DeliveryState::Accepted => format!("{title} accepted {wanted}; it will be read back until it shows"),
        DeliveryState::Confirmed => format!("{title} holds {wanted}"),
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

fn tone(state: DeliveryState) -> Tone {
    match state {
        DeliveryState::Waiting => Tone::Warning,
        DeliveryState::Accepted => Tone::Plain,
        DeliveryState::Confirmed => Tone::Good,
        DeliveryState::Refused => Tone::Bad,
        DeliveryState::Discarded => Tone::Quiet,
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
        Some(Obstacle::Later { at, reason }) => {
            format!("{reason}. It is looked at again by itself at {}", format_timestamp(*at))
        }
        Some(Obstacle::Disabled) => {
            "the app is disabled on the site; an admin of it can enable it under Manage apps".to_owned()
        }
        None => "it is about to be sent; if it stays, check that `serve` runs with the role sync".to_owned(),
    }
}
