//! Looks after what was made: work items that stand for the same incident, those that no record knows, and those that
//! were gone and may be back.
//!
//! A last resort: after a lost answer and a search that lagged for long, two may have been made. Must never delete any.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde_json::json;

use super::issues::{Issues, read_record};
use super::links::is_refused;
use super::status::Outcome;
use super::stop::Stop;
use crate::destinations::issues::client::{CallError, Fault, MAX_FETCHED};
use crate::destinations::issues::content::body::IssueBody;
use crate::destinations::issues::content::description::comment;
use crate::destinations::issues::content::doubles::{Double, find_doubles};
use crate::destinations::issues::content::issue::Issue;
use crate::destinations::issues::content::jql::{by_label_since, created_since};
use crate::destinations::issues::content::labels::{DUPLICATE_LABEL, LABEL};
use crate::destinations::issues::content::workflow::Wish;
use crate::destinations::issues::record::{FoundBy, Record, State};
use crate::destinations::ledger::{Note, NoteFilter};
use crate::domain::EntityId;

/// How far back is looked, in hours.
const HOURS: u32 = 48;
/// Work items of one page, and pages at most.
const PAGE: u32 = 100;
const PAGES: u32 = 50;

impl Issues {
    /// Looks at the work items of the last two days and at those that were gone. Returns the incidents that must be
    /// given once more.
    pub async fn sweep(&self) -> Result<Vec<EntityId>, Stop> {
        let mut issues = self.list_made().await?;
        let (mut records, mut again) = (BTreeMap::new(), Vec::new());
        for issue in &issues {
            let Some(note) = self.find_note(issue).await? else { continue };
            if let Entry::Vacant(new) = records.entry(note) {
                let record = self.load(new.key()).await?;
                new.insert(record);
            }
        }
        // A record's own work item may be older, or not found at the moment.
        let known = records.values().filter_map(|record| record.issue.as_ref());
        let missing: Vec<String> =
            known.map(|known| known.id.clone()).filter(|id| issues.iter().all(|it| it.id != *id)).collect();
        for ids in missing.chunks(MAX_FETCHED) {
            issues.extend(self.client.fetch_issues(ids).await?.value);
        }
        let linked = |issue: &Issue| {
            records.values().any(|record| record.issue.as_ref().is_some_and(|it| it.id == issue.id))
        };
        let doubles = find_doubles(issues.clone(), linked);
        for issue in &issues {
            let is_extra = doubles.iter().any(|double| double.extra.iter().any(|it| it.id == issue.id));
            if !is_extra {
                again.extend(self.take_in(issue).await?);
            }
        }
        for double in doubles {
            self.settle(double).await?;
        }
        again.extend(self.find_returned().await?);
        Ok(again)
    }

    /// Our work items of the last two days, without those that are marked.
    async fn list_made(&self) -> Result<Vec<Issue>, Stop> {
        let project = self.own_project().await?;
        let jql = if project.screen.has("labels") {
            by_label_since(&project.key, LABEL, HOURS)
        } else {
            created_since(&project.key, HOURS)
        };
        let (mut issues, mut next) = (Vec::new(), None);
        for _ in 0..PAGES {
            let page = self.client.search(&jql, PAGE, next.as_deref()).await?.value;
            for issue in page.issues {
                let is_marked = self.ledger.find(&note_of_double(&issue)).await?.is_some();
                if !is_marked && self.find_note(&issue).await?.is_some() {
                    issues.push(issue);
                }
            }
            next = page.next;
            if next.is_none() {
                break;
            }
        }
        Ok(issues)
    }

    /// Takes over a work item of ours that its record does not know. Returns its incident if so.
    async fn take_in(&self, issue: &Issue) -> Result<Option<EntityId>, Stop> {
        let (Some(note), Some(identity)) = (self.find_note(issue).await?, issue.identity()) else {
            return Ok(None);
        };
        let mut record = self.load(&note).await?;
        let is_known = record.issue.is_some() || record.episode != identity.episode;
        if is_known {
            return Ok(None);
        }
        self.adopt(&mut record, issue, FoundBy::Sweep);
        self.save(&note, &record).await?;
        Ok(note.strip_prefix("incident/").map(EntityId::from_text))
    }

    async fn settle(&self, double: Double) -> Result<(), Stop> {
        let has_labels = self.own_project().await?.screen.has("labels");
        for extra in &double.extra {
            let marked = if extra.labels().contains(DUPLICATE_LABEL) {
                Ok(())
            } else if has_labels {
                let label = IssueBody::adding_labels(&[DUPLICATE_LABEL.to_owned()]);
                self.client.edit_issue(&extra.id, &label).await.map(drop)
            } else {
                let text = format!("This stands for the same incident as {}.", double.keep.key);
                self.client.add_comment(&extra.id, &comment(&text)).await.map(drop)
            };
            spare(marked)?;
            spare(self.client.link_issues("Duplicate", &extra.key, &double.keep.key).await.map(drop))?;
            let no_way = match self.move_on(extra, Wish::Resolve, None).await {
                Ok(Outcome::NoWay(why)) => Some(why),
                Ok(Outcome::Done(_)) | Err(Stop::Missing(_)) => None,
                // It was labelled just now, and is resolved by the next sweep.
                Err(Stop::Wait { .. }) => continue,
                Err(stop) => return Err(stop),
            };
            let value = json!({ "of": double.keep.id, "noWay": no_way });
            let (name, state) = (note_of_double(extra), "marked".to_owned());
            self.ledger.write(&[Note { name, state, number: None, value }]).await?;
            tracing::warn!(extra = %extra.key, keep = %double.keep.key, "two work items for one incident; one is marked");
        }
        let Some(note) = self.find_note(&double.keep).await? else { return Ok(()) };
        let mut record = self.load(&note).await?;
        record.remarks.doubles.extend(double.extra.iter().map(|extra| extra.key.clone()));
        self.save(&note, &record).await
    }

    /// Incidents whose work items were gone and are back.
    async fn find_returned(&self) -> Result<Vec<EntityId>, Stop> {
        let (mut returned, mut after) = (Vec::new(), String::new());
        loop {
            let filter = NoteFilter { prefix: "incident/", state: Some(State::Gone.as_str()), after: &after };
            let notes = self.ledger.list(filter, MAX_FETCHED).await?;
            let Some(last) = notes.last() else { return Ok(returned) };
            after.clone_from(&last.name);
            let ids: Vec<String> =
                notes.iter().filter_map(|note| note.number).map(|id| id.to_string()).collect();
            let found = self.client.fetch_issues(&ids).await?.value;
            for note in notes {
                let mut record: Record = read_record(&note)?;
                let is_back = |issue: &Issue| record.issue.as_ref().is_some_and(|known| known.id == issue.id);
                if found.iter().any(is_back) {
                    record.state = State::Linked;
                    record.is_suspect = true;
                    record.remarks.none = None;
                    self.save(&note.name, &record).await?;
                    returned.extend(note.name.strip_prefix("incident/").map(EntityId::from_text));
                }
            }
        }
    }
}

/// A mark that cannot be made does not keep the others from being made.
fn spare(outcome: Result<(), CallError>) -> Result<(), Stop> {
    match outcome {
        Err(error) if !is_refused(&error.fault) && error.fault != Fault::Conflict => Err(error.into()),
        _ => Ok(()),
    }
}

fn note_of_double(issue: &Issue) -> String {
    format!("double/{}", issue.id)
}
