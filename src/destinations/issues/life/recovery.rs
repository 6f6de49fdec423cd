//! Looks for a work item whose creation was not answered, and takes it over.
//!
//! Not found proves nothing, because the search lags: only after the last look another one is made, and said to be.

use super::issues::Issues;
use super::job::Job;
use super::stop::Stop;
use crate::destinations::issues::content::identity::Identity;
use crate::destinations::issues::content::issue::Issue;
use crate::destinations::issues::content::jql::by_label;
use crate::destinations::issues::content::labels::identity_label;
use crate::destinations::issues::content::walk::{KeyWalk, find_own};
use crate::destinations::issues::record::{FoundBy, IssueRef, Record, Said, Standing, State, Step};

/// Issues of one page of a search.
const PAGE: u32 = 50;

impl Issues {
    /// Looks for it. Ends with a work item, with none because none is wanted any more, or with the time of the next
    /// look.
    pub(super) async fn recover(&self, job: &Job<'_>, record: &mut Record) -> Result<(), Stop> {
        self.look_for(&job.note(), record).await?;
        if record.state == State::Linked {
            return Ok(());
        }
        match record.step(job.incident, self.policy(job), self.clock.now()) {
            Step::Create => {
                self.create(job, record).await?;
                record.found_by = Some(FoundBy::MadeAgain);
                self.save(&job.note(), record).await
            }
            Step::None(why) => {
                record.remarks.none = Some(why);
                Ok(())
            }
            _ => Err(self.wait_for_look(record)),
        }
    }

    /// Looks for what an unclear request has made. Ends with a work item, or, after the last look, with none.
    pub(super) async fn look_for(&self, note: &str, record: &mut Record) -> Result<(), Stop> {
        if record.state == State::Sending {
            record.lose_sight(self.clock.now(), "the program ended before Jira's answer came");
            self.save(note, record).await?;
        }
        if record.creation.next_look().is_some_and(|at| at > self.clock.now()) {
            return Err(self.wait_for_look(record));
        }
        if let Some((issue, found_by)) = self.find_made(record).await? {
            self.adopt(record, &issue, found_by);
            return self.save(note, record).await;
        }
        record.creation.looks = record.creation.looks.saturating_add(1);
        if record.creation.next_look().is_none() {
            record.state = State::Creating;
        }
        self.save(note, record).await?;
        if record.state == State::Creating { Ok(()) } else { Err(self.wait_for_look(record)) }
    }

    pub(super) fn wait_for_look(&self, record: &Record) -> Stop {
        let why = record.creation.why.clone().unwrap_or_default();
        let until = record.creation.next_look().unwrap_or_else(|| self.clock.now());
        Stop::Wait { until, why: format!("it is looked for in Jira, because it may have been made: {why}") }
    }

    /// Takes over a work item that was found. What it shows is compared before anything is written to it.
    pub(super) fn adopt(&self, record: &mut Record, issue: &Issue, found_by: FoundBy) {
        self.note_key(&issue.key);
        record.link(IssueRef { id: issue.id.clone(), key: issue.key.clone() }, found_by);
        record.said = Said { standing: Some(Standing::Open), ..Said::default() };
        record.pending = None;
        record.reviews.values_mut().for_each(|review| review.sent = false);
    }

    async fn find_made(&self, record: &Record) -> Result<Option<(Issue, FoundBy)>, Stop> {
        let identity = self.identity(record, 0).await?;
        Ok(match self.walk(&identity, record).await? {
            Some(issue) => Some((issue, FoundBy::KeyWalk)),
            None => self.find_by_label(&identity).await?.map(|issue| (issue, FoundBy::Label)),
        })
    }

    /// By the keys after the highest one that was known before the request left.
    async fn walk(&self, identity: &Identity, record: &Record) -> Result<Option<Issue>, Stop> {
        let project = self.own_project().await?;
        let mut walk = KeyWalk::new(&project.key, record.creation.highest);
        while let Some(keys) = walk.keys() {
            let found = self.client.fetch_issues(&keys).await?.value;
            if let Some(own) = find_own(&found, identity) {
                return Ok(Some(own.clone()));
            }
            walk.note(&found);
        }
        Ok(None)
    }

    async fn find_by_label(&self, identity: &Identity) -> Result<Option<Issue>, Stop> {
        if !self.options.identity_label {
            return Ok(None);
        }
        let project = self.own_project().await?;
        let jql = by_label(&project.key, &identity_label(identity));
        let found = self.client.search(&jql, PAGE, None).await?.value.issues;
        Ok(find_own(&found, identity).cloned())
    }
}
