//! Answers that refuse, in the platform's shape: `{"errorMessages": […], "errors": {"<field>": "…"}}`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::exchange::Answer;

/// Fields that were refused, with Jira's text for each.
pub type FieldErrors = BTreeMap<String, String>;

/// A refusal with one message.
pub fn message(status: u16, text: &str) -> Answer {
    Answer::json(status, body(&[text], &FieldErrors::new()))
}

/// 400 that names fields.
pub fn fields(errors: &FieldErrors) -> Answer {
    Answer::json(400, body(&[], errors))
}

/// The body of a refusal.
pub fn body(messages: &[&str], errors: &FieldErrors) -> Value {
    json!({ "errorMessages": messages, "errors": errors })
}

/// An issue that does not exist, or that the caller may not see: Jira does not tell which.
pub fn no_issue() -> Answer {
    message(404, "Issue does not exist or you do not have permission to see it.")
}

/// What Jira says of a field that the screen lacks.
pub fn not_on_screen(field: &str) -> String {
    format!("Field '{field}' cannot be set. It is not on the appropriate screen, or unknown.")
}
