//! Keeps a work item up to date: its fields, its status, its links. Each only if it differs from what was written last.
//!
//! Text goes before the last status and after a reopening: a closed work item may not be edited.

use chrono::TimeDelta;

use super::issues::Issues;
use super::job::{Job, Target};
use super::stop::{Stop, later};
use crate::destinations::issues::client::{CallError, Fault};
use crate::destinations::issues::content::body::IssueBody;
use crate::destinations::issues::content::edit::{Edit, Scope, edit};
use crate::destinations::issues::content::history::Unproven;
use crate::destinations::issues::content::issue::Issue;
use crate::destinations::issues::content::workflow::Wish;
use crate::destinations::issues::record::{IssueRef, Record, Standing, State};

/// Edits of one work item that tell neither a new status nor a new level are no closer than this: each is a mail.
const BETWEEN_EDITS: TimeDelta = TimeDelta::seconds(30);

/// How soon a write is repeated that met somebody else's, for each conflict in a row.
const AFTER_CONFLICTS: [TimeDelta; 3] = [TimeDelta::seconds(2), TimeDelta::seconds(4), TimeDelta::seconds(6)];

impl Issues {
    /// Brings everything up to date that is not.
    pub(super) async fn update(&self, job: &Job<'_>, record: &mut Record) -> Result<(), Stop> {
        match self.bring_up_to_date(job, record).await {
            Err(Stop::Missing(error)) => {
                // Whether people took it away is found out by looking at it once more.
                record.is_suspect = true;
                Err(self.after_conflict(job, record, &error).await)
            }
            done => done,
        }
    }

    async fn bring_up_to_date(&self, job: &Job<'_>, record: &mut Record) -> Result<(), Stop> {
        let Some(issue) = record.issue.clone().filter(|_| record.state == State::Linked) else {
            return Ok(());
        };
        let standing = Standing::of(job.incident);
        let wishes = record.wishes(standing);
        let project = self.own_project().await?;
        let identity = self.identity(record, job.version).await?;
        let target = job.target(&project, &self.options, &identity);
        // What a lost request has written may have to be taken back.
        let is_edited = record.said.fields.as_ref() != Some(&target.digest) || record.pending.is_some();
        if is_edited || !wishes.is_empty() || record.is_suspect {
            if wishes.is_empty() && !job.is_news(record) && !record.is_suspect {
                self.keep_distance(record)?;
            }
            let mut held = match self.find_current(&issue.id, record).await {
                Ok(held) => held,
                Err(error) if error.fault == Fault::NotFound => return self.lose(job, record).await,
                Err(error) => return Err(error.into()),
            };
            self.check_writer(job, record, &held).await?;
            record.issue = Some(IssueRef { id: held.id.clone(), key: held.key.clone() });
            record.is_suspect = false;
            if wishes.contains(&Wish::Reopen) {
                self.follow(job, record, &held, Wish::Reopen).await?;
                if wishes.len() > 1 {
                    // What follows depends on the status that it has now.
                    held = self.find_current(&issue.id, record).await?;
                }
            }
            if is_edited || record.unproven.is_some() {
                self.edit(job, record, &held, target).await?;
            }
            for wish in wishes.into_iter().filter(|wish| *wish != Wish::Reopen) {
                self.follow(job, record, &held, wish).await?;
            }
        }
        if standing.is_some() {
            record.said.standing = standing;
            record.moving = None;
        }
        self.comment(job, record, &issue.id).await?;
        self.relate(job, record).await?;
        self.mark_merged(job, record).await?;
        self.bring_links(job, record).await
    }

    /// The work item as it is now; with its history if that must prove the last edit.
    pub(super) async fn find_current(&self, id: &str, record: &Record) -> Result<Issue, CallError> {
        let found = match record.unproven {
            Some(_) => self.client.find_issue_with_history(id).await,
            None => self.client.find_issue(id).await,
        };
        Ok(found?.value)
    }

