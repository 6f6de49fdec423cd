//! What must hold for everything that a source reports, whatever it was told.

use std::sync::LazyLock;

use incident_bridge::destinations::{SourceProfile, operations::payload};
use incident_bridge::domain::{Entity, EntityId, SourceId, State};
use incident_bridge::sources::Findings;
use jsonschema::Validator;
use serde_json::{Value, json};

const OPENAPI: &str = include_str!("../../src/simulator/jira-operations.openapi.json");

/// Jira's published rules for one entity of each kind.
struct Rules {
    incident: Validator,
    review: Validator,
    component: Validator,
}

static RULES: LazyLock<Rules> = LazyLock::new(|| {
    let document: Value = serde_json::from_str(OPENAPI).expect("JSON");
    let compile = |name: &str| {
        let schema =
            json!({ "components": document["components"], "$ref": format!("#/components/schemas/{name}") });
        jsonschema::validator_for(&schema).expect("a schema")
    };
    Rules {
        incident: compile("Incident"),
        review: compile("PostIncidentReview"),
        component: compile("DevopsComponent"),
    }
});

static PROFILE: LazyLock<SourceProfile> = LazyLock::new(|| {
    let url = |text: &str| text.parse().expect("an address");
    let source = SourceId::parse("test").expect("valid");
    let mut profile = SourceProfile::new(source, url("https://tool.example"), &url("https://bridge.example"));
    profile.associate_issue_keys = true;
    profile
});

/// Checks that everything can be sent to Jira, under an id that Jira takes.
///
/// # Panics
/// When it cannot.
pub fn check(findings: &Findings) {
    for observation in &findings.observations {
        check_id(observation.provider_id());
        if let State::Present(entity) = &observation.state {
            check_entity(entity, observation.sequence);
        }
    }
    for component in &findings.mentioned {
        check_entity(&Entity::Component(component.clone()), 1);
    }
    for workspace in &findings.workspaces {
        check_id(&workspace.provider_id);
    }
}

fn check_id(provider_id: &str) {
    assert!(!provider_id.is_empty(), "an id is empty");
    let id = EntityId::new(&PROFILE.source, provider_id);
    let is_valid = |c: char| c.is_ascii_alphanumeric() || "-_.~:@=".contains(c);
    assert!(id.as_str().len() <= 255 && id.as_str().chars().all(is_valid), "{id}");
    assert_eq!(id.source(), "test");
}

/// Checks one entity.
///
/// # Panics
/// When Jira would refuse it.
pub fn check_entity(entity: &Entity, sequence: i64) {
    check_id(entity.provider_id());
    let Ok(rendered) = payload::payload(&PROFILE.complete(entity), &PROFILE, sequence.max(1)) else { return };
    let body = serde_json::to_value(rendered).expect("JSON");
    let rules = match entity {
        Entity::Incident(_) => &RULES.incident,
        Entity::Review(_) => &RULES.review,
        Entity::Component(_) => &RULES.component,
    };
    if let Err(fault) = rules.validate(&body) {
        panic!("{fault}: {body}");
    }
}
