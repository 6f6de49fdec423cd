//! What an edit sends, and what it leaves to people.

use serde_json::json;

use super::*;
use crate::destinations::issues::content::adf;
use crate::destinations::issues::content::create::tests::wanted;
use crate::destinations::issues::content::identity::tests::identity;
use crate::destinations::issues::content::screen::Named;

/// What the work item shows after everything wanted was written.
fn shown() -> Value {
    json!({
        "id": "10007", "key": "OPS-7",
        "fields": {
            "summary": wanted().summary, "description": wanted().description, "priority": { "id": "1" },
            "components": [{ "id": "10012" }], "labels": ["incident-bridge", "ib-1", "team-a"],
        },
    })
}

fn written() -> Written {
    let mut written = Written::default();
    let fields = json!({
        "summary": wanted().summary, "description": wanted().description, "priority": { "id": "1" },
        "components": [{ "id": "10012" }], "labels": wanted().labels,
    });
    written.apply(&IssueBody { fields: fields.as_object().unwrap().clone(), ..IssueBody::default() });
    written
}

fn other() -> Wanted {
    Wanted {
        summary: "Checkout latency above 4 s".to_owned(),
        description: adf::doc(vec![adf::paragraph(adf::lines("new"))]),
        priority: Some(Named { id: "2".to_owned(), name: "High".to_owned() }),
        components: BTreeSet::from(["10013".to_owned()]),
        labels: vec!["incident-bridge".to_owned(), "new".to_owned()],
    }
}

fn edited(wanted: &Wanted, held: &Value, refused: &[&str]) -> Edit {
    let refused = refused.iter().map(|field| (*field).to_owned()).collect();
    let scope = Scope { update: &BTreeSet::from(Field::ALL), refused: &refused };
    edit(scope, wanted, &written(), &Issue::read(held).unwrap(), &identity())
}

fn with(pointer: &str, value: Value) -> Value {
    let mut held = shown();
    *held.pointer_mut(pointer).unwrap() = value;
    held
}

#[test]
fn nothing_new_is_no_call() {
    assert_eq!(edited(&wanted(), &shown(), &[]).body, None);
}

#[test]
fn what_changed_is_sent_with_the_identity_and_nothing_else() {
    let body = edited(&other(), &shown(), &[]).body.unwrap();
    assert_eq!(
        serde_json::to_value(body).unwrap(),
        json!({
            "fields": {
                "summary": "Checkout latency above 4 s", "description": other().description, "priority": { "id": "2" },
            },
            "update": {
                "components": [{ "add": { "id": "10013" } }, { "remove": { "id": "10012" } }],
                "labels": [{ "add": "new" }],
            },
            "properties": [{ "key": "incident-bridge", "value": identity().to_value() }],
        })
    );
    let only = Wanted { summary: other().summary, ..wanted() };
    let body = edited(&only, &shown(), &[]).body.unwrap();
    assert_eq!((body.fields.len(), body.update.len()), (1, 0));
}

#[test]
fn what_people_changed_is_left_alone() {
    for (pointer, value, field) in [
        ("/fields/summary", json!("Ours now"), Field::Summary),
        ("/fields/description", json!({ "type": "doc", "content": [] }), Field::Description),
        ("/fields/description", Value::Null, Field::Description),
        ("/fields/priority", json!({ "id": "5" }), Field::Priority),
        ("/fields/priority", Value::Null, Field::Priority),
    ] {
        let edit = edited(&other(), &with(pointer, value.clone()), &[]);
        assert_eq!(edit.respected, [field]);
        assert!(!edit.body.unwrap().fields.contains_key(field.as_str()));
        let unchanged = edited(&wanted(), &with(pointer, value), &[]);
        assert_eq!((unchanged.body, unchanged.respected), (None, vec![field]), "the tool changed nothing");
    }
}

#[test]
fn what_people_changed_into_what_the_tool_says_needs_nothing() {
    let edit = edited(&other(), &with("/fields/summary", json!(other().summary)), &[]);
    assert!(!edit.body.unwrap().fields.contains_key("summary"));
    assert_eq!(edit.respected, []);
}

#[test]
fn labels_and_components_of_people_stay_and_ours_are_not_put_back() {
    let held = with("/fields/labels", json!(["theirs"]));
    let body = edited(&other(), &held, &[]).body.unwrap();
    assert_eq!(body.update["labels"], json!([{ "add": "new" }]));
    let held = with("/fields/components", json!([{ "id": "9" }]));
    assert_eq!(edited(&wanted(), &held, &[]).body, None, "people took ours away");
    let body = edited(&other(), &held, &[]).body.unwrap();
    assert_eq!(body.update["components"], json!([{ "add": { "id": "10013" } }]));
}

