//! What is remembered of an incident's work item, in sentences for `explain`.
//!
//! Pure. Must not ask Jira: it says what was known last.

use serde_json::{Map, Value};

use super::life::note_of;
use super::options::find_browse_url;
use super::record::{FoundBy, Record, Standing, State};
use crate::destinations::{Remembers, Told};
use crate::domain::{EntityId, EntityKind, Timestamp};

/// The row of the table of types.
pub const REMEMBERS: Remembers = Remembers { name, tell };

fn name(kind: EntityKind, id: &EntityId) -> Option<String> {
    (kind == EntityKind::Incident).then(|| note_of(id))
}

/// `options` are the keys of the destination; empty if the configuration no longer has it.
fn tell(options: &Map<String, Value>, value: &Value) -> Option<Told> {
    let record: Record = serde_json::from_value(value.clone()).ok()?;
    let key = record.issue.as_ref().map(|issue| issue.key.clone());
    let link = key.as_deref().and_then(|key| find_browse_url(options, key));
    let mut sentences = vec![tell_state(&record, link.as_deref())];
    if record.state == State::Linked {
        sentences.extend(tell_status(&record));
        sentences.extend(tell_fields(&record));
        sentences.extend(tell_links(&record));
    }
    Some(Told { key, link, state: record.state.as_str().to_owned(), sentences })
}

fn tell_state(record: &Record, link: Option<&str>) -> String {
    let key = record.issue.as_ref().map_or("", |issue| issue.key.as_str());
    let why = record.creation.why.as_deref().unwrap_or("no reason is known");
    let attempts = record.creation.attempts;
    match record.state {
        State::Absent | State::Creating => {
            let none = record.remarks.none.as_deref().or(record.creation.why.as_deref());
            format!("no work item yet{}", none.map_or_else(String::new, |why| format!(": {why}")))
        }
        State::Sending => {
            format!(
                "the request for a work item (attempt {attempts}) has left, and its answer is not known yet"
            )
        }
        State::Uncertain => format!(
            "it is not known whether there is a work item: the answer to attempt {attempts} was lost ({why}); it is \
             looked for by its key and its label before another one is made"
        ),
        State::Refused => format!("Jira refuses to make a work item: {why}"),
        State::Gone => format!("its work item was {key}; people deleted it, or hid it"),
        State::Linked => {
            let link = link.map_or_else(String::new, |link| format!(", {link}"));
            format!("its work item is {key}{link}; {}", tell_origin(record))
        }
    }
}

fn tell_origin(record: &Record) -> &'static str {
    match record.found_by {
        Some(FoundBy::Answer) | None => "the bridge made it",
        Some(FoundBy::KeyWalk) => "the answer to its creation was lost, and it was found by its key",
        Some(FoundBy::Label) => "the answer to its creation was lost, and it was found by its label",
        Some(FoundBy::Sweep) => "it was found among everything that the bridge has made",
        Some(FoundBy::MadeAgain) => {
            "the answer to its first creation was lost and nothing was found, so it was made again"
        }
    }
}

fn tell_status(record: &Record) -> Vec<String> {
    let word = match record.said.standing {
        Some(Standing::Open) => "open",
        Some(Standing::Acknowledged) => "acknowledged",
        Some(Standing::Resolved) => "resolved",
        None => return Vec::new(),
    };
    let since = record.said.resolved_at.map_or_else(String::new, |at| format!(" since {}", moment(at)));
    let remarks = &record.remarks;
    let how = remarks.status.as_ref().map_or_else(String::new, |how| format!("; {how}"));
    let mut told = vec![format!("its status follows an incident that is {word}{since}{how}")];
    told.extend(remarks.no_way.as_ref().map(|why| format!("its status could not follow: {why}")));
    told
}

