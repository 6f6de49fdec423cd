//! An incident that the tool has deleted, or whose source is no longer there; and what is proven of a work item.
//!
//! Must never delete a work item.

use serde_json::{Map, Value, json};

use super::issues::Issues;
use super::job::note_of;
use super::stop::Stop;
use crate::destinations::Held;
use crate::destinations::issues::client::Fault;
use crate::destinations::issues::content::issue::Issue;
use crate::destinations::issues::content::remote_link::holds;
use crate::destinations::issues::content::workflow::{Category, Wish};
use crate::destinations::issues::options::OnDelete;
use crate::destinations::issues::record::{Record, Standing, State};
use crate::destinations::ledger::NoteFilter;
use crate::domain::{EntityId, EntityKind, SourceId};

/// What the link to an incident says that the tool has deleted.
const NO_LONGER: &str = "no longer in the tool";

/// Records of one page of the ledger.
const PAGE: usize = 50;

impl Issues {
    /// Resolves the work item and strikes its link through, if the operator wants that.
    pub async fn withdraw(&self, note: &str) -> Result<(), Stop> {
        let mut record = self.load(note).await?;
        if record.is_withdrawn {
            return Ok(());
        }
        self.resolve_withdrawn(note, &mut record).await?;
        record.is_withdrawn = true;
        self.save(note, &record).await
    }

    async fn resolve_withdrawn(&self, note: &str, record: &mut Record) -> Result<(), Stop> {
        if matches!(record.state, State::Sending | State::Uncertain) {
            // It may have been made, and would stay open for ever.
            self.look_for(note, record).await?;
        }
        let linked = record.issue.clone().filter(|_| record.state == State::Linked);
        let Some(issue) = linked.filter(|_| self.options.on_delete == OnDelete::Resolve) else {
            return Ok(());
        };
        let held = match self.client.find_issue(&issue.id).await {
            Ok(answer) => answer.value,
            Err(error) if error.fault == Fault::NotFound => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        if !record.wishes(Some(Standing::Resolved)).is_empty() {
            match self.move_noting(note, record, &held, Wish::Resolve).await {
                Err(Stop::Missing(_)) => return Ok(()),
                moved => moved?,
            }
            record.said.standing = Some(Standing::Resolved);
            record.said.resolved_at = Some(self.clock.now());
            self.save(note, record).await?;
        }
        let Some(link) = record.said.link.clone().and_then(strike_through) else { return Ok(()) };
        self.bring_link(note, record, &issue.id, link).await
    }

    /// The same for every incident of a source.
    pub async fn withdraw_all(&self, source: &SourceId) -> Result<(), Stop> {
        let prefix = format!("incident/{source}:");
        let (mut after, mut waits) = (String::new(), None);
        loop {
            let filter = NoteFilter { prefix: &prefix, state: None, after: &after };
            let notes = self.ledger.list(filter, PAGE).await?;
            let Some(last) = notes.last() else { return waits.map_or(Ok(()), Err) };
            let last = last.name.clone();
            for note in notes {
                match self.withdraw(&note.name).await {
                    // One that Jira refuses keeps none of the others.
                    Err(Stop::Refused { why, .. }) => {
                        tracing::warn!(note = %note.name, why, "a work item could not be resolved");
                    }
                    // One that must wait for its next request keeps none of the others either.
                    Err(wait @ Stop::Wait { .. }) => waits = Some(wait),
                    done => done?,
                }
            }
            after = last;
        }
    }

    /// What Jira shows of what was written last: the version is that of which nothing is left to do. `None` if something
    /// does not show, and for what was withdrawn.
    pub async fn look(&self, kind: EntityKind, id: &EntityId) -> Result<Option<Held>, Stop> {
        let as_it_should_be = |version, body| Held { version: Some(version), body };
        if kind != EntityKind::Incident {
            // A review is proven where it is linked, with the incident.
            let is_linked = self.is_review_linked(id).await?;
            return Ok(is_linked.then(|| as_it_should_be(i64::MAX, Map::new())));
        }
        let note = note_of(id);
        let mut record = self.load(&note).await?;
        if record.is_withdrawn || record.said.version == 0 {
            return Ok(None);
        }
        let Some(issue) = record.issue.clone().filter(|_| record.state == State::Linked) else {
            return Ok(Some(as_it_should_be(record.said.version, Map::new())));
        };
        let held = match self.find_current(&issue.id, &record).await {
            Ok(held) => Some(held),
            Err(error) if error.fault == Fault::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        let Some(held) = held.filter(|held| shows_fields(held, &record)) else {
            return self.suspect(&note, &mut record).await;
        };
        if !self.shows_links(&issue.id, &record).await? {
            record.said.link = None;
            record.reviews.values_mut().for_each(|review| review.sent = false);
            return self.suspect(&note, &mut record).await;
        }
        let before = record.clone();
        let held = self.give_back(&mut record, held).await?;
        record.written.note_defaults(&held);
        if record != before {
            self.save(&note, &record).await?;
        }
        let category = held.category().map(Category::as_str);
        let body = json!({ "key": held.key, "status": held.status(), "category": category });
        Ok(Some(as_it_should_be(record.said.version, body.as_object().cloned().unwrap_or_default())))
    }

    async fn suspect(&self, note: &str, record: &mut Record) -> Result<Option<Held>, Stop> {
        record.is_suspect = true;
        self.save(note, record).await?;
        Ok(None)
    }

    async fn shows_links(&self, issue: &str, record: &Record) -> Result<bool, Stop> {
        let reviews = record.reviews.values().filter(|review| review.sent).map(|review| &review.link);
        for sent in record.said.link.iter().chain(reviews) {
            let global_id = sent.get("globalId").and_then(Value::as_str).unwrap_or_default();
            let held = self.client.find_remote_link(issue, global_id).await?.value;
            if !held.is_some_and(|held| holds(&held.body, sent)) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn shows_fields(held: &Issue, record: &Record) -> bool {
    held.identity().is_some_and(|found| found.seq >= record.said.seq)
}

/// The link as it looks once the tool no longer has the incident.
fn strike_through(mut link: Value) -> Option<Value> {
    let object = link.get_mut("object")?.as_object_mut()?;
    object.insert("summary".to_owned(), json!(NO_LONGER));
    object.insert("status".to_owned(), json!({ "resolved": true, "icon": { "title": NO_LONGER } }));
    Some(link)
}
