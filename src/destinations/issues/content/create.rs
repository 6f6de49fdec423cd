//! The body that creates a work item.
//!
//! Must send only what the create screen lists: anything else makes Jira refuse the whole work item.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::body::IssueBody;
use super::identity::Identity;
use super::screen::{CreateScreen, Named};

/// Fields that are sent whatever the screen lists.
const ALWAYS: [&str; 3] = ["project", "issuetype", "summary"];

/// Filled by Jira with the account that asks.
const REPORTER: &str = "reporter";

/// What the fields of a work item should show.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    pub summary: String,
    pub description: Value,
    /// `None` for whatever the project takes by default.
    pub priority: Option<Named>,
    /// Ids.
    pub components: BTreeSet<String>,
    pub labels: Vec<String>,
}

/// Where a work item is created.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Key.
    pub project: &'a str,
    /// Id.
    pub issue_type: &'a str,
    pub screen: &'a CreateScreen,
    /// Fields that Jira has refused in this project.
    pub refused: &'a BTreeSet<String>,
    /// The operator's values, by the id or name of the field.
    pub custom: &'a Map<String, Value>,
}

/// A body, and what it lacks.
#[derive(Debug, Clone, PartialEq)]
pub struct Creation {
    pub body: IssueBody,
    /// Fields with a value for which the screen has no place, or which Jira has refused.
    pub left_out: Vec<String>,
    /// Names of fields that the screen requires and that nothing fills: Jira will refuse the work item.
    pub missing: Vec<String>,
}

/// The work item of an incident.
#[must_use]
pub fn create(place: Place<'_>, wanted: &Wanted, identity: &Identity) -> Creation {
    let mut creation = Creation { body: IssueBody::of(identity), left_out: Vec::new(), missing: Vec::new() };
    let fields = &mut creation.body.fields;
    fields.insert("project".to_owned(), json!({ "key": place.project }));
    fields.insert("issuetype".to_owned(), json!({ "id": place.issue_type }));
    fields.insert("summary".to_owned(), json!(wanted.summary));
    let id = |id: &String| json!({ "id": id });
    let ours = [
        ("description", Some(wanted.description.clone())),
        ("labels", Some(json!(wanted.labels)).filter(|_| !wanted.labels.is_empty())),
        ("priority", wanted.priority.as_ref().map(|priority| id(&priority.id))),
        (
            "components",
            Some(wanted.components.iter().map(id).collect()).filter(|_| !wanted.components.is_empty()),
        ),
    ];
    let ours = ours.into_iter().filter_map(|(field, value)| Some((field, value?)));
    let custom = place.custom.iter().map(|(called, value)| (called.as_str(), value.clone()));
    for (called, value) in ours.chain(custom) {
        match place.screen.find_field(called).filter(|field| !place.refused.contains(*field)) {
            Some(field) => {
                fields.insert(field.to_owned(), value);
            }
            None => creation.left_out.push(called.to_owned()),
        }
    }
    creation.missing = find_missing(place.screen, fields);
    creation
}

fn find_missing(screen: &CreateScreen, filled: &Map<String, Value>) -> Vec<String> {
    let lacks = |id: &str| !ALWAYS.contains(&id) && id != REPORTER && !filled.contains_key(id);
    let required =
        screen.fields.iter().filter(|(id, field)| field.required && !field.has_default && lacks(id));
    required.map(|(id, field)| if field.name.is_empty() { id } else { &field.name }).cloned().collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::destinations::issues::content::adf;
    use crate::destinations::issues::content::identity::tests::identity;

    pub fn wanted() -> Wanted {
        Wanted {
            summary: "Checkout latency above 2 s".to_owned(),
            description: adf::doc(vec![adf::rule()]),
            priority: Some(Named { id: "1".to_owned(), name: "Highest".to_owned() }),
            components: BTreeSet::from(["10012".to_owned()]),
            labels: vec!["incident-bridge".to_owned(), "ib-1".to_owned()],
        }
    }

    fn screen(fields: &[(&str, bool)]) -> CreateScreen {
        let mut screen = CreateScreen::default();
        for (field, required) in fields {
            screen.add(&[json!({ "fieldId": field, "name": format!("The {field}"), "required": required })]);
        }
        screen
    }

    fn made(screen: &CreateScreen, refused: &[&str], custom: &Value) -> Creation {
        let place = Place {
            project: "OPS",
            issue_type: "10005",
            screen,
            refused: &refused.iter().map(|field| (*field).to_owned()).collect(),
            custom: custom.as_object().unwrap(),
        };
        create(place, &wanted(), &identity())
    }

    #[test]
    fn everything_that_the_screen_lists_is_sent_with_the_identity() {
        let screen = screen(&[
            ("summary", true),
            ("description", false),
            ("labels", false),
            ("priority", false),
            ("components", false),
            ("customfield_1", true),
        ]);
        let creation = made(&screen, &[], &json!({ "the customfield_1": { "value": "Blue" } }));
        assert_eq!(
            serde_json::to_value(&creation.body).unwrap(),
            json!({
                "fields": {
                    "project": { "key": "OPS" }, "issuetype": { "id": "10005" },
                    "summary": "Checkout latency above 2 s",
                    "description": wanted().description,
                    "labels": ["incident-bridge", "ib-1"],
                    "priority": { "id": "1" },
                    "components": [{ "id": "10012" }],
                    "customfield_1": { "value": "Blue" },
                },
                "properties": [{ "key": "incident-bridge", "value": identity().to_value() }],
            })
        );
        assert_eq!((creation.left_out.len(), creation.missing.len()), (0, 0));
    }

    #[test]
    fn what_the_screen_lacks_or_jira_refused_is_left_out() {
        let creation =
            made(&screen(&[("description", false), ("priority", false)]), &["priority"], &json!({ "x": 1 }));
        assert_eq!(creation.left_out, ["labels", "priority", "components", "x"]);
        let sent: Vec<&String> = creation.body.fields.keys().collect();
        assert_eq!(sent.len(), 4, "{sent:?}");
    }

    #[test]
    fn what_is_required_and_not_filled_is_named() {
        let mut screen =
            screen(&[("customfield_1", true), ("reporter", true), ("project", true), ("labels", true)]);
        screen.add(&[json!({ "fieldId": "customfield_2", "required": true, "hasDefaultValue": true })]);
        screen.add(&[json!({ "fieldId": "customfield_3", "required": true })]);
        assert_eq!(made(&screen, &[], &json!({})).missing, ["The customfield_1", "customfield_3"]);
        assert_eq!(made(&screen, &[], &json!({ "customfield_3": 1 })).missing, ["The customfield_1"]);
    }

    #[test]
    fn nothing_empty_is_sent() {
        let all =
            screen(&[("labels", false), ("priority", false), ("components", false), ("description", false)]);
        let bare = Wanted { priority: None, components: BTreeSet::new(), labels: vec![], ..wanted() };
        let place = Place {
            project: "OPS",
            issue_type: "1",
            screen: &all,
            refused: &BTreeSet::new(),
            custom: &Map::new(),
        };
        let creation = create(place, &bare, &identity());
        assert_eq!(creation.body.fields.len(), 4);
        assert!(creation.left_out.is_empty());
    }
}
