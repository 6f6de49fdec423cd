//! Jira's answer to a bulk request, taken apart per entity.
//!
//! Must read the answer leniently: no field of it is mandatory, and the published schema has none for
//! reviews, so their names are guesses until a live site shows them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::error::read_errors;
use crate::domain::{EntityId, EntityKind, Verdict};

/// Fields of accepted ids. The first and the last are documented.
const ACCEPTED: [&str; 5] = [
    "acceptedIncidents",
    "acceptedReviews",
    "acceptedPostIncidentReviews",
    "acceptedDevopsComponents",
    "acceptedComponents",
];

/// Fields of refused ids. The first and the last are documented.
const FAILED: [&str; 5] = [
    "failedIncidents",
    "failedReviews",
    "failedPostIncidentReviews",
    "failedDevopsComponents",
    "failedComponents",
];

/// Why Jira refused one entity: its own message, bounded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub message: String,
    pub trace_id: Option<String>,
}

/// The whole answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdicts {
    pub accepted: BTreeSet<EntityId>,
    pub failed: BTreeMap<EntityId, Refusal>,
    /// Project keys of the submission's associations that the site does not have.
    pub unknown_project_keys: Vec<String>,
}

impl Verdicts {
    /// `None` when the body is not a JSON object.
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let body: serde_json::Map<String, Value> = serde_json::from_slice(body).ok()?;
        let accepted =
            ACCEPTED.iter().flat_map(|field| strings(body.get(*field))).map(EntityId::from_text).collect();
        let failed = FAILED
            .iter()
            .filter_map(|field| body.get(*field)?.as_object())
            .flatten()
            .map(|(id, errors)| (EntityId::from_text(id.clone()), refusal(errors)))
            .collect();
        let unknown_project_keys = strings(body.get("unknownProjectKeys")).collect();
        Some(Self { accepted, failed, unknown_project_keys })
    }

    /// The verdict on one entity of the request. A refusal outweighs an acceptance. A review that is not
    /// mentioned counts as accepted, because the answer has no documented place for it.
    #[must_use]
    pub fn of(&self, id: &EntityId, kind: EntityKind) -> Verdict {
        if let Some(refusal) = self.failed.get(id) {
            Verdict::Refused { reason: refusal.message.clone(), trace_id: refusal.trace_id.clone() }
        } else if kind == EntityKind::Review || self.accepted.contains(id) {
            Verdict::Accepted
        } else {
            Verdict::Unmentioned
        }
    }
}

/// The strings of a list; anything else counts as an empty list.
pub(super) fn strings(list: Option<&Value>) -> impl Iterator<Item = String> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned))
}

fn refusal(errors: &Value) -> Refusal {
    let errors = errors.as_array().map_or_else(|| std::slice::from_ref(errors), Vec::as_slice);
    let (messages, trace_id) = read_errors(errors);
    let message = if messages.is_empty() { "Jira gave no reason".to_owned() } else { messages.join("; ") };
    Refusal { message, trace_id }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(body: &Value) -> Verdicts {
        Verdicts::parse(body.to_string().as_bytes()).unwrap()
    }

    fn id(text: &str) -> EntityId {
        EntityId::from_text(text.to_owned())
    }

    fn refused(message: &str, trace_id: Option<&str>) -> Verdict {
        Verdict::Refused { reason: message.to_owned(), trace_id: trace_id.map(str::to_owned) }
    }

    #[test]
    fn each_incident_gets_its_own_verdict() {
        let verdicts = parse(&json!({
            "acceptedIncidents": ["a", "c"],
            "failedIncidents": {
                "b": [{ "message": "no components", "errorTraceId": "9f0e" }, { "message": "no url" }],
                "c": [{ "message": "late" }],
            },
            "unknownProjectKeys": ["UTF"],
            "someNewField": 1,
        }));
        let of = |name| verdicts.of(&id(name), EntityKind::Incident);
        assert_eq!(of("a"), Verdict::Accepted);
        assert_eq!(of("b"), (refused("no components; no url", Some("9f0e"))));
        assert_eq!(of("c"), (refused("late", None)));
        assert_eq!(of("d"), Verdict::Unmentioned);
        assert_eq!(verdicts.unknown_project_keys, ["UTF"]);
    }

    #[test]
    fn an_unmentioned_review_counts_as_accepted_but_a_refusal_is_found_in_any_field() {
        for field in ["failedIncidents", "failedReviews", "failedPostIncidentReviews"] {
            let verdicts = parse(&json!({ field: { "r": [{ "message": "no" }] } }));
            assert_eq!(verdicts.of(&id("r"), EntityKind::Review), (refused("no", None)));
            assert_eq!(verdicts.of(&id("s"), EntityKind::Review), Verdict::Accepted);
        }
    }

    #[test]
    fn components_have_fields_of_their_own() {
        let verdicts = parse(&json!({ "acceptedComponents": ["a"], "failedComponents": { "b": [] } }));
        assert_eq!(verdicts.of(&id("a"), EntityKind::Component), Verdict::Accepted);
        let refusal = refused("Jira gave no reason", None);
        assert_eq!(verdicts.of(&id("b"), EntityKind::Component), refusal);
        assert_eq!(verdicts.of(&id("c"), EntityKind::Component), Verdict::Unmentioned);
    }

    #[test]
    fn absent_null_and_misshapen_fields_are_empty() {
        let empty = Verdicts::default();
        assert_eq!(parse(&json!({})), empty);
        assert_eq!(parse(&json!({ "acceptedIncidents": null, "failedIncidents": [1] })), empty);
        assert_eq!(parse(&json!({ "unknownProjectKeys": "X", "acceptedComponents": [1] })), empty);
    }

    #[test]
    fn a_body_that_is_no_object_is_unreadable() {
        for body in ["", "[]", "<html>", "null"] {
            assert_eq!(Verdicts::parse(body.as_bytes()), None, "{body}");
        }
    }
}
