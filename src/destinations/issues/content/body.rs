//! The body by which a work item is created or edited.
//!
//! Must never name a field in both `fields` and `update`.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::identity::{Identity, PROPERTY};

/// Fields without which there is no work item: they are never left out.
const NEEDED: [&str; 3] = ["project", "issuetype", "summary"];

/// `IssueUpdateDetails`, as far as it is used.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct IssueBody {
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub fields: Map<String, Value>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub update: Map<String, Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub properties: Vec<Value>,
}

/// A body that may be sent in place of a refused one.
#[derive(Debug, Clone, PartialEq)]
pub struct Repaired {
    pub body: IssueBody,
    /// The fields that it lacks now.
    pub dropped: Vec<String>,
    /// Whether its description is plain now.
    pub is_plain: bool,
}

impl IssueBody {
    /// One that carries nothing but the identity.
    #[must_use]
    pub fn of(identity: &Identity) -> Self {
        let properties = vec![json!({ "key": PROPERTY, "value": identity.to_value() })];
        Self { properties, ..Self::default() }
    }

    /// Adds labels and nothing else: a list that is set would take people's labels away.
    #[must_use]
    pub fn adding_labels(labels: &[String]) -> Self {
        let mut body = Self::default();
        body.add_labels(labels);
        body
    }

    pub(super) fn add_labels(&mut self, labels: &[String]) {
        if !labels.is_empty() {
            let add = labels.iter().map(|label| json!({ "add": label })).collect();
            self.update.insert("labels".to_owned(), Value::Array(add));
        }
    }

    /// Whether it changes any field.
    #[must_use]
    pub fn has_fields(&self) -> bool {
        !self.fields.is_empty() || !self.update.is_empty()
    }

    /// What to send after a 400 that names these fields: a description is made `plain` first and dropped if it is plain
    /// already, other optional fields are dropped. `None` if Jira named nothing that can be spared.
    #[must_use]
    pub fn repair(&self, refused: &BTreeSet<String>, plain: &Value) -> Option<Repaired> {
        if refused.iter().any(|field| NEEDED.contains(&field.as_str())) {
            return None;
        }
        let mut repaired = Repaired { body: self.clone(), dropped: Vec::new(), is_plain: false };
        for field in refused {
            let body = &mut repaired.body;
            if field == "description" && body.fields.get(field).is_some_and(|sent| sent != plain) {
                body.fields.insert(field.clone(), plain.clone());
                repaired.is_plain = true;
            } else if body.fields.remove(field).is_some() || body.update.remove(field).is_some() {
                repaired.dropped.push(field.clone());
            }
        }
        (repaired.body != *self).then_some(repaired)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::destinations::issues::content::adf;

    fn sent() -> IssueBody {
        let fields =
            json!({ "summary": "s", "description": adf::doc(vec![adf::rule()]), "priority": { "id": "1" } });
        let update = json!({ "components": [{ "add": { "id": "2" } }] });
        let map = |value: Value| value.as_object().unwrap().clone();
        IssueBody { fields: map(fields), update: map(update), properties: vec![] }
    }

    fn named(fields: &[&str]) -> BTreeSet<String> {
        fields.iter().map(|field| (*field).to_owned()).collect()
    }

    #[test]
    fn an_optional_field_that_jira_refuses_is_dropped_from_wherever_it_stands() {
        let repaired =
            sent().repair(&named(&["priority", "components", "labels"]), &adf::doc(vec![])).unwrap();
        assert_eq!(repaired.dropped, ["components", "priority"]);
        assert_eq!(repaired.body.fields.len(), 2);
        assert!(repaired.body.update.is_empty() && !repaired.is_plain);
    }

    #[test]
    fn a_description_is_first_made_plain_and_then_dropped() {
        let plain = adf::doc(vec![adf::paragraph(adf::lines("a"))]);
        let once = sent().repair(&named(&["description"]), &plain).unwrap();
        assert_eq!((once.body.fields["description"].clone(), once.is_plain), (plain.clone(), true));
        let twice = once.body.repair(&named(&["description"]), &plain).unwrap();
        assert_eq!(twice.dropped, ["description"]);
        assert_eq!(twice.body.repair(&named(&["description"]), &plain), None);
    }

    #[test]
    fn what_a_work_item_needs_is_never_dropped() {
        for needed in NEEDED {
            assert_eq!(sent().repair(&named(&[needed, "priority"]), &adf::doc(vec![])), None);
        }
        assert_eq!(sent().repair(&named(&["assignee"]), &adf::doc(vec![])), None);
        assert_eq!(sent().repair(&BTreeSet::new(), &adf::doc(vec![])), None);
    }

    #[test]
    fn an_empty_member_is_not_sent() {
        let body = IssueBody::adding_labels(&["a".to_owned()]);
        assert_eq!(serde_json::to_value(body).unwrap(), json!({ "update": { "labels": [{ "add": "a" }] } }));
        assert_eq!(serde_json::to_value(IssueBody::adding_labels(&[])).unwrap(), json!({}));
    }
}
