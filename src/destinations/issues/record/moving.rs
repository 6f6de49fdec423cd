//! A transition that was asked for, until its answer is known: whether it took place is then seen in the history.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::destinations::issues::content::screen::text_of;
use crate::destinations::issues::content::workflow::Wish;
use crate::domain::{Timestamp, parse_timestamp};

/// The transition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moving {
    pub wish: Wish,
    /// Id of the status that it leads to.
    pub to: Option<String>,
    /// The last change of the work item before it, by Jira's clock.
    pub after: Option<Timestamp>,
    /// How often in a row Jira has refused it; what was refused did not take place.
    #[serde(default)]
    pub refusals: u32,
}

impl Moving {
    /// Whether an entry of the work item's history, as Jira's changelog has it, is this transition.
    #[must_use]
    pub fn is(&self, entry: &Value) -> bool {
        let at = entry.get("created").and_then(Value::as_str).and_then(parse_timestamp);
        let is_later = at.zip(self.after).is_some_and(|(at, after)| at >= after);
        let leads_there = |item: &Value| {
            let field = item.get("fieldId").or_else(|| item.get("field")).and_then(Value::as_str);
            field == Some("status") && self.to.is_some() && item.get("to").and_then(text_of) == self.to
        };
        let items = entry.get("items").and_then(Value::as_array);
        is_later && items.into_iter().flatten().any(leads_there)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_transition_is_known_by_its_target_and_its_time() {
        let moving = Moving {
            wish: Wish::Resolve,
            to: Some("10002".to_owned()),
            after: parse_timestamp("2026-04-03T09:12:00Z"),
            refusals: 0,
        };
        let entry = |at: &str, field: &str, to: &str| json!({ "created": at, "items": [{ "field": "x", "fieldId": "x" }, { "fieldId": field, "to": to }] });
        assert!(moving.is(&entry("2026-04-03T11:12:00.000+0200", "status", "10002")));
        assert!(!moving.is(&entry("2026-04-03T09:11:59.999+0000", "status", "10002")));
        assert!(!moving.is(&entry("2026-04-03T10:00:00.000+0000", "status", "10001")));
        assert!(!moving.is(&entry("2026-04-03T10:00:00.000+0000", "priority", "10002")));
        assert!(!moving.is(&json!({})));
        let unknown = Moving { to: None, ..moving };
        assert!(!unknown.is(&json!({ "created": "2026-04-03T10:00:00Z", "items": [{ "field": "status" }] })));
    }
}
