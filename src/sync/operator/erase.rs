//! Erases one incident or review, or a text such as a person's name, from everything that is stored.
//!
//! First a plan, which changes nothing and says what would be erased; then the plan is carried out. Sends nothing:
//! what is queued for the destinations is delivered like any other change.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;
use url::form_urlencoded;

use super::Operator;
use crate::domain::{DeliveryState, EntityId, EntityKind, Needle};
use crate::store::{Fact, InboxState, Reason, StoredBody, StoredEntity, StoredWorkspace};
use crate::sync::core::SyncError;

/// Rows that are held at once.
const AT_ONCE: usize = 100;

/// Ids that are shorter occur in webhooks of other incidents too; these webhooks are found by the history alone.
const SHORTEST_ID: usize = 4;

/// What is to be erased.
#[derive(Debug, Clone)]
pub enum Subject {
    /// An incident or review, by the tool's id or the id in Jira.
    Incident(String),
    /// A text, wherever it occurs.
    Person(Needle),
}

/// An entity that is erased, or loses the text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErasedEntity {
    pub kind: EntityKind,
    pub jira_id: EntityId,
    pub source: String,
    pub provider_id: String,
    /// Whether an id or an address contains the text and keeps it.
    pub remains: bool,
}

/// What an erasure changes.
#[derive(Debug, Default)]
pub struct ErasurePlan {
    pub entities: Vec<ErasedEntity>,
    /// If a text is taken out of the entities.
    needle: Option<Needle>,
    webhooks: BTreeSet<String>,
    /// Entries of the history, each with what is left of it.
    history: Vec<(String, Option<String>)>,
    facts: Vec<(Fact, Option<String>)>,
    reasons: Vec<(Reason, String)>,
    /// As they are to be.
    workspaces: Vec<StoredWorkspace>,
}

/// How much an erasure changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ErasureCounts {
    pub entities: usize,
    /// Webhooks whose bodies are erased.
    pub webhooks: usize,
    /// Entries of the history, besides those of erased entities.
    pub history: usize,
    /// What sources keep from one webhook to the next.
    pub facts: usize,
    /// What destinations wrote about entities.
    pub reasons: usize,
    /// Names and addresses of workspaces, which come back if the tool or the configuration says them again.
    pub workspaces: usize,
}

impl ErasureCounts {
    #[must_use]
    pub fn sum(self) -> usize {
        let Self { entities, webhooks, history, facts, reasons, workspaces } = self;
        entities + webhooks + history + facts + reasons + workspaces
    }
}

impl ErasurePlan {
    #[must_use]
    pub fn counts(&self) -> ErasureCounts {
        ErasureCounts {
            entities: self.entities.len(),
            webhooks: self.webhooks.len(),
            history: self.history.len(),
            facts: self.facts.len(),
            reasons: self.reasons.len(),
            workspaces: self.workspaces.len(),
        }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts().sum() == 0
    }
}

