//! Checks every payload against Jira's published schema, for any value that a tool could send.

use std::sync::LazyLock;

use chrono::DateTime;
use proptest::prelude::*;
use serde_json::{Value, json};
use url::Url;

use super::*;
use crate::domain::{
    Association, Component, ComponentType, EntityId, FALLBACK_COMPONENT, Incident, IncidentStatus,
    PostIncidentReview, ReviewStatus, Severity, SourceId, Tier, Timestamp, ToolWords,
};

static OPENAPI: LazyLock<Value> = LazyLock::new(|| {
    let text = include_str!("../../../../tests/fixtures/jira-openapi/jira-operations.openapi.json");
    serde_json::from_str(text).expect("the fixture is JSON")
});

fn schema(name: &str) -> jsonschema::Validator {
    let schema = json!({
        "$ref": format!("#/components/schemas/{name}"),
        "components": OPENAPI["components"],
    });
    // OpenAPI 3.0 schemas follow an early draft of JSON Schema.
    jsonschema::options()
        .with_draft(jsonschema::Draft::Draft4)
        .should_validate_formats(true)
        .build(&schema)
        .expect("the fixture is a schema")
}

static INCIDENT: LazyLock<jsonschema::Validator> = LazyLock::new(|| schema("Incident"));
static REVIEW: LazyLock<jsonschema::Validator> = LazyLock::new(|| schema("PostIncidentReview"));
static COMPONENT: LazyLock<jsonschema::Validator> = LazyLock::new(|| schema("DevopsComponent"));
static ENTITIES: LazyLock<jsonschema::Validator> = LazyLock::new(|| schema("SubmitEntityRequest"));
static COMPONENTS: LazyLock<jsonschema::Validator> =
    LazyLock::new(|| schema("SubmitDevopsComponentsRequest"));

fn context() -> SourceProfile {
    let home = Url::parse("https://tool.example/home").unwrap();
    let base = Url::parse("https://bridge.example/sub/").unwrap();
    SourceProfile::new(SourceId::parse("tool").unwrap(), home, &base)
}

fn problems(validator: &jsonschema::Validator, value: &Value) -> Vec<String> {
    validator.iter_errors(value).map(|error| format!("{error} at {}", error.instance_path())).collect()
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        any::<String>(),
        "[ -~]{0,300}",
        "\\PC{4900,5300}",
        "[😀é\\n\\t\\x00-\\x1f]{0,300}"
    ]
}

fn address() -> impl Strategy<Value = String> {
    prop_oneof![
        text(),
        "https?://[a-zA-Z0-9.-]{1,20}(:[0-9]{1,5})?/[ -~]{0,60}",
        "\\PC{0,20}".prop_map(|path| format!("https://tool.example/{path}?{path}#{path}")),
        "https://x/[a-z{}]{1900,2100}"
    ]
}

fn instant() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        (0..4_102_444_800_000_i64).prop_map(|ms| DateTime::from_timestamp_millis(ms).unwrap()),
        Just(Timestamp::MAX_UTC),
        Just(Timestamp::MIN_UTC)
    ]
}

fn ids() -> impl Strategy<Value = Vec<String>> {
    prop_oneof![prop::collection::vec(text(), 0..4), prop::collection::vec("[A-Z0-9]{1,8}", 0..150)]
}

fn links() -> impl Strategy<Value = Vec<Association>> {
    let kind = prop_oneof![Just("issueIdOrKeys".to_owned()), Just("serviceIdOrKeys".to_owned()), text()];
    let link = (kind, prop::collection::vec("[A-Z]{0,5}", 0..3))
        .prop_map(|(association_type, values)| Association { association_type, values });
    prop::collection::vec(link, 0..130)
}

fn severity() -> impl Strategy<Value = Severity> {
    prop::sample::select(vec![
        Severity::P1,
        Severity::P2,
        Severity::P3,
        Severity::P4,
        Severity::P5,
        Severity::Unknown,
    ])
}