fn tell_fields(record: &Record) -> Vec<String> {
    let (remarks, mut told) = (&record.remarks, Vec::new());
    told.extend(remarks.priority.as_ref().map(|name| format!("the level stands for the priority {name}")));
    for (field, at) in &remarks.theirs {
        told.push(format!("{field}: people have changed it, so it is theirs; noticed at {}", moment(*at)));
    }
    for field in &remarks.left_out {
        told.push(format!("{field}: left out, because the screen lacks it or Jira refuses it"));
    }
    if record.is_plain {
        told.push("description: without formatting, because Jira refused it with its formatting".to_owned());
    }
    if remarks.shortened > 0 {
        told.push(format!("description: {} of its parts had no room", remarks.shortened));
    }
    if !remarks.unmatched.is_empty() {
        let names = remarks.unmatched.join(", ");
        told.push(format!("components: the project has none called {names}; the description names them"));
    }
    if record.conflicts > 0 {
        told.push(format!("{} writes in a row met somebody else's or found nothing", record.conflicts));
    }
    told
}

fn tell_links(record: &Record) -> Vec<String> {
    let mut told = Vec::new();
    told.extend(record.remarks.no_links.as_ref().map(|why| format!("links could not be made: {why}")));
    let (sent, waiting): (Vec<_>, Vec<_>) = record.reviews.values().partition(|review| review.sent);
    for (reviews, what) in [(sent, "linked"), (waiting, "not linked yet")] {
        if !reviews.is_empty() {
            told.push(format!("post-incident reviews {what}: {}", reviews.len()));
        }
    }
    if !record.remarks.doubles.is_empty() {
        let keys: Vec<&str> = record.remarks.doubles.iter().map(String::as_str).collect();
        told.push(format!("marked as duplicates of it: {}", keys.join(", ")));
    }
    if record.is_withdrawn {
        told.push("the tool no longer has the incident".to_owned());
    }
    told
}

fn moment(at: Timestamp) -> String {
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::clock::from_millis;
    use crate::destinations::issues::content::field::Field;
    use crate::destinations::issues::record::IssueRef;

    fn told(record: &Record) -> Told {
        let options = json!({ "site": "acme" });
        tell(options.as_object().unwrap(), &serde_json::to_value(record).unwrap()).unwrap()
    }

    fn linked() -> Record {
        let mut record = Record::default();
        record.link(IssueRef { id: "10007".to_owned(), key: "OPS-7".to_owned() }, FoundBy::KeyWalk);
        record
    }

    #[test]
    fn every_state_is_told() {
        for (state, part) in [
            (State::Absent, "no work item yet"),
            (State::Sending, "attempt 2"),
            (State::Uncertain, "the answer to attempt 2 was lost (cut)"),
            (State::Refused, "refuses to make a work item: cut"),
            (State::Gone, "OPS-7; people deleted it"),
            (State::Linked, "its work item is OPS-7, https://acme.atlassian.net/browse/OPS-7; the answer"),
        ] {
            let mut record = Record { state, ..linked() };
            record.creation.attempts = 2;
            record.creation.why = Some("cut".to_owned());
            let told = told(&record);
            assert!(told.sentences[0].contains(part), "{told:?}");
            assert_eq!(told.state, state.as_str());
        }
    }

    #[test]
    fn whose_a_field_is_and_since_when_and_what_is_missing_is_told() {
        let mut record = linked();
        let remarks = &mut record.remarks;
        remarks.note_theirs(&[Field::Summary], from_millis(1_789_374_067_000));
        remarks.note_theirs(&[Field::Summary, Field::Priority], from_millis(1_789_374_099_000));
        remarks.left_out.insert("labels".to_owned());
        remarks.unmatched = vec!["Checkout".to_owned()];
        remarks.no_way = Some("Jira offers no transition".to_owned());
        record.said.standing = Some(Standing::Resolved);
        let told = told(&record).sentences.join("\n");
        for part in [
            "summary: people have changed it, so it is theirs; noticed at 2026-09-14T08:21:07Z",
            "priority: people have changed it, so it is theirs; noticed at 2026-09-14T08:21:39Z",
            "labels: left out",
            "none called Checkout",
            "could not follow: Jira offers no transition",
        ] {
            assert!(told.contains(part), "{told}");
        }
    }

    #[test]
    fn only_incidents_are_remembered_so_and_what_is_no_record_is_not_told() {
        let id = EntityId::from_text("pd:Q1".to_owned());
        assert_eq!(name(EntityKind::Incident, &id).as_deref(), Some("incident/pd:Q1"));
        assert_eq!(name(EntityKind::Review, &id), None);
        assert_eq!(tell(&Map::new(), &json!({ "state": "new" })), None);
    }
}
