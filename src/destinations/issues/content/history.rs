//! What people wrote between the bridge's reading and its writing, so that the bridge covered it without seeing it.
//!
//! Jira has no edit that depends on what is there; only the history of a work item tells it afterwards. Pure.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::adf;
use super::body::IssueBody;
use super::edit::Written;
use super::field::Field;
use super::issue::Issue;
use super::screen::text_of;
use crate::domain::{Timestamp, parse_timestamp};

/// An edit that was not compared with the history yet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Unproven {
    /// The last change of the work item before it, as it was read, by Jira's clock.
    pub after: Option<Timestamp>,
    /// What it replaced.
    pub fields: BTreeSet<Field>,
}

impl Unproven {
    /// An edit with this body, after this was read; `None` if it replaces nothing.
    #[must_use]
    pub fn of(body: &IssueBody, held: &Issue) -> Option<Self> {
        let fields: BTreeSet<Field> = body.fields.keys().filter_map(|name| Field::find(name)).collect();
        (!fields.is_empty()).then(|| Self { after: held.updated(), fields })
    }

    /// What people wrote that the edit covered, by field, as a body gives it back. `held` was read later, with its
    /// history. A description comes back without its formatting: the history keeps only its text.
    #[must_use]
    pub fn find_covered(&self, held: &Issue, written: &Written) -> Map<String, Value> {
        let is_ours =
            |field: &&Field| held.digest(**field).is_some_and(|it| Some(&it) == written.of(**field));
        let covered = |field: &Field| {
            let changes = held.history().iter().filter_map(|entry| self.find_change(entry, *field));
            let mut changes: Vec<Change<'_>> = changes.collect();
            // Jira documents no order; those of one time stay as it tells them.
            changes.sort_by_key(|change| Reverse(change.at));
            // The newest change is ours. One before it, made since the work item was read, is not, unless an earlier
            // request of ours took effect that late.
            let [newest, before, ..] = changes.as_slice() else { return None };
            let value = value_before(newest.item, *field);
            (newest.author != before.author).then(|| (field.as_str().to_owned(), value))
        };
        self.fields.iter().filter(is_ours).filter_map(covered).collect()
    }

    /// The change of a field that an entry of the history tells, if it is later than what was read.
    fn find_change<'a>(&self, entry: &'a Value, field: Field) -> Option<Change<'a>> {
        let at = parse_timestamp(entry.get("created")?.as_str()?)?;
        let is_it = |item: &&Value| {
            let name = item.get("fieldId").or_else(|| item.get("field")).and_then(Value::as_str);
            name == Some(field.as_str())
        };
        let is_later = self.after.is_some_and(|after| at > after);
        let item = entry.get("items").filter(|_| is_later)?.as_array()?.iter().find(is_it)?;
        Some(Change { at, author: entry.pointer("/author/accountId"), item })
    }
}

/// A change of one field.
struct Change<'a> {
    at: Timestamp,
    author: Option<&'a Value>,
    item: &'a Value,
}

/// What a field held before a change.
fn value_before(change: &Value, field: Field) -> Value {
    let text = change.get("fromString").and_then(Value::as_str).unwrap_or_default();
    match field {
        Field::Priority => change.get("from").and_then(text_of).map_or(Value::Null, |id| json!({ "id": id })),
        Field::Description if text.is_empty() => Value::Null,
        Field::Description => adf::doc(vec![adf::paragraph(adf::lines(text))]),
        _ => json!(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: &str = "2026-04-03T09:12:00.000+0000";

    fn change(second: u32, field: &str, from: &str, to: &str) -> Value {
        json!({
            "created": format!("2026-04-03T11:12:{second:02}.500+0200"),
            "author": { "accountId": if to == "ours" { "bridge" } else { "ada" } },
            "items": [
                { "field": "labels", "fieldId": "labels" },
                { "field": field, "fieldId": field, "from": from, "fromString": from, "to": to, "toString": to },
            ],
        })
    }

    /// What was written is `ours`, or the priority 1.
    fn find(field: Field, shown: &Value, history: &[Value]) -> Map<String, Value> {
        let body = IssueBody {
            fields: Map::from_iter([(field.as_str().to_owned(), ours(field))]),
            ..IssueBody::default()
        };
        let issue = |fields: Value| Issue::read(&json!({ "id": "1", "fields": fields }));
        let before = issue(json!({ "updated": READ })).unwrap();
        let mut written = Written::default();
        written.apply(&body);
        let held = Issue::read(&json!({
            "id": "1", "fields": { field.as_str(): shown }, "changelog": { "histories": history },
        }));
        Unproven::of(&body, &before).unwrap().find_covered(&held.unwrap(), &written)
    }

    fn ours(field: Field) -> Value {
        match field {
            Field::Priority => json!({ "id": "1" }),
            Field::Description => adf::doc(vec![adf::paragraph(adf::lines("ours"))]),
            _ => json!("ours"),
        }
    }

    #[test]
    fn what_came_between_the_reading_and_the_writing_is_found() {
        let theirs = [
            (Field::Summary, json!("theirs")),
            (Field::Priority, json!({ "id": "theirs" })),
            (Field::Description, adf::doc(vec![adf::paragraph(adf::lines("theirs"))])),
        ];
        for (field, value) in theirs {
            let name = field.as_str();
            let mut history = [
                change(2, name, "theirs", "ours"),
                change(1, name, "before", "theirs"),
                change(0, "x", "", ""),
            ];
            let covered = Map::from_iter([(name.to_owned(), value)]);
            assert_eq!(find(field, &ours(field), &history), covered);
            history.reverse();
            assert_eq!(find(field, &ours(field), &history), covered, "whatever the order");
        }
    }

    #[test]
    fn what_was_read_and_what_people_wrote_afterwards_is_no_loss() {
        let (summary, ours) = (Field::Summary, json!("ours"));
        let alone = [change(1, "summary", "before", "ours")];
        assert_eq!(find(summary, &ours, &alone), Map::new());
        let earlier = json!({ "created": READ, "items": [{ "fieldId": "summary" }] });
        assert_eq!(find(summary, &ours, &[alone[0].clone(), earlier, json!({})]), Map::new());
        let later = [change(2, "summary", "ours", "theirs"), alone[0].clone()];
        assert_eq!(find(summary, &json!("theirs"), &later), Map::new());
        let other = [alone[0].clone(), change(0, "priority", "3", "4")];
        assert_eq!(find(summary, &ours, &other), Map::new());
        let late = [alone[0].clone(), change(0, "summary", "earlier", "ours")];
        assert_eq!(find(summary, &ours, &late), Map::new(), "a request of ours that took effect late");
    }

    #[test]
    fn an_edit_that_replaces_nothing_needs_no_proof() {
        let issue = Issue::read(&json!({ "id": "1", "fields": { "updated": READ } })).unwrap();
        assert_eq!(Unproven::of(&IssueBody::adding_labels(&["a".to_owned()]), &issue), None);
    }
}