prop_compose! {
    fn incidents()(
        provider_id in text(), summary in text(), description in text(), url in address(), severity in severity(),
        status in prop::sample::select(vec![IncidentStatus::Open, IncidentStatus::Resolved, IncidentStatus::Unknown]),
        created_at in instant(), updated_at in instant(), components in ids(), associations in links(),
    ) -> Incident {
        Incident {
            provider_id, summary, description, url, status, severity, created_at, updated_at, components,
            workspaces: vec![], associations, words: ToolWords::default(),
        }
    }
}

prop_compose! {
    fn reviews()(
        provider_id in text(), incidents in ids(), summary in text(), description in text(), url in address(),
        status in prop::sample::select(vec![
            ReviewStatus::InProgress, ReviewStatus::OutstandingActions, ReviewStatus::Completed, ReviewStatus::Unknown,
        ]),
        created_at in instant(), updated_at in instant(), associations in links(),
    ) -> PostIncidentReview {
        PostIncidentReview {
            provider_id, incidents, summary, description, url, status, created_at, updated_at,
            workspaces: vec![], associations,
        }
    }
}

prop_compose! {
    fn components()(
        provider_id in text(), name in text(), description in text(), url in address(),
        avatar_url in prop::option::of(address()),
        tier in prop::option::of(prop::sample::select(vec![Tier::One, Tier::Two, Tier::Three, Tier::Four])),
        component_type in prop::option::of(prop::sample::select(vec![
            ComponentType::Service, ComponentType::Application, ComponentType::Library, ComponentType::Capability,
            ComponentType::CloudResource, ComponentType::DataPipeline, ComponentType::MachineLearningModel,
            ComponentType::UiElement, ComponentType::Website, ComponentType::Other,
        ])),
        updated_at in instant(),
    ) -> Component {
        Component {
            provider_id, name, description, url, avatar_url, tier, component_type, updated_at, workspaces: vec![],
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn every_incident_maps_to_a_payload_that_jira_accepts(value in incidents(), version in any::<i64>()) {
        let payload = incident(&value, &context(), version);
        prop_assert!(payload.last_updated >= payload.created_date);
        prop_assert!(payload.summary.encode_utf16().count() <= 255);
        prop_assert!(payload.description.encode_utf16().count() <= 5000);
        prop_assert_eq!(problems(&INCIDENT, &serde_json::to_value(&payload)?), Vec::<String>::new());
    }

    #[test]
    fn every_review_maps_to_a_payload_that_jira_accepts_or_is_refused(value in reviews()) {
        match review(&value, &context(), 1) {
            Ok(payload) => {
                prop_assert_eq!(problems(&REVIEW, &serde_json::to_value(&payload)?), Vec::<String>::new());
            }
            Err(Unrenderable::ReviewWithoutIncidents) => {
                prop_assert!(value.incidents.iter().all(|id| id.trim().is_empty()));
            }
        }
    }

    #[test]
    fn every_component_maps_to_a_payload_that_jira_accepts(value in components()) {
        let payload = component(&value, &context(), 1);
        prop_assert_eq!(problems(&COMPONENT, &serde_json::to_value(&payload)?), Vec::<String>::new());
    }
}

fn an_incident() -> Incident {
    Incident {
        provider_id: "4711".into(),
        summary: "Checkout latency above 4 s".into(),
        description: "Started after the rollout. *Rollback running.*".into(),
        url: "https://tool.example/incidents/4711".into(),
        status: IncidentStatus::Open,
        severity: Severity::P2,
        created_at: crate::domain::parse_timestamp("2026-04-03T09:12:00Z").unwrap(),
        updated_at: crate::domain::parse_timestamp("2026-04-03T09:15:00Z").unwrap(),
        components: vec!["checkout".into()],
        workspaces: vec![],
        associations: vec![Association {
            association_type: "issueIdOrKeys".into(),
            values: vec!["PAY-381".into()],
        }],
        words: ToolWords::default(),
    }
}

fn bulk(payloads: Vec<EntityPayload>) -> Vec<Value> {
    let ctx = context();
    let request = |batch| BulkRequest::new(ctx.source.clone(), EntityId::new(&ctx.source, "account"), batch);
    Batch::by_kind(payloads).into_iter().map(|batch| serde_json::to_value(request(batch)).unwrap()).collect()
}

#[test]
fn a_submission_of_incidents_has_the_documented_body() {
    let bodies =
        bulk(vec![payload(&Entity::Incident(an_incident()), &context(), 1_775_207_700_000).unwrap()]);
    assert_eq!(
        bodies,
        [json!({
            "properties": { "source": "tool", "workspace": "tool:account" },
            "providerMetadata": { "product": format!("Incident Bridge {}", env!("CARGO_PKG_VERSION")) },
            "incidents": [{
                "schemaVersion": "1.0",
                "id": "tool:4711",
                "updateSequenceNumber": 1_775_207_700_000_i64,
                "affectedComponents": ["tool:checkout"],
                "summary": "Checkout latency above 4 s",
                "description": "Started after the rollout. *Rollback running.*",
                "url": "https://tool.example/incidents/4711",
                "createdDate": "2026-04-03T09:12:00.000Z",
                "lastUpdated": "2026-04-03T09:15:00.000Z",
                "severity": { "level": "P2" },
                "status": "open",
                "associations": [{ "associationType": "issueIdOrKeys", "values": ["PAY-381"] }],
            }],
        })]
    );
    assert_eq!(problems(&ENTITIES, &bodies[0]), Vec::<String>::new());
}

#[test]
fn an_incident_that_says_nothing_still_has_every_field() {
    let silent = Incident {
        summary: " ".into(),
        description: String::new(),
        url: "not an address".into(),
        components: vec![" ".into()],
        associations: vec![],
        ..an_incident()
    };
    let payload = incident(&silent, &context(), 1);
    assert_eq!(payload.summary, "tool:4711");
    assert_eq!(payload.description, "tool:4711");
    assert_eq!(payload.url, "https://tool.example/home");
    assert_eq!(payload.affected_components, [EntityId::new(&context().source, FALLBACK_COMPONENT)]);
    assert!(!serde_json::to_string(&payload).unwrap().contains("associations"));
}

#[test]
fn of_too_many_components_the_first_hundred_in_order_stay() {
    let many = Incident { components: (0..150).rev().map(|n| format!("c{n:03}")).collect(), ..an_incident() };
    let ids = incident(&many, &context(), 1).affected_components;
    assert_eq!((ids.len(), ids[0].as_str(), ids[99].as_str()), (100, "tool:c000", "tool:c099"));
}

#[test]
fn a_mixed_list_becomes_one_request_per_kind_in_jiras_order() {
    let ctx = context();
    let now = an_incident().created_at;
    let review = PostIncidentReview {
        provider_id: "88".into(),
        incidents: vec!["4711".into()],
        summary: "PIR".into(),
        description: String::new(),
        url: String::new(),
        status: ReviewStatus::InProgress,
        created_at: now,
        updated_at: now,
        workspaces: vec![],
        associations: vec![],
    };
    let bodies = bulk(vec![
        payload(&Entity::Review(review), &ctx, 3).unwrap(),
        payload(&Entity::Incident(an_incident()), &ctx, 2).unwrap(),
        payload(&Entity::Component(Component::fallback("Unassigned", "", now)), &ctx, 1).unwrap(),
    ]);
    assert_eq!(bodies.len(), 3);
    assert_eq!(bodies[0]["devopsComponents"][0]["id"], "tool:unassigned");
    assert_eq!(
        bodies[0]["devopsComponents"][0]["avatarUrl"],
        "https://bridge.example/sub/static/service.svg"
    );
    assert_eq!(bodies[0]["devopsComponents"][0]["tier"], "Tier 4");
    assert_eq!(bodies[1]["incidents"][0]["id"], "tool:4711");
    assert_eq!(bodies[2]["reviews"][0]["reviews"], json!(["tool:4711"]));
    assert_eq!(bodies[2]["reviews"][0]["status"], "in progress");
    assert_eq!(problems(&COMPONENTS, &bodies[0]), Vec::<String>::new());
    assert_eq!(problems(&ENTITIES, &bodies[2]), Vec::<String>::new());
}

#[test]
fn the_schema_check_of_these_tests_does_refuse() {
    let mut body = serde_json::to_value(incident(&an_incident(), &context(), 1)).unwrap();
    body["url"] = json!("not a uri");
    body["extra"] = json!(1);
    assert_eq!(problems(&INCIDENT, &body).len(), 2);
}
