//! Editing fields, and moving an issue through its workflow.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::super::exchange::Answer;
use super::adf;
use super::permissions::Permission;
use super::project::{IssueType, Project};
use super::refusal::{self, FieldErrors, not_on_screen};
use super::rest::Desk;
use super::state::Settings;

/// Most characters of a description or a comment, as UTF-16 units of its JSON or its text.
pub(super) const MOST_TEXT: usize = 32_767;

/// What somebody wants to change, and where.
pub(super) struct Edits<'a> {
    pub fields: &'a Map<String, Value>,
    pub update: &'a Value,
    /// Fields that the screen has.
    pub screen: Vec<&'a str>,
    pub project: &'a Project,
}

impl Edits<'_> {
    /// The new values of fields, and what is wrong with others.
    pub fn apply(
        &self,
        current: &Map<String, Value>,
        settings: Settings,
    ) -> (Map<String, Value>, FieldErrors) {
        let (mut changed, mut errors) = (Map::new(), FieldErrors::new());
        let updates = self.update.as_object().cloned().unwrap_or_default();
        for (name, value) in self.fields {
            let outcome = if updates.contains_key(name) {
                Err("Field stands in both fields and update.".to_owned())
            } else {
                self.check(name, value, settings)
            };
            keep(name, outcome, &mut changed, &mut errors);
        }
        for (name, operations) in &updates {
            let outcome = self.update(name, operations, current.get(name), settings);
            keep(name, outcome, &mut changed, &mut errors);
        }
        (changed, errors)
    }

    fn check(&self, name: &str, value: &Value, settings: Settings) -> Result<Value, String> {
        if !self.screen.contains(&name) {
            return Err(not_on_screen(name));
        }
        match name {
            "summary" => check_summary(value),
            "description" => check_document(value, settings).map(|()| value.clone()),
            "labels" => check_labels(value),
            "priority" => self.resolve(name, value),
            "components" => {
                let items = value.as_array().ok_or("data was not an array")?;
                items.iter().map(|item| self.resolve(name, item)).collect()
            }
            _ => Ok(value.clone()),
        }
    }

    /// The id and the name of what a reference means.
    fn resolve(&self, field: &str, value: &Value) -> Result<Value, String> {
        let values = self.project.allowed_values(field).unwrap_or_default();
        let is = |it: &&Value| {
            (value["id"].is_string() && it["id"] == value["id"])
                || (value["name"].is_string() && it["name"] == value["name"])
        };
        values.iter().find(is).cloned().ok_or_else(|| format!("The value for {field} is not valid."))
    }

    fn update(
        &self,
        name: &str,
        operations: &Value,
        current: Option<&Value>,
        settings: Settings,
    ) -> Result<Value, String> {
        let mut value = current.cloned().unwrap_or(Value::Null);
        for operation in operations.as_array().ok_or("update: no list")? {
            let (verb, operand) =
                operation.as_object().and_then(|it| it.iter().next()).ok_or("update: no operation")?;
            if verb == "set" {
                value = self.check(name, operand, settings)?;
                continue;
            }
            let one = self.check(name, &json!([operand]), settings)?;
            let one = one.get(0).cloned().unwrap_or_default();
            let mut items = value.as_array().cloned().unwrap_or_default();
            items.retain(|it| *it != one);
            match verb.as_str() {
                "add" => items.push(one),
                "remove" => {}
                _ => return Err(format!("The operation '{verb}' is not supported.")),
            }
            value = items.into();
        }
        Ok(value)
    }
}

fn keep(
    name: &str,
    outcome: Result<Value, String>,
    changed: &mut Map<String, Value>,
    errors: &mut FieldErrors,
) {
    match outcome {
        Ok(value) => drop(changed.insert(name.to_owned(), value)),
        Err(why) => drop(errors.insert(name.to_owned(), why)),
    }
}

fn check_summary(value: &Value) -> Result<Value, String> {
    let text = value.as_str().ok_or("Operation value must be a string")?;
    if text.trim().is_empty() {
        return Err("You must specify a summary of the issue.".to_owned());
    }
    if text.contains(['\n', '\r']) {
        return Err("The summary is invalid because it contains newline characters.".to_owned());
    }
    if text.encode_utf16().count() > 255 {
        return Err("Summary can't exceed 255 characters.".to_owned());
    }
    Ok(value.clone())
}

