//! Verdicts on the entities of a bulk submission: accepted, refused with a reason, or associated with
//! projects that the site does not have.
//!
//! Pure. The body as a whole has already been checked.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::entities::{EntityKind, Properties};
use super::schema::Schemas;
use super::site::{Change, Site};
use crate::clock::Timestamp;

/// The outcome of one submission.
#[derive(Debug, Default)]
pub struct Verdicts {
    pub accepted: Vec<(EntityKind, String, i64)>,
    /// Id to messages. An entity without a usable id is reported under the empty id.
    pub failed: BTreeMap<String, Vec<String>>,
    pub unknown_project_keys: BTreeSet<String>,
    /// Entities that broke a published rule: id and message. A refusal that the test ordered does not count.
    pub violations: Vec<(String, String)>,
    /// Ids that belong to reviews, whose place in the answer is not documented.
    reviews: BTreeSet<String>,
}

impl Verdicts {
    /// The answer's JSON. `traces` gives each error an id to quote to support.
    pub fn to_answer(
        &self,
        components: bool,
        reviews_in_answer: bool,
        mut traces: impl FnMut() -> String,
    ) -> Value {
        let named = |id: &String| reviews_in_answer || !self.reviews.contains(id);
        let accepted: Vec<&String> =
            self.accepted.iter().map(|(_, id, _)| id).filter(|id| named(id)).collect();
        let mut failed = Map::new();
        for (id, messages) in self.failed.iter().filter(|(id, _)| named(id)) {
            let errors =
                messages.iter().map(|message| json!({ "message": message, "errorTraceId": traces() }));
            failed.insert(id.clone(), errors.collect());
        }
        let noun = if components { "Components" } else { "Incidents" };
        json!({
            format!("accepted{noun}"): accepted,
            format!("failed{noun}"): failed,
            "unknownProjectKeys": self.unknown_project_keys,
        })
    }
}

/// Judges every entity of `body` on its own and queues the accepted ones.
pub fn submit(
    site: &mut Site,
    schemas: &Schemas,
    now: Timestamp,
    arrays: &[(EntityKind, &str)],
    body: &Value,
    properties: &Properties,
) -> Verdicts {
    let mut verdicts = Verdicts::default();
    for (kind, name) in arrays {
        for entity in body[*name].as_array().into_iter().flatten() {
            judge(site, schemas, now, *kind, entity, properties, &mut verdicts);
        }
    }
    verdicts
}

fn judge(
    site: &mut Site,
    schemas: &Schemas,
    now: Timestamp,
    kind: EntityKind,
    entity: &Value,
    properties: &Properties,
    verdicts: &mut Verdicts,
) {
    let id = entity["id"].as_str().unwrap_or_default().to_owned();
    if kind == EntityKind::Review {
        verdicts.reviews.insert(id.clone());
    }
    let broken = schemas.check_entity(kind, entity);
    if !broken.is_empty() {
        verdicts.violations.extend(broken.iter().map(|message| (id.clone(), message.clone())));
        verdicts.failed.entry(id).or_default().extend(broken);
        return;
    }
    if let Some(message) = site.refusals.get(&id) {
        verdicts.failed.insert(id, vec![message.clone()]);
        return;
    }
    let keys = list_project_keys(entity);
    let unknown: Vec<&String> = keys.iter().filter(|key| !site.knows_project(key)).collect();
    verdicts.unknown_project_keys.extend(unknown.iter().map(|key| (*key).clone()));
    // Jira drops an entity that is associated only with unknown projects, without mentioning it.
    if !keys.is_empty() && unknown.len() == keys.len() {
        return;
    }
    let Some(sequence) = entity["updateSequenceNumber"].as_i64() else { return };
    verdicts.accepted.push((kind, id.clone(), sequence));
    let change = Change::Upsert { kind, id, json: entity.clone(), sequence, properties: properties.clone() };
    site.enqueue(now, change);
}

/// Project keys of the issues that the entity is associated with. Numeric issue ids name no project.
fn list_project_keys(entity: &Value) -> BTreeSet<String> {
    let associations = entity["associations"].as_array().into_iter().flatten();
    associations
        .filter(|association| association["associationType"] == "issueIdOrKeys")
        .flat_map(|association| association["values"].as_array().into_iter().flatten())
        .filter_map(|issue| issue.as_str()?.rsplit_once('-').map(|(project, _)| project.to_owned()))
        .collect()
}