    /// Gives back what people wrote just before the last edit, which covered it: it is theirs from then on.
    pub(super) async fn give_back(&self, record: &mut Record, mut held: Issue) -> Result<Issue, Stop> {
        let covered = record.unproven.as_ref().map(|it| it.find_covered(&held, &record.written));
        if let Some(fields) = covered.filter(|it| !it.is_empty()) {
            let body = IssueBody { fields: fields.clone(), ..IssueBody::default() };
            match self.client.edit_issue(&held.id, &body).await {
                Ok(_) => {
                    tracing::info!(
                        issue = held.key,
                        "what a person wrote just before the bridge was given back"
                    );
                    held = held.showing(fields);
                }
                // It is in the history, and nowhere else.
                Err(error) if matches!(error.fault, Fault::Rejected(_)) => {
                    tracing::warn!(issue = held.key, %error, "what a person wrote just before the bridge is lost");
                }
                Err(error) if error.fault == Fault::Conflict => {
                    let [soon, ..] = AFTER_CONFLICTS;
                    return Err(Stop::Wait { until: later(self.clock.now(), soon), why: error.to_string() });
                }
                Err(error) => return Err(error.into()),
            }
        }
        record.unproven = None;
        Ok(held)
    }

    fn keep_distance(&self, record: &Record) -> Result<(), Stop> {
        match record.said.edited_at.map(|at| later(at, BETWEEN_EDITS)) {
            Some(until) if until > self.clock.now() => Err(Stop::Wait {
                until,
                why: "it was edited a moment ago, and each edit is a mail".to_owned(),
            }),
            _ => Ok(()),
        }
    }

    /// Another program, or another installation of this one, must not write to the same work item.
    async fn check_writer(&self, job: &Job<'_>, record: &Record, held: &Issue) -> Result<(), Stop> {
        let Some(found) = held.identity() else { return Ok(()) };
        if !found.is_same(&self.identity(record, 0).await?) {
            return Err(Stop::refused(format!("{} stands for another incident now", held.key)));
        }
        if found.seq > job.version {
            return Err(Stop::refused(format!(
                "{} holds a later version than this program has sent: another one writes to it",
                held.key
            )));
        }
        Ok(())
    }

    async fn edit(&self, job: &Job<'_>, record: &mut Record, held: &Issue, own: Target) -> Result<(), Stop> {
        let (own_digest, project) = (own.digest.clone(), self.project_of(held).await?);
        let identity = self.identity(record, job.version).await?;
        let is_own = project.key == self.own_project().await?.key;
        let mut target = if is_own { own } else { job.target(&project, &self.options, &identity) };
        if record.is_plain {
            target.wanted.description = target.plain.clone();
        }
        if let Some(pending) = record.pending.take() {
            record.written.take_over(&pending, held);
        }
        let held = &self.give_back(record, held.clone()).await?;
        let refused = self.projects.list_refused(&project.key);
        let scope = Scope { update: &self.options.update, refused: &refused };
        let Edit { body, respected, written } = edit(scope, &target.wanted, &record.written, held, &identity);
        record.remarks.note_theirs(&respected, self.clock.now());
        record.written = written;
        if let Some(mut body) = body {
            self.announce_edit(job, record, (&body, held)).await?;
            let mut outcome = self.client.edit_issue(&held.id, &body).await;
            for _ in 0..2 {
                let Err(error) = &outcome else { break };
                let repaired = self.repair_edit(&body, error, &target, (&project.key, record));
                let Some(repaired) = repaired else { break };
                body = repaired;
                self.announce_edit(job, record, (&body, held)).await?;
                if !body.has_fields() {
                    break;
                }
                outcome = self.client.edit_issue(&held.id, &body).await;
            }
            match outcome {
                Ok(_) => record.said.edited_at = Some(self.clock.now()),
                Err(_) if !body.has_fields() => {}
                Err(error) => return Err(self.after_refused_edit(job, record, error).await),
            }
            record.written.apply(&body);
            record.said.seq = if body.has_fields() { job.version } else { record.said.seq };
        }
        record.pending = None;
        record.said.fields = Some(own_digest);
        record.said.level = Some(job.incident.severity);
        record.remarks.shortened = target.shortened;
        record.remarks.unmatched = target.unmatched;
        record.remarks.priority = target.wanted.priority.map(|priority| priority.name);
        self.save(&job.note(), record).await
    }