/// What is wrong with a document.
pub(super) fn check_document(value: &Value, settings: Settings) -> Result<(), String> {
    if value.is_null() {
        return Ok(());
    }
    adf::check(value).map_err(|why| format!("Operation value must be an Atlassian Document: {why}"))?;
    let length =
        if settings.counts_text { adf::text_length(value) } else { value.to_string().encode_utf16().count() };
    if length > MOST_TEXT {
        return Err("CONTENT_LIMIT_EXCEEDED".to_owned());
    }
    Ok(())
}

fn check_labels(value: &Value) -> Result<Value, String> {
    let labels = value.as_array().ok_or("data was not an array")?;
    for label in labels {
        let text = label.as_str().ok_or("string expected")?;
        if text.is_empty() || text.contains(char::is_whitespace) || text.encode_utf16().count() > 255 {
            return Err("The label can't contain spaces, and has at most 255 characters.".to_owned());
        }
    }
    let mut unique: Vec<Value> = Vec::new();
    for label in labels {
        if !unique.contains(label) {
            unique.push(label.clone());
        }
    }
    Ok(unique.into())
}

/// Whether an edit names the project or the type that the issue has. Jira finds them and changes nothing; of an unknown
/// project it says so.
fn repeats_place(name: &str, value: &Value, project: &Project, issue_type: Option<&IssueType>) -> bool {
    match name {
        "project" => value["id"] == project.id || value["key"] == project.key,
        "issuetype" => issue_type.is_some_and(|it| value["id"] == it.id || value["name"] == it.name),
        _ => false,
    }
}

/// Properties that ride along with a create or an edit.
pub(super) fn read_properties(body: &Value) -> Result<BTreeMap<String, Value>, String> {
    let properties = body["properties"].as_array().into_iter().flatten();
    properties.map(|it| check_property(it["key"].as_str().unwrap_or_default(), &it["value"])).collect()
}

/// A property with its key, if Jira takes it.
pub(super) fn check_property(key: &str, value: &Value) -> Result<(String, Value), String> {
    if key.is_empty() || key.encode_utf16().count() > 255 {
        return Err("A property key has 1 to 255 characters.".to_owned());
    }
    if value.is_null() || value.to_string().encode_utf16().count() > 32_768 {
        return Err("A property value is JSON of at most 32768 characters.".to_owned());
    }
    Ok((key.to_owned(), value.clone()))
}

