//! Making a work item: never two for one incident.
//!
//! The record is durable before the request leaves, so that after any failure it is known that one may exist.

use super::issues::Issues;
use super::job::{Job, Target};
use super::project::Project;
use super::stop::Stop;
use crate::destinations::issues::client::{CallError, Created, Endpoint, Fault};
use crate::destinations::issues::content::body::IssueBody;
use crate::destinations::issues::content::create::create;
use crate::destinations::issues::content::edit::Written;
use crate::destinations::issues::content::issue::Issue;
use crate::destinations::issues::content::jql::by_key_descending;
use crate::destinations::issues::record::{FoundBy, IssueRef, Record, Standing, State};

/// A work item that is about to be made.
pub(super) struct Plan {
    pub target: Target,
    pub body: IssueBody,
}

impl Issues {
    /// Makes the work item of an incident; its status, links and reviews follow.
    pub(super) async fn create(&self, job: &Job<'_>, record: &mut Record) -> Result<(), Stop> {
        if let Some(held) = self.client.find_held(Endpoint::CreateIssue, None) {
            return Err(CallError::held(Endpoint::CreateIssue, held).into());
        }
        let project = self.own_project().await?;
        let plan = self.plan(job, record, &project).await?;
        let highest = self.find_highest(&project.key).await?;
        let mut body = plan.body.clone();
        self.announce(job, record, (&body, highest)).await?;
        let mut outcome = self.client.create_issue(&body).await;
        // A description can be refused twice: with its formatting, and without.
        for _ in 0..2 {
            let Err(error) = &outcome else { break };
            let repaired = self.repair(&body, error, &plan.target, (&project.key, record));
            let Some(repaired) = repaired else { break };
            body = repaired;
            self.announce(job, record, (&body, highest)).await?;
            outcome = self.client.create_issue(&body).await;
        }
        match outcome {
            Ok(answer) => {
                self.note_created(job, record, &plan.target, answer.value);
                self.save(&job.note(), record).await?;
                self.note_defaults(job, record).await
            }
            Err(error) => self.note_not_created(job, record, error).await,
        }
    }

    /// What is to be sent.
    pub(super) async fn plan(
        &self,
        job: &Job<'_>,
        record: &mut Record,
        project: &Project,
    ) -> Result<Plan, Stop> {
        let identity = self.identity(record, job.version).await?;
        let target = job.target(project, &self.options, &identity);
        let refused = self.projects.list_refused(&project.key);
        let creation = create(project.place(&refused, &self.options), &target.wanted, &identity);
        record.remarks.left_out = creation.left_out.into_iter().collect();
        if !creation.missing.is_empty() {
            return Err(Stop::refused(format!(
                "the create screen of {} requires {}: give it a value in `fields`, or make it optional",
                project.key,
                creation.missing.join(", ")
            )));
        }
        Ok(Plan { target, body: creation.body })
    }

    /// Commits that the request leaves now.
    async fn announce(
        &self,
        job: &Job<'_>,
        record: &mut Record,
        (body, highest): (&IssueBody, u64),
    ) -> Result<(), Stop> {
        let mut written = Written::default();
        written.apply(body);
        record.begin_sending(highest, written);
        self.save(&job.note(), record).await
    }

    /// The body without the fields that Jira named, if that may help.
    pub(super) fn repair(
        &self,
        body: &IssueBody,
        error: &CallError,
        target: &Target,
        (project, record): (&str, &mut Record),
    ) -> Option<IssueBody> {
        let Fault::Rejected(rejection) = &error.fault else { return None };
        let repaired = body.repair(&rejection.field_names(), &target.plain)?;
        self.projects.note_refused(project, &repaired.dropped);
        record.is_plain |= repaired.is_plain;
        record.remarks.left_out.extend(repaired.dropped);
        Some(repaired.body)
    }

    pub(super) fn note_created(&self, job: &Job<'_>, record: &mut Record, target: &Target, created: Created) {
        self.note_key(&created.key);
        record.link(IssueRef { id: created.id, key: created.key }, FoundBy::Answer);
        record.said.seq = job.version;
        record.said.fields = Some(target.digest.clone());
        record.said.level = Some(job.incident.severity);
        record.said.standing = Some(Standing::Open);
        record.remarks.shortened = target.shortened;
        record.remarks.unmatched.clone_from(&target.unmatched);
        record.remarks.priority = target.wanted.priority.as_ref().map(|priority| priority.name.clone());
    }

    /// Notes the priority that Jira chose because none was sent: only at once can it be told from one that a person chose.
    async fn note_defaults(&self, job: &Job<'_>, record: &mut Record) -> Result<(), Stop> {
        let is_open = record.written.priority.is_none()
            && self.own_project().await?.screen.find_field("priority").is_some();
        let Some(issue) = record.issue.clone().filter(|_| is_open) else { return Ok(()) };
        let held = match self.client.find_issue(&issue.id).await {
            Ok(answer) => answer.value,
            // Somebody was faster: that it is gone is found out with everything else that is brought up to date.
            Err(error) if error.fault == Fault::NotFound => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        record.written.note_defaults(&held);
        if record.written.priority.is_some() { self.save(&job.note(), record).await } else { Ok(()) }
    }

    async fn note_not_created(
        &self,
        job: &Job<'_>,
        record: &mut Record,
        error: CallError,
    ) -> Result<(), Stop> {
        if error.may_have_worked() {
            record.lose_sight(self.clock.now(), &error.to_string());
            self.save(&job.note(), record).await?;
            return Err(self.wait_for_look(record));
        }
        let is_rejected = matches!(error.fault, Fault::Rejected(_));
        record.note_not_made(if is_rejected { State::Refused } else { State::Creating }, error.to_string());
        self.save(&job.note(), record).await?;
        if is_rejected {
            // The project may have changed, or the account's permissions: Jira answers 400 for both.
            self.read_own_project().await?;
            self.check_permission("CREATE_ISSUES", "Create Issues").await?;
        }
        Err(error.into())
    }

    /// The highest number of a key that is known in a project: where a search by key begins.
    pub(super) async fn find_highest(&self, project: &str) -> Result<u64, Stop> {
        if let Some(known) = self.projects.find_highest(project) {
            return Ok(known);
        }
        if let Some(last) = self.ledger.find_last().await?
            && let Some(issue) = super::issues::read_record(&last)?.issue
        {
            self.note_key(&issue.key);
        }
        let page = self.client.search(&by_key_descending(project), 1, None).await?.value;
        let found = page.issues.iter().filter_map(Issue::number).max();
        self.projects.note_number(project, found.unwrap_or_default());
        Ok(self.projects.find_highest(project).unwrap_or_default())
    }

    /// Notes the number of a key that Jira told.
    pub(super) fn note_key(&self, key: &str) {
        if let Some((project, number)) = key.rsplit_once('-')
            && let Ok(number) = number.parse()
        {
            self.projects.note_number(project, number);
        }
    }
}
