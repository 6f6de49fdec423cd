//! Every sample of every source, all the way to what Jira is sent: held against Jira's published schema.

use url::Url;

use super::*;
use crate::mapping::{MappingContext, jira_id, payload};
use crate::simulator::{EntityKind as Kind, Schemas};
use crate::sources::KINDS;

/// How Jira calls an entity of this kind.
fn kind_of(entity: &Entity) -> Kind {
    match entity {
        Entity::Component(_) => Kind::Component,
        Entity::Incident(_) => Kind::Incident,
        Entity::Review(_) => Kind::Review,
    }
}

#[test]
fn what_every_sample_becomes_is_what_jiras_schema_takes() {
    let schemas = Schemas::load().expect("the schema compiles");
    let source_id = SourceId::parse("test").expect("valid");
    for kind in KINDS {
        let source = sample_source(kind.name, Some("https://api.example.com"));
        let home = Url::parse(&source.home_url()).expect("an address");
        let base = Url::parse("https://bridge.example.com").expect("an address");
        let context = MappingContext::new(source_id.clone(), home, &base);
        let mut checked = 0;
        for (name, sample) in mutations::samples(kind.name) {
            let body = serde_json::to_vec(&sample).expect("JSON");
            let webhook = verified(&[("content-type", "application/json")], &body, sample_now());
            let Ok(found) = source.parse(&webhook, &mut Memory::default()) else { continue };
            let components = found.mentioned.iter().cloned().map(Entity::Component);
            let told = found.observations.iter().filter_map(|observation| match &observation.state {
                State::Present(entity) => Some((**entity).clone()),
                State::Deleted { .. } => None,
            });
            for entity in told.chain(components) {
                let body = payload(&entity, &context, 7).expect("it has a payload");
                let body = serde_json::to_value(body).expect("JSON");
                assert_eq!(schemas.check_entity(kind_of(&entity), &body), [""; 0], "{}/{name}", kind.name);
                let id = jira_id(&source_id, entity.provider_id()).to_string();
                assert_eq!(body["id"], json!(id), "{}/{name}", kind.name);
                checked += 1;
            }
        }
        eprintln!("{}: {checked} entities", kind.name);
        // ServiceNow's and Opsgenie's samples are answers of their APIs for the most part.
        assert!(checked > 0, "{}: no sample of a webhook is mapped", kind.name);
    }
}
