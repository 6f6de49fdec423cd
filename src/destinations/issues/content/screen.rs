//! Fields of a create or transition screen, and the named values that they allow.
//!
//! Must read leniently: what a site adds to these objects must not matter.

use std::collections::BTreeMap;

use serde_json::Value;

/// Something of Jira with an id and a name, such as a priority or a component. The id is empty where Jira gives none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    pub id: String,
    pub name: String,
}

impl Named {
    /// `None` if it has neither id nor name.
    #[must_use]
    pub fn read(value: &Value) -> Option<Self> {
        let id = value.get("id").and_then(text_of).unwrap_or_default();
        let name = ["name", "value"].iter().find_map(|key| value.get(key)?.as_str()).unwrap_or_default();
        (!id.is_empty() || !name.is_empty()).then(|| Self { id, name: name.to_owned() })
    }

    /// Whether a person who writes this text means this value: by name, whatever the case, or by id.
    #[must_use]
    pub fn is_called(&self, text: &str) -> bool {
        is_same_name(&self.name, text) || self.id == text.trim()
    }
}

/// One field of a screen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScreenField {
    /// What people call it; empty if Jira does not say.
    pub name: String,
    pub required: bool,
    /// Jira fills it in by itself.
    pub has_default: bool,
    pub allowed: Vec<Named>,
}

impl ScreenField {
    #[must_use]
    pub fn read(value: &Value) -> Self {
        let flag = |key| value.get(key).and_then(Value::as_bool).unwrap_or(false);
        let allowed = value.get("allowedValues").and_then(Value::as_array).into_iter().flatten();
        Self {
            name: value.get("name").and_then(Value::as_str).unwrap_or_default().to_owned(),
            required: flag("required"),
            has_default: flag("hasDefaultValue"),
            allowed: allowed.filter_map(Named::read).collect(),
        }
    }
}

/// The create screen of one issue type in one project, by the id of each field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CreateScreen {
    pub fields: BTreeMap<String, ScreenField>,
}

impl CreateScreen {
    /// The fields of one page of the create screen, added to those before.
    pub fn add(&mut self, fields: &[Value]) {
        for field in fields {
            let id = ["fieldId", "key"].iter().find_map(|key| field.get(key)?.as_str());
            if let Some(id) = id {
                self.fields.insert(id.to_owned(), ScreenField::read(field));
            }
        }
    }

    #[must_use]
    pub fn has(&self, field: &str) -> bool {
        self.fields.contains_key(field)
    }

    /// The values that the screen offers for a field; `None` if the field is not on it.
    #[must_use]
    pub fn allowed(&self, field: &str) -> Option<&[Named]> {
        self.fields.get(field).map(|field| field.allowed.as_slice())
    }

    /// The id of the field that an operator means by its id or by its name.
    #[must_use]
    pub fn find_field(&self, called: &str) -> Option<&str> {
        let by_id = self.fields.keys().find(|id| *id == called);
        let by_name = || self.fields.iter().find(|(_, field)| is_same_name(&field.name, called));
        by_id.or_else(|| by_name().map(|(id, _)| id)).map(String::as_str)
    }
}

/// Whether two names differ in case and in blanks around them only.
#[must_use]
pub fn is_same_name(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

/// Ids are texts in most answers and numbers in some.
pub(in crate::destinations::issues) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_screen_is_read_whatever_else_stands_in_it() {
        let mut screen = CreateScreen::default();
        screen.add(&[
            json!({ "fieldId": "priority", "key": "priority", "name": "Priority", "required": false,
                    "hasDefaultValue": true, "new": 1, "operations": ["set"], "schema": { "type": "priority" },
                    "allowedValues": [{ "id": "1", "name": "Highest" }, { "id": 2, "value": "Two" }, 7, {}] }),
            json!({ "key": "customfield_10010", "name": "Team Name", "required": true }),
            json!({ "name": "no id" }),
        ]);
        let named = |id: &str, name: &str| Named { id: id.to_owned(), name: name.to_owned() };
        assert_eq!(screen.allowed("priority").unwrap(), [named("1", "Highest"), named("2", "Two")]);
        assert_eq!(screen.allowed("labels"), None);
        assert!(screen.fields["priority"].has_default && screen.fields["customfield_10010"].required);
        assert_eq!(screen.find_field(" team name"), Some("customfield_10010"));
        assert_eq!(screen.find_field("priority"), Some("priority"));
        assert_eq!(screen.find_field("x"), None);
        assert!(screen.has("priority") && !screen.has("x"));
    }

    #[test]
    fn a_value_is_meant_by_its_name_in_any_case_or_by_its_id() {
        let value = Named { id: "3".to_owned(), name: "Hoch".to_owned() };
        for text in ["hoch", " HOCH ", "3"] {
            assert!(value.is_called(text), "{text}");
        }
        assert!(!value.is_called("Hohe"));
    }
}
