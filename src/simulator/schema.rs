//! Jira's published rules for request bodies, checked on raw JSON.
//!
//! The rules are the OpenAPI document itself, plus the few that only its text states. Must not repair or
//! default anything, and must not use the bridge's own payload types.

use jsonschema::{Draft, Validator};
use serde_json::{Value, json};

use super::entities::{EntityKind, Properties};

const OPENAPI: &str = include_str!("jira-operations.openapi.json");

/// Largest number of entities the published schema allows in one request.
pub const MAX_ITEMS: usize = 1000;

/// The embedded document could not be compiled: a bug in this program.
#[derive(Debug, thiserror::Error)]
#[error("the embedded OpenAPI document does not compile: {0}")]
pub struct SchemaError(String);

/// Compiled checks.
#[derive(Debug)]
pub struct Schemas {
    incident: Validator,
    review: Validator,
    component: Validator,
    operations_envelope: Validator,
    components_envelope: Validator,
    workspaces: Validator,
}

impl Schemas {
    /// Compiles the embedded document.
    pub fn load() -> Result<Self, SchemaError> {
        let document: Value = serde_json::from_str(OPENAPI).map_err(|e| SchemaError(e.to_string()))?;
        let components = &document["components"];
        let items = json!({ "type": "array", "minItems": 1, "items": { "type": "object" } });
        let properties = json!({ "$ref": "#/components/schemas/SubmissionProperties" });
        let metadata = json!({ "$ref": "#/components/schemas/ProviderMetadata" });
        // The published `anyOf` accepts a body without any array, which its text forbids; and it would
        // refuse a whole request for one bad entity, which its text forbids as well.
        let operations = json!({
            "type": "object",
            "anyOf": [{ "required": ["incidents"] }, { "required": ["reviews"] }],
            "properties": {
                "incidents": items, "reviews": items, "properties": properties, "providerMetadata": metadata
            },
        });
        let devops = json!({
            "type": "object",
            "required": ["devopsComponents"],
            "properties": { "devopsComponents": items, "properties": properties, "providerMetadata": metadata },
        });
        Ok(Self {
            incident: compile(components, reference("Incident"))?,
            review: compile(components, reference("PostIncidentReview"))?,
            component: compile(components, reference("DevopsComponent"))?,
            operations_envelope: compile(components, operations)?,
            components_envelope: compile(components, devops)?,
            workspaces: compile(components, reference("SubmitOperationsWorkspacesRequest"))?,
        })
    }

    /// What is wrong with one entity; empty when nothing is.
    pub fn check_entity(&self, kind: EntityKind, entity: &Value) -> Vec<String> {
        let validator = match kind {
            EntityKind::Component => &self.component,
            EntityKind::Incident => &self.incident,
            EntityKind::Review => &self.review,
        };
        let mut errors = list_errors(validator, entity);
        // `format: int64` is not a JSON Schema format.
        let sequence = &entity["updateSequenceNumber"];
        if sequence.is_u64() && !sequence.is_i64() {
            errors.push("/updateSequenceNumber: does not fit into 64 bits".to_owned());
        }
        errors
    }

    /// What is wrong with a bulk body as a whole, apart from its entities.
    pub fn check_submission(&self, components: bool, body: &Value) -> Vec<String> {
        let validator = if components { &self.components_envelope } else { &self.operations_envelope };
        let mut errors = list_errors(validator, body);
        for name in body["properties"].as_object().into_iter().flat_map(|properties| properties.keys()) {
            if name.contains(':') || name.starts_with('_') {
                errors.push("/properties: a key must not contain ':' or start with '_'".to_owned());
            }
        }
        errors
    }

    /// What is wrong with the body that links workspaces.
    pub fn check_workspaces(&self, body: &Value) -> Vec<String> {
        list_errors(&self.workspaces, body)
    }
}

