//! Every sample of every source, all the way to what Jira is sent: held against Jira's published schema.

use url::Url;

use super::prelude::*;
use crate::destinations::SourceProfile;
use crate::destinations::operations::payload::payload;
use crate::domain::EntityId;
use crate::simulator::{EntityKind as Kind, Schemas};

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
    for kind in all_kinds() {
        let mut checked = 0;
        // With an API some tools take a webhook only as the hint to ask.
        for api_url in [None, Some("https://api.example.com")] {
            let source = sample_source(kind.name, api_url);
            let home = Url::parse(&source.home_url()).expect("an address");
            let base = Url::parse("https://bridge.example.com").expect("an address");
            let context = SourceProfile::new(source_id.clone(), home, &base);
            for (name, entity) in list_entities(kind.name, &*source) {
                let body = payload(&entity, &context, 7).expect("it has a payload");
                let body = serde_json::to_value(body).expect("JSON");
                assert_eq!(schemas.check_entity(kind_of(&entity), &body), [""; 0], "{}/{name}", kind.name);
                let id = EntityId::new(&source_id, entity.provider_id()).to_string();
                assert_eq!(body["id"], json!(id), "{}/{name}", kind.name);
                checked += 1;
            }
        }
        assert!(checked > 0, "{}: no sample of a webhook is mapped", kind.name);
    }
}

/// What the webhook samples report, with the name of each sample.
fn list_entities(kind: &str, source: &dyn Source) -> Vec<(String, Entity)> {
    let mut entities = Vec::new();
    for (name, sample) in mutations::samples(kind) {
        let body = serde_json::to_vec(&sample).expect("JSON");
        let webhook = verified(&[("content-type", "application/json")], &body, sample_now());
        let Ok(found) = source.parse(&webhook, &mut Memory::default()) else { continue };
        let told = found.observations.into_iter().filter_map(|observation| match observation.state {
            State::Present(entity) => Some(*entity),
            State::Deleted { .. } => None,
        });
        let mentioned = found.mentioned.into_iter().map(Entity::Component);
        entities.extend(told.chain(mentioned).map(|entity| (name.clone(), entity)));
    }
    entities
}