    /// Commits what a request that leaves now will have written.
    async fn announce_edit(
        &self,
        job: &Job<'_>,
        record: &mut Record,
        (body, held): (&IssueBody, &Issue),
    ) -> Result<(), Stop> {
        record.unproven = Unproven::of(body, held);
        let mut pending = record.written.clone();
        pending.apply(body);
        record.pending = Some(pending);
        self.save(&job.note(), record).await
    }

    /// The body without the fields that Jira named; the summary too, which only a creation needs.
    fn repair_edit(
        &self,
        body: &IssueBody,
        error: &CallError,
        target: &Target,
        (project, record): (&str, &mut Record),
    ) -> Option<IssueBody> {
        const SUMMARY: &str = "summary";
        let Fault::Rejected(rejection) = &error.fault else { return None };
        if !rejection.field_names().contains(SUMMARY) {
            return self.repair(body, error, target, (project, record));
        }
        let mut rest = body.clone();
        rest.fields.remove(SUMMARY)?;
        self.projects.note_refused(project, &[SUMMARY.to_owned()]);
        record.remarks.left_out.insert(SUMMARY.to_owned());
        Some(rest)
    }

    async fn after_refused_edit(&self, job: &Job<'_>, record: &mut Record, error: CallError) -> Stop {
        if error.fault == Fault::Conflict {
            return self.after_conflict(job, record, &error).await;
        }
        if matches!(error.fault, Fault::Rejected(_))
            && let Err(stop) = self.check_permission("EDIT_ISSUES", "Edit Issues").await
        {
            return stop;
        }
        error.into()
    }

    /// Somebody else was writing: a few more attempts, each later.
    async fn after_conflict(&self, job: &Job<'_>, record: &mut Record, error: &CallError) -> Stop {
        record.conflicts = record.conflicts.saturating_add(1);
        if let Err(stop) = self.save(&job.note(), record).await {
            return stop;
        }
        match AFTER_CONFLICTS.get(usize::try_from(record.conflicts).unwrap_or(usize::MAX).saturating_sub(1)) {
            Some(wait) => Stop::Wait { until: later(self.clock.now(), *wait), why: error.to_string() },
            None => Stop::refused(error.to_string()),
        }
    }

    /// The work item is not there, or not for us: which of the two is found out before it counts as gone.
    async fn lose(&self, job: &Job<'_>, record: &mut Record) -> Result<(), Stop> {
        self.check_permission("BROWSE_PROJECTS", "Browse Projects").await?;
        self.read_own_project().await?;
        if self.options.recreate {
            record.begin_episode();
            record.before = None;
            self.create(job, record).await?;
            return Box::pin(self.update(job, record)).await;
        }
        record.state = State::Gone;
        record.is_suspect = false;
        record.remarks.none = Some("people deleted the work item, or hid it".to_owned());
        self.save(&job.note(), record).await
    }

    /// Whether a work item that was gone is back.
    pub(super) async fn look_again(&self, job: &Job<'_>, record: &mut Record) -> Result<(), Stop> {
        let Some(issue) = record.issue.clone() else { return Ok(()) };
        match self.client.find_issue(&issue.id).await {
            Ok(_) => {
                record.state = State::Linked;
                record.remarks.none = None;
                self.update(job, record).await
            }
            Err(error) if error.fault == Fault::NotFound => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