#[test]
fn a_component_that_people_put_there_first_is_not_ours() {
    let held = with("/fields/components", json!([{ "id": "10012" }, { "id": "10013" }]));
    let mut edit = edited(&other(), &held, &[]);
    edit.written.apply(&edit.body.unwrap());
    assert_eq!(edit.written.components, BTreeSet::new());
}

#[test]
fn what_was_never_written_is_never_overwritten() {
    let scope = Scope { update: &BTreeSet::from(Field::ALL), refused: &BTreeSet::new() };
    let edit = edit(scope, &other(), &Written::default(), &Issue::read(&shown()).unwrap(), &identity());
    assert!(edit.body.unwrap().fields.is_empty());
    assert_eq!(edit.respected, [Field::Summary, Field::Description, Field::Priority]);
}

#[test]
fn a_priority_that_jira_chose_may_be_changed_until_people_change_it() {
    let mut written = Written { priority: None, ..written() };
    written.note_defaults(&Issue::read(&with("/fields/priority", json!({ "id": "3" }))).unwrap());
    assert_eq!(written.priority.as_deref(), Some("3"));
    written.note_defaults(&Issue::read(&shown()).unwrap());
    assert_eq!(written.priority.as_deref(), Some("3"), "only the first time");
}

#[test]
fn a_priority_is_written_where_there_was_none() {
    let (shown, written) = (with("/fields/priority", json!(null)), Written { priority: None, ..written() });
    let scope = Scope { update: &BTreeSet::from(Field::ALL), refused: &BTreeSet::new() };
    let edit = edit(scope, &other(), &written, &Issue::read(&shown).unwrap(), &identity());
    assert_eq!(edit.body.unwrap().fields["priority"], json!({ "id": "2" }));
    assert_eq!(edit.respected, []);
}

#[test]
fn an_unknown_level_leaves_the_priority() {
    let edit = edited(&Wanted { priority: None, ..wanted() }, &shown(), &[]);
    assert_eq!((edit.body, edit.respected), (None, vec![]));
}

#[test]
fn fields_that_jira_refused_or_the_operator_keeps_are_not_sent() {
    let body = edited(&other(), &shown(), &["priority", "components", "labels"]).body.unwrap();
    assert_eq!((body.fields.len(), body.update.len()), (2, 0));
    let scope = Scope { update: &BTreeSet::from([Field::Priority]), refused: &BTreeSet::new() };
    let edit = edit(scope, &other(), &written(), &Issue::read(&shown()).unwrap(), &identity());
    assert_eq!(edit.body.unwrap().fields.keys().collect::<Vec<_>>(), ["priority"]);
}

#[test]
fn what_a_body_wrote_is_told_from_what_people_write() {
    let Edit { body, mut written, .. } = edited(&other(), &shown(), &[]);
    written.apply(&body.unwrap());
    assert_eq!(written.summary, Some(text_digest(&other().summary)));
    assert_eq!(written.priority.as_deref(), Some("2"));
    assert_eq!(written.components, other().components);
    assert!(written.labels.contains("new") && written.labels.contains("ib-1"));
    let stored = serde_json::to_string(&written).unwrap();
    assert_eq!(serde_json::from_str::<Written>(&stored).unwrap(), written);
    assert_eq!(serde_json::from_str::<Written>("{}").unwrap(), Written::default());
}

#[test]
fn every_field_has_one_name() {
    for field in Field::ALL {
        assert_eq!(Field::find(field.as_str()), Some(field));
    }
    assert_eq!(Field::find("assignee"), None);
}

#[test]
fn what_a_lost_answer_has_written_is_ours_as_far_as_it_shows() {
    let mut pending = written();
    pending.apply(&edited(&other(), &shown(), &[]).body.unwrap());
    let mut held = shown();
    held["fields"]["summary"] = json!(other().summary);
    held["fields"]["components"] = json!([{ "id": "10013" }]);
    let held = Issue::read(&held).unwrap();
    let mut ours = written();
    ours.take_over(&pending, &held);
    assert_eq!(ours.summary, pending.summary, "it was written");
    assert_eq!(ours.description, written().description, "it was not");
    assert_eq!(ours.components, BTreeSet::from(["10013".to_owned()]));
    let mut theirs = written();
    theirs.take_over(&pending, &Issue::read(&with("/fields/summary", json!("Theirs"))).unwrap());
    assert_eq!(theirs, written(), "a person was faster");
}