/// The labels of a checked submission.
pub fn read_properties(body: &Value) -> Properties {
    let entries = body["properties"].as_object().into_iter().flatten();
    entries.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

fn reference(name: &str) -> Value {
    json!({ "allOf": [{ "$ref": format!("#/components/schemas/{name}") }] })
}

/// OpenAPI 3.0 schemas are close to draft 4; the `components` are embedded so that `$ref` resolves.
fn compile(components: &Value, mut schema: Value) -> Result<Validator, SchemaError> {
    schema["components"] = components.clone();
    jsonschema::options()
        .with_draft(Draft::Draft4)
        .should_validate_formats(true)
        .build(&schema)
        .map_err(|error| SchemaError(error.to_string()))
}

/// One line per broken rule, with the place but without the offending value.
fn list_errors(validator: &Validator, instance: &Value) -> Vec<String> {
    validator
        .iter_errors(instance)
        .map(|error| format!("{}: {}", error.instance_path(), error.masked()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::fixtures;
    use super::*;

    #[test]
    fn the_documented_examples_pass() {
        let schemas = Schemas::load().unwrap();
        for (kind, entity) in [
            (EntityKind::Incident, fixtures::incident("inc-1", 1)),
            (EntityKind::Review, fixtures::review("pir-1", 1)),
            (EntityKind::Component, fixtures::component("svc-1", 1)),
        ] {
            assert_eq!(schemas.check_entity(kind, &entity), Vec::<String>::new());
        }
    }

    #[test]
    fn every_published_rule_of_an_incident_is_checked() {
        let schemas = Schemas::load().unwrap();
        for (field, value) in [
            ("schemaVersion", json!("2.0")),
            ("id", json!("x".repeat(256))),
            ("updateSequenceNumber", json!("1")),
            ("updateSequenceNumber", json!(1.5)),
            ("updateSequenceNumber", json!(9_223_372_036_854_775_808_u64)),
            ("affectedComponents", json!([])),
            ("affectedComponents", json!(vec!["svc"; 101])),
            ("summary", json!("é".repeat(256))),
            ("summary", Value::Null),
            ("description", json!("x".repeat(5001))),
            ("url", json!("not a url")),
            ("url", json!(format!("https://tool.example.com/{}", "x".repeat(2000)))),
            ("createdDate", json!("2026-04-03 09:12")),
            ("lastUpdated", json!(1_775_207_700)),
            ("severity", json!("P1")),
            ("severity", json!({ "level": "P6" })),
            ("status", json!("closed")),
            ("associations", json!([])),
            ("associations", json!([{ "associationType": "issueKeys", "values": ["PAY-1"] }])),
            ("colour", json!("red")),
        ] {
            let mut incident = fixtures::incident("inc-1", 1);
            incident[field] = value.clone();
            let errors = schemas.check_entity(EntityKind::Incident, &incident);
            assert!(!errors.is_empty(), "{field} = {value} was not refused");
        }
    }

    #[test]
    fn limits_count_characters_and_not_bytes() {
        let schemas = Schemas::load().unwrap();
        let mut incident = fixtures::incident("inc-1", 1);
        incident["summary"] = json!("é".repeat(255));
        assert_eq!(schemas.check_entity(EntityKind::Incident, &incident), Vec::<String>::new());
    }

    #[test]
    fn a_review_knows_only_its_own_statuses_and_fields() {
        let schemas = Schemas::load().unwrap();
        for (field, value) in [
            ("status", json!("open")),
            ("status", json!("in_progress")),
            ("reviews", json!([])),
            ("affectedComponents", json!(["svc-1"])),
            ("severity", json!({ "level": "P1" })),
        ] {
            let mut review = fixtures::review("pir-1", 1);
            review[field] = value;
            assert!(!schemas.check_entity(EntityKind::Review, &review).is_empty(), "{field}");
        }
    }

    #[test]
    fn the_envelope_is_checked_as_a_whole() {
        let schemas = Schemas::load().unwrap();
        for body in [
            json!({}),
            json!([]),
            json!({ "incidents": [] }),
            json!({ "incidents": ["inc-1"] }),
            json!({ "incidents": [{}], "properties": { "a:b": "c" } }),
            json!({ "incidents": [{}], "properties": { "_a": "c" } }),
            json!({ "incidents": [{}], "properties": { "a": 1 } }),
            json!({ "incidents": [{}], "properties": { "a": "x".repeat(256) } }),
            json!({ "incidents": [{}], "properties": { "1": "", "2": "", "3": "", "4": "", "5": "", "6": "" } }),
            json!({ "incidents": [{}], "providerMetadata": { "product": "x", "version": "1" } }),
        ] {
            assert!(!schemas.check_submission(false, &body).is_empty(), "{body}");
        }
        let body = json!({ "reviews": [{}], "properties": { "source": "pd" }, "providerMetadata": { "product": "x" } });
        assert_eq!(schemas.check_submission(false, &body), Vec::<String>::new());
        assert!(!schemas.check_submission(true, &json!({ "components": [{}] })).is_empty());
        assert!(schemas.check_submission(true, &json!({ "devopsComponents": [{}] })).is_empty());
    }

    #[test]
    fn a_violation_names_the_place_and_not_the_value() {
        let mut incident = fixtures::incident("inc-1", 1);
        incident["status"] = json!("a private word");
        let errors = Schemas::load().unwrap().check_entity(EntityKind::Incident, &incident);
        assert_eq!(errors.len(), 1);
        assert!(errors[0].starts_with("/status: ") && !errors[0].contains("private"), "{errors:?}");
    }
}