impl Desk<'_> {
    /// `editIssue`. A `transition` in the body is ignored.
    pub(super) fn edit_issue(&mut self, id: u64, body: &Value) -> Answer {
        let Some((issue, project)) = self.look_up(id) else { return refusal::no_issue() };
        let status = project.workflow.find(&issue.status);
        if !self.account.may(Permission::Edit) || status.is_some_and(|it| !it.editable) {
            return refusal::message(400, "You do not have permission to edit this issue.");
        }
        let issue_type = project.find_type(&issue.issue_type);
        let fields = body["fields"].as_object().into_iter().flatten();
        let fields = fields.filter(|(name, value)| !repeats_place(name, value, &project, issue_type));
        let fields = fields.map(|(name, value)| (name.clone(), value.clone())).collect();
        let screen = issue_type.map(|it| it.edit.clone()).unwrap_or_default();
        let screen = screen.iter().map(String::as_str).collect();
        let edits = Edits { fields: &fields, update: &body["update"], screen, project: &project };
        let (changed, errors) = edits.apply(&issue.fields, self.platform.settings);
        if !errors.is_empty() {
            return refusal::fields(&errors);
        }
        let properties = match read_properties(body) {
            Ok(properties) => properties,
            Err(why) => return refusal::message(400, &why),
        };
        self.write(id, changed, properties, "editIssue");
        Answer::bare(204)
    }

    fn write(
        &mut self,
        id: u64,
        changed: Map<String, Value>,
        properties: BTreeMap<String, Value>,
        cause: &'static str,
    ) {
        let Some(issue) = self.platform.get_mut(id) else { return };
        let new = changed.into_iter().filter(|(name, value)| issue.fields.get(name) != Some(value));
        let new: Map<String, Value> = new.collect();
        let names: Vec<&str> = new.keys().map(String::as_str).collect();
        let author = self.account.name.clone();
        self.platform.change((self.now, &author), id, &names, |issue| {
            issue.properties.extend(properties);
            issue.fields.extend(new.clone());
        });
        // Without administration Jira ignores the wish silently.
        let is_silent =
            self.query("notifyUsers").as_deref() == Some("false") && self.account.may(Permission::Administer);
        if !names.is_empty() && !is_silent {
            self.platform.send_mail(self.now, id, cause);
        }
    }

    /// `getTransitions`: what this account may do now; without the permission an empty list.
    pub(super) fn list_transitions(&self, id: u64) -> Answer {
        let Some((issue, project)) = self.look_up(id) else { return refusal::no_issue() };
        let allowed = self.account.may(Permission::Transition);
        let with_fields = self.query("expand").is_some_and(|it| it.contains("transitions.fields"));
        let ways = project.workflow.leaving(&issue.status).filter(|_| allowed).map(|(way, to)| {
            let mut shown = json!({
                "id": way.id,
                "name": way.name,
                "to": to.to_json(),
                "hasScreen": !way.screen.is_empty(),
                "isGlobal": way.from.is_empty(),
                "isAvailable": true,
            });
            if with_fields {
                let fields = way.screen.iter().map(|(field, values)| {
                    let values: Vec<Value> = values
                        .iter()
                        .zip(1..)
                        .map(|(name, id): (_, u32)| json!({ "id": id.to_string(), "name": name }))
                        .collect();
                    let described = json!({
                        "key": field, "name": field, "required": true, "hasDefaultValue": false,
                        "operations": ["set"], "schema": { "type": field }, "allowedValues": values,
                    });
                    ((*field).to_owned(), described)
                });
                shown["fields"] = fields.collect::<Map<_, _>>().into();
            }
            shown
        });
        Answer::json(200, json!({ "expand": "transitions", "transitions": ways.collect::<Vec<_>>() }))
    }

    /// `doTransition`
    pub(super) fn do_transition(&mut self, id: u64, body: &Value) -> Answer {
        let Some((issue, project)) = self.look_up(id) else { return refusal::no_issue() };
        if !self.account.may(Permission::Transition) {
            return refusal::message(400, "You do not have permission to transition this issue.");
        }
        let wanted = body["transition"]["id"].as_str().unwrap_or_default();
        let Some((way, to)) = project.workflow.leaving(&issue.status).find(|(way, _)| way.id == wanted)
        else {
            return refusal::message(
                400,
                "It seems that you have tried to perform an invalid workflow operation.",
            );
        };
        let mut errors = FieldErrors::new();
        let given = body["fields"].as_object().cloned().unwrap_or_default();
        for name in given.keys().filter(|name| !way.screen.iter().any(|(field, _)| field == name)) {
            errors.insert(name.clone(), not_on_screen(name));
        }
        for (field, allowed) in way.screen {
            let name = given.get(*field).and_then(|it| it["name"].as_str());
            if name.is_none_or(|name| !allowed.contains(&name)) {
                errors.insert((*field).to_owned(), format!("{field} is required."));
            }
        }
        if !errors.is_empty() {
            return refusal::fields(&errors);
        }
        let (to, is_done) = (to.id, to.category == "done");
        self.move_to(id, to, is_done, &given);
        Answer::bare(204)
    }

    fn move_to(&mut self, id: u64, status: &str, is_done: bool, given: &Map<String, Value>) {
        let (now, author) = (self.now, self.account.name.clone());
        self.platform.change((now, &author), id, &["status"], |issue| {
            status.clone_into(&mut issue.status);
            issue.fields.extend(given.clone());
            if !is_done {
                issue.fields.insert("resolution".to_owned(), Value::Null);
            } else if issue.fields.get("resolution").is_none_or(Value::is_null) {
                issue.fields.insert("resolution".to_owned(), json!({ "name": "Done" }));
            }
            issue.resolved = is_done.then(|| issue.resolved.unwrap_or(now));
        });
        self.platform.send_mail(self.now, id, "doTransition");
    }
}
