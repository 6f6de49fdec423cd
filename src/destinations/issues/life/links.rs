//! Links from a work item back to the tool: to the incident, and to the reviews that cover it; and from one work item to
//! another: to the next of its incident, and to that of the incident it was merged into.

use chrono::TimeDelta;
use serde_json::Value;

use super::issues::Issues;
use super::job::{Job, note_of};
use super::stop::{Stop, later};
use crate::destinations::issues::client::{CallError, Fault};
use crate::destinations::issues::record::{Record, ReviewLink, State};
use crate::domain::EntityId;

/// How soon a work item is looked at that could not be linked because it was not there.
const SOON: TimeDelta = TimeDelta::seconds(2);

impl Issues {
    /// Makes or renews the links that Jira lacks.
    pub(super) async fn bring_links(&self, job: &Job<'_>, record: &mut Record) -> Result<(), Stop> {
        let Some(issue) = record.issue.clone() else { return Ok(()) };
        let link = job.link(&self.identity(record, 0).await?);
        self.bring_link(&job.note(), record, &issue.id, link).await?;
        self.bring_reviews(&job.note(), record).await
    }

    /// Makes or renews the link to the incident, if Jira may show another.
    pub(super) async fn bring_link(
        &self,
        note: &str,
        record: &mut Record,
        issue: &str,
        link: Value,
    ) -> Result<(), Stop> {
        if record.said.link.as_ref() == Some(&link) && !record.said.is_linking {
            return Ok(());
        }
        if record.said.link.is_some() && !record.said.is_linking {
            record.said.is_linking = true;
            self.save(note, record).await?;
        }
        if self.put_link(note, record, issue, &link).await? {
            record.said.link = Some(link);
            record.said.is_linking = false;
            self.save(note, record).await?;
        }
        Ok(())
    }

    /// Links the reviews that are not linked yet.
    pub(super) async fn bring_reviews(&self, note: &str, record: &mut Record) -> Result<(), Stop> {
        let Some(issue) = record.issue.clone() else { return Ok(()) };
        let waiting = record.reviews.iter().filter(|(_, review)| !review.sent);
        let waiting: Vec<_> = waiting.map(|(id, review)| (id.clone(), review.link.clone())).collect();
        for (id, link) in waiting {
            if !self.put_link(note, record, &issue.id, &link).await? {
                break;
            }
            record.reviews.insert(id, ReviewLink { link, sent: true });
            self.save(note, record).await?;
        }
        Ok(())
    }

    /// Whether Jira took it; where links are not possible, that is remarked and nothing else waits for it.
    pub(super) async fn put_link(
        &self,
        note: &str,
        record: &mut Record,
        issue: &str,
        link: &Value,
    ) -> Result<bool, Stop> {
        match self.client.put_remote_link(issue, link).await {
            Ok(_) => {
                record.remarks.no_links = None;
                Ok(true)
            }
            Err(error) => self.after_refused_link(note, record, error).await.map(|()| false),
        }
    }

    async fn after_refused_link(
        &self,
        note: &str,
        record: &mut Record,
        error: CallError,
    ) -> Result<(), Stop> {
        match error.fault {
            Fault::Forbidden | Fault::IssueFull | Fault::Rejected(_) => {
                record.remarks.no_links = Some(error.to_string());
                Ok(())
            }
            Fault::NotFound => {
                record.is_suspect = true;
                self.save(note, record).await?;
                Err(Stop::Wait { until: later(self.clock.now(), SOON), why: error.to_string() })
            }
            _ => Err(error.into()),
        }
    }

    /// Links a work item with the one of the episode before.
    pub(super) async fn relate(&self, job: &Job<'_>, record: &mut Record) -> Result<(), Stop> {
        let (Some(before), Some(issue)) = (&record.before, &record.issue) else { return Ok(()) };
        match self.client.link_issues("Relates", &before.key, &issue.key).await {
            Err(error) if !is_refused(&error.fault) => Err(error.into()),
            _ => {
                record.before = None;
                self.save(&job.note(), record).await
            }
        }
    }

    /// Links the work item of an incident that was merged into another as a duplicate of that one's, if that has one.
    pub(super) async fn mark_merged(&self, job: &Job<'_>, record: &mut Record) -> Result<(), Stop> {
        let (Some(survivor), Some(issue)) = (&job.incident.words.merged_into, &record.issue) else {
            return Ok(());
        };
        if record.said.merged_into.as_ref() == Some(survivor) {
            return Ok(());
        }
        let other = self.load(&note_of(&EntityId::new(&job.source.source, survivor))).await?;
        let Some(other) = other.issue.filter(|_| other.state == State::Linked) else { return Ok(()) };
        match self.client.link_issues("Duplicate", &issue.key, &other.key).await {
            Err(error) if !is_refused(&error.fault) => Err(error.into()),
            _ => {
                record.said.merged_into = Some(survivor.clone());
                self.save(&job.note(), record).await
            }
        }
    }
}

/// Whether Jira will not make a link, whenever it is asked.
pub(super) fn is_refused(fault: &Fault) -> bool {
    matches!(fault, Fault::NotFound | Fault::Forbidden | Fault::IssueFull | Fault::Rejected(_))
}
