//! The story of `explain` in plain words: what it is, where it stands, what happened. Must not look anything up.

use super::sentences;
use crate::cli::layout::{ago, moment, wrap};
use crate::cli::output::{self, Tone};
use crate::domain::{Difference, Timestamp};
use crate::sync::{Cause, Facts, Place, ReceiptRow, Story, TimelineEntry, TimelineEvent};

/// Where the values of the head begin.
const VALUES: usize = 12;
/// Where sentences begin that have an instant before them.
const SENTENCES: usize = 24;

pub(super) fn print(story: &Story, places: &[Place], now: Timestamp, verbose: bool) {
    print_head(story, now);
    if verbose {
        let number =
            format!("version {} of {} from source {}", story.version, story.provider_id, story.source);
        print_value("ids", &number);
    }
    output::line("");
    output::toned(&[(Tone::Heading, "where it stands")]);
    sentences::print_standings(story, places, now, verbose);
    output::line("");
    output::toned(&[(Tone::Heading, "what happened")]);
    if verbose {
        return sentences::print_timeline(story, places);
    }
    let mut unsaid: Vec<&ReceiptRow> = story.webhooks.iter().collect();
    for entry in &story.timeline {
        let said = unsaid.iter().position(|webhook| entry.event.webhook() == Some(&webhook.id));
        let receipt = said.map(|nth| unsaid.remove(nth));
        let text = sentence(entry, receipt, places);
        output::lines(wrap(&format!("  {}  ", moment(entry.at)), &text, SENTENCES));
    }
    if story.timeline.is_empty() {
        output::line("  nothing that the history still holds; see retention.timeline");
    }
}

fn print_head(story: &Story, now: Timestamp) {
    let Some(facts) = &story.facts else {
        return output::line(format!("{} {}: deleted in the tool", story.kind, story.jira_id));
    };
    for line in wrap(&format!("{} {}: ", story.kind, story.jira_id), &facts.title, 4) {
        output::toned(&[(Tone::Heading, &line)]);
    }
    let Facts { status, severity, services, url, number, created_at, reviews, issues, .. } = facts;
    if let Some(status) = status {
        let severity = severity.map_or_else(String::new, |severity| format!(", {severity}"));
        print_value("status", &format!("{status}{severity}"));
    }
    if !services.is_empty() {
        print_value("service", &services.join(", "));
    }
    print_value("link", url);
    if let Some(at) = created_at {
        let number = number.as_ref().map_or_else(String::new, |number| format!(", number {number}"));
        print_value("opened", &format!("{} ({}){number}", moment(*at), ago(*at, now)));
    }
    if severity.is_some() {
        let reviews = reviews.iter().map(|it| format!("{}, {}, {}", it.title, it.status, it.url));
        print_values("reviews", reviews);
    }
    if status.is_some() {
        let issues = if issues.is_empty() { None } else { Some(issues.join(", ")) };
        print_values("issues", issues.into_iter());
    }
}

fn print_values(name: &str, values: impl Iterator<Item = String>) {
    let mut count = 0;
    for value in values {
        print_value(if count == 0 { name } else { "" }, &value);
        count += 1;
    }
    if count == 0 {
        print_value(name, "none");
    }
}

fn print_value(name: &str, value: &str) {
    output::lines(wrap(&format!("  {name:<8}  "), value, VALUES));
}

fn sentence(entry: &TimelineEntry, receipt: Option<&ReceiptRow>, places: &[Place]) -> String {
    match &entry.event {
        TimelineEvent::Stored { cause, changes, .. } => {
            format!("{} {}", tell_changes(changes), by(cause, receipt))
        }
        TimelineEvent::Deleted { cause, .. } => format!("deleted in the tool {}", by(cause, receipt)),
        TimelineEvent::Unchanged { cause } => format!("nothing new {}", by(cause, receipt)),
        TimelineEvent::Stale { cause, .. } => {
            format!("older than what is known, dropped {}", by(cause, receipt))
        }
        TimelineEvent::Accepted { .. } => format!("accepted by {}", sentences::name_place(entry, places)),
        TimelineEvent::Confirmed { .. } => {
            format!("read back from {}: confirmed", sentences::name_place(entry, places))
        }
        TimelineEvent::Refused { .. }
        | TimelineEvent::SentAgain { .. }
        | TimelineEvent::Associated { .. }
        | TimelineEvent::Disassociated { .. }
        | TimelineEvent::Other { .. } => sentences::without_version(entry, places),
    }
}

/// `reported: open, P2`, `open → resolved, title "A" → "B"`.
fn tell_changes(changes: &[Difference]) -> String {
    if changes.is_empty() {
        return "stored as a new version".to_owned();
    }
    let is_first = changes.iter().all(|change| change.from.is_none() && change.to.is_some());
    let told: Vec<String> = if is_first {
        let shown = changes.iter().filter(|change| change.field != "services");
        shown.filter_map(|change| change.to.as_ref().map(|to| quote(&change.field, to))).collect()
    } else {
        changes.iter().map(tell_change).collect()
    };
    format!("{}{}", if is_first { "reported: " } else { "" }, told.join(", "))
}

fn tell_change(Difference { field, from, to }: &Difference) -> String {
    let name = if matches!(field.as_str(), "status" | "severity") { "" } else { field.as_str() };
    let change = match (from, to) {
        (Some(from), Some(to)) => format!("{} → {}", quote(field, from), quote(field, to)),
        (None, Some(to)) => format!("now {}", quote(field, to)),
        (Some(_) | None, None) => "changed".to_owned(),
    };
    format!("{name} {change}").trim_start().to_owned()
}

/// What people wrote stands in quotation marks.
fn quote(field: &str, text: &str) -> String {
    if matches!(field, "title" | "name") { format!("\"{text}\"") } else { text.to_owned() }
}

fn by(cause: &Cause, receipt: Option<&ReceiptRow>) -> String {
    let again = receipt.map_or_else(String::new, sentences::repetitions);
    format!("({}{again})", cause.by)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(field: &str, from: Option<&str>, to: Option<&str>) -> Difference {
        let own = |text: Option<&str>| text.map(str::to_owned);
        Difference { field: field.to_owned(), from: own(from), to: own(to) }
    }

    #[test]
    fn what_changed_is_said_in_the_words_of_the_tool() {
        let first = [
            change("status", None, Some("open")),
            change("severity", None, Some("P2")),
            change("title", None, Some("Down")),
        ];
        assert_eq!(tell_changes(&first), "reported: open, P2, \"Down\"");
        let later = [
            change("status", Some("open"), Some("resolved")),
            change("severity", Some("P2"), Some("P1")),
            change("title", Some("Down"), Some("Up")),
            change("description", None, None),
            change("services", None, Some("S1")),
        ];
        assert_eq!(
            tell_changes(&later),
            "open → resolved, P2 → P1, title \"Down\" → \"Up\", description changed, services now S1"
        );
        assert_eq!(tell_changes(&[]), "stored as a new version");
    }
}