impl Operator {
    /// Looks for everything that an erasure would change.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn plan_erasure(&self, subject: &Subject) -> Result<ErasurePlan, SyncError> {
        match subject {
            Subject::Incident(id) => self.plan_incident(id).await,
            Subject::Person(needle) => self.plan_person(needle).await,
        }
    }

    async fn plan_incident(&self, id: &str) -> Result<ErasurePlan, SyncError> {
        let mut plan = ErasurePlan::default();
        let mut names: Vec<(Option<String>, String)> = Vec::new();
        for entity in self.store.entities().find(id).await? {
            if entity.kind == EntityKind::Component {
                continue;
            }
            for entry in self.store.timeline().list_of(&entity.id).await? {
                plan.webhooks.extend(entry.event.webhook().map(str::to_owned));
            }
            names.push((Some(entity.source.clone()), entity.provider_id.clone()));
            plan.entities.push(erased(entity, false));
        }
        if names.is_empty() {
            let own = id.split_once(':').map(|(source, own)| (Some(source.to_owned()), own.to_owned()));
            names.extend([(None, id.to_owned())].into_iter().chain(own));
        }
        names.retain(|(_, name)| name.len() >= SHORTEST_ID);
        let is_named = |source: &str, text: &[u8]| {
            let mut of_source = names.iter().filter(|(of, _)| of.as_ref().is_none_or(|of| of == source));
            of_source.any(|(_, name)| contains_word(text, name))
        };
        plan.webhooks.extend(self.find_webhooks(|it| is_named(&it.source, &it.body)).await?);
        plan.facts = self
            .find_facts(|fact| {
                let texts = [fact.key.as_bytes(), fact.value.as_bytes()];
                texts.iter().any(|text| is_named(&fact.source, text)).then_some(None)
            })
            .await?;
        Ok(plan)
    }

    async fn plan_person(&self, needle: &Needle) -> Result<ErasurePlan, SyncError> {
        let mut plan = ErasurePlan { needle: Some(needle.clone()), ..ErasurePlan::default() };
        let mut after = None;
        loop {
            let page = self.store.entities().list_all(after.as_ref(), AT_ONCE).await?;
            let Some(last) = page.last() else { break };
            after = Some((last.kind, last.id.clone()));
            for entity in page {
                let redacted = entity.content.as_ref().and_then(|content| needle.redact(content));
                plan.entities.extend(redacted.map(|redacted| erased(entity, redacted.remains)));
            }
        }
        plan.webhooks.extend(self.find_webhooks(|it| names_person(needle, &it.body)).await?);
        plan.facts = self
            .find_facts(|fact| {
                let without = redact_json(needle, &fact.value);
                if needle.is_in(&fact.key) {
                    Some(None)
                } else {
                    (without != fact.value).then_some(Some(without))
                }
            })
            .await?;
        for reason in self.store.deliveries().list_reasons().await? {
            if needle.is_in(&reason.reason) {
                let without = needle.remove_from(&reason.reason);
                plan.reasons.push((reason, without));
            }
        }
        for known in self.store.entities().list_workspaces_ever().await? {
            let (name, url) = (needle.remove_from(&known.name), needle.remove_from(&known.url));
            if (&name, &url) != (&known.name, &known.url) {
                plan.workspaces.push(StoredWorkspace { name, url, ..known });
            }
        }
        plan.history = self.find_quotations(needle).await?;
        Ok(plan)
    }

    /// Entries of the history that contain the text, each with what is left of it.
    async fn find_quotations(&self, needle: &Needle) -> Result<Vec<(String, Option<String>)>, SyncError> {
        let (mut found, mut after) = (Vec::new(), String::new());
        loop {
            let page = self.store.timeline().list_quotations(&after, AT_ONCE).await?;
            let Some(last) = page.last() else { return Ok(found) };
            after.clone_from(&last.id);
            found.extend(page.into_iter().filter_map(|it| match it.without(needle) {
                Some((left, contained)) => contained.then_some((it.id, Some(left))),
                None => names_person(needle, it.detail.as_bytes()).then_some((it.id, None)),
            }));
        }
    }

    /// Webhooks that have had their effect or cannot be mapped, and that `is_meant` accepts.
    async fn find_webhooks(&self, is_meant: impl Fn(&StoredBody) -> bool) -> Result<Vec<String>, SyncError> {
        let mut found = Vec::new();
        for state in [InboxState::Done, InboxState::Quarantined] {
            let mut after = String::new();
            loop {
                let page = self.store.inbox().list_bodies_after(state, &after).await?;
                let Some(last) = page.last() else { break };
                after.clone_from(&last.id);
                found.extend(page.into_iter().filter(&is_meant).map(|it| it.id));
            }
        }
        Ok(found)
    }

    /// Facts for which `change` has a new value.
    async fn find_facts(
        &self,
        change: impl Fn(&Fact) -> Option<Option<String>>,
    ) -> Result<Vec<(Fact, Option<String>)>, SyncError> {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = self.store.polls().list_facts(after.as_ref(), AT_ONCE).await?;
            let Some(last) = page.last() else { return Ok(found) };
            after = Some(last.clone());
            found.extend(page.into_iter().filter_map(|fact| change(&fact).map(|value| (fact, value))));
        }
    }

    /// Carries out a plan, and removes what it erased from the database's files too.
    ///
    /// # Errors
    /// When the database fails: what is done stays done, and the same command does the rest.
    pub async fn erase(&self, plan: &ErasurePlan) -> Result<(), SyncError> {
        let store = &self.store;
        // First what an incident could be made from again.
        store.polls().change_facts(&plan.facts).await?;
        for entity in &plan.entities {
            match &plan.needle {
                None => store.erase_entity(entity.kind, &entity.jira_id).await?,
                Some(needle) => {
                    store.redact_entity(entity.kind, &entity.jira_id, needle).await?;
                }
            }
        }
        let webhooks: Vec<String> = plan.webhooks.iter().cloned().collect();
        store.inbox().erase_bodies(&webhooks).await?;
        store.timeline().rewrite(&plan.history).await?;
        store.deliveries().replace_reasons(&plan.reasons).await?;
        store.entities().rename_workspaces(&plan.workspaces).await?;
        while store.vacuum_step().await? {}
        store.scrub().await?;
        Ok(())
    }

    /// Webhooks that have had no effect yet, so that nothing of them was erased.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_unread(&self) -> Result<i64, SyncError> {
        let counts = self.store.inbox().count().await?;
        Ok(counts.iter().filter(|row| row.state == InboxState::New).map(|row| row.count).sum())
    }

    /// Where what was erased, or what is left of it, still has to be sent: ids and names of destinations.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_unsent(&self, plan: &ErasurePlan) -> Result<Vec<(EntityId, String)>, SyncError> {
        let mut unsent = Vec::new();
        for entity in &plan.entities {
            let rows = self.store.deliveries().list_of(&entity.jira_id).await?;
            let waiting = rows
                .into_iter()
                .filter(|row| row.kind == entity.kind)
                .filter(|row| matches!(row.state, DeliveryState::Waiting | DeliveryState::Refused));
            unsent.extend(waiting.map(|row| (row.entity_id, row.site)));
        }
        Ok(unsent)
    }
}

fn erased(entity: StoredEntity, remains: bool) -> ErasedEntity {
    ErasedEntity {
        kind: entity.kind,
        jira_id: entity.id,
        source: entity.source,
        provider_id: entity.provider_id,
        remains,
    }
}

/// Whether the id stands in the text by itself, not as a part of a longer one.
fn contains_word(text: &[u8], id: &str) -> bool {
    let is_part =
        |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    memchr::memmem::find_iter(text, id.as_bytes()).any(|at| {
        let before = at.checked_sub(1).and_then(|before| text.get(before));
        !is_part(before) && !is_part(text.get(at.saturating_add(id.len())))
    })
}

/// Whether a body names the person: as it is, in a string of its JSON, or in a form.
fn names_person(needle: &Needle, body: &[u8]) -> bool {
    if needle.is_in(&String::from_utf8_lossy(body)) {
        return true;
    }
    match serde_json::from_slice::<Value>(body) {
        Ok(json) => any_text(&json, &|text| needle.is_in(text)),
        Err(_) => {
            form_urlencoded::parse(body).any(|(name, value)| needle.is_in(&name) || needle.is_in(&value))
        }
    }
}

fn any_text(json: &Value, is_meant: &impl Fn(&str) -> bool) -> bool {
    match json {
        Value::String(text) => is_meant(text),
        Value::Array(items) => items.iter().any(|item| any_text(item, is_meant)),
        Value::Object(fields) => {
            fields.iter().any(|(name, value)| is_meant(name) || any_text(value, is_meant))
        }
        _ => false,
    }
}

/// JSON with the text taken out of its strings; other text with it taken out everywhere.
fn redact_json(needle: &Needle, text: &str) -> String {
    let Ok(mut json) = serde_json::from_str::<Value>(text) else { return needle.remove_from(text) };
    if !any_text(&json, &|text| needle.is_in(text)) {
        return text.to_owned();
    }
    redact_strings(needle, &mut json);
    json.to_string()
}

fn redact_strings(needle: &Needle, json: &mut Value) {
    match json {
        Value::String(text) => *text = needle.remove_from(text),
        Value::Array(items) => items.iter_mut().for_each(|item| redact_strings(needle, item)),
        Value::Object(fields) => fields.values_mut().for_each(|value| redact_strings(needle, value)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_found_by_itself_and_not_within_another() {
        assert!(contains_word(b"{\"id\": \"Q1AB\"}", "Q1AB") && contains_word(b"Q1AB", "Q1AB"));
        assert!(!contains_word(b"{\"id\": \"Q1ABC\"}", "Q1AB") && !contains_word(b"XQ1AB-2", "Q1AB"));
        assert!(contains_word(b"Q1ABC Q1AB", "Q1AB"));
    }

    #[test]
    fn a_person_is_found_however_the_body_spells_the_name() {
        let needle = Needle::parse("Jörg Meier").expect("long enough");
        for body in [
            "{\"by\": \"jörg meier\"}",
            "{\"by\": \"J\\u00f6rg Meier\"}",
            "{\"J\\u00D6RG MEIER\": 1}",
            "by=J%C3%B6rg+Meier&x=1",
            "{\"by\": \"Jörg Meier",
        ] {
            assert!(names_person(&needle, body.as_bytes()), "{body}");
        }
        assert!(!names_person(&needle, b"{\"by\": \"Joerg Meier\"}"));
        let fact = redact_json(&needle, "{\"summary\":\"J\\u00f6rg Meier is on it\",\"n\":1}");
        assert_eq!(serde_json::from_str::<Value>(&fact).expect("JSON")["summary"], "[erased] is on it");
    }
}
