//! Makes many work items with one request, as a first sync needs. What is not made here is made one by one.

use super::creation::Plan;
use super::issues::{Issues, write_record};
use super::job::Job;
use super::stop::Stop;
use crate::destinations::issues::client::{BulkOutcome, CallError, Endpoint, Fault, MAX_CREATED};
use crate::destinations::issues::content::edit::Written;
use crate::destinations::issues::record::{Record, State, Step};
use crate::destinations::ledger::Note;

/// Fewer than this many are not worth a request of their own.
const FEWEST: usize = 3;

/// A work item that is about to be made with others.
struct Planned<'a> {
    job: Job<'a>,
    record: Record,
    plan: Plan,
}

impl Issues {
    /// Makes the work items of those of these incidents that lack one and whose request is not likely to be refused.
    /// Their status, links and reviews follow one by one.
    pub async fn create_many(&self, jobs: Vec<Job<'_>>) -> Result<(), Stop> {
        if jobs.len() < FEWEST || self.client.find_held(Endpoint::CreateIssues, None).is_some() {
            return Ok(());
        }
        let mut planned = Vec::new();
        // Those that were made and are not linked yet come first: not many more before they are done.
        let most_of_them = jobs.len().div_ceil(2);
        for job in jobs {
            planned.extend(self.plan_one_of_many(job).await?);
        }
        planned.truncate(MAX_CREATED);
        if planned.len() < FEWEST.max(most_of_them) {
            return Ok(());
        }
        let highest = self.find_highest(&self.own_project().await?.key).await?;
        for one in &mut planned {
            let mut written = Written::default();
            written.apply(&one.plan.body);
            one.record.begin_sending(highest, written);
        }
        self.save_all(&planned).await?;
        let bodies: Vec<_> = planned.iter().map(|one| one.plan.body.clone()).collect();
        let noted = match self.client.create_issues(&bodies).await {
            Ok(answer) => {
                self.note_outcomes(&mut planned, answer.value);
                Ok(())
            }
            Err(error) => self.note_none(&mut planned, error),
        };
        self.save_all(&planned).await?;
        noted
    }

    async fn plan_one_of_many<'a>(&self, job: Job<'a>) -> Result<Option<Planned<'a>>, Stop> {
        let mut record = self.load_of(job.source, job.id, &job.incident.provider_id).await?;
        // One that Jira has refused would be refused again.
        let is_fresh =
            matches!(record.state, State::Absent | State::Creating) && record.creation.why.is_none();
        if !is_fresh || record.step(job.incident, self.policy(&job), self.clock.now()) != Step::Create {
            return Ok(None);
        }
        let project = self.own_project().await?;
        match self.plan(&job, &mut record, &project).await {
            Ok(plan) => Ok(Some(Planned { job, record, plan })),
            // It is refused in its own turn, with the reason.
            Err(Stop::Refused { .. }) => Ok(None),
            Err(stop) => Err(stop),
        }
    }

    async fn save_all(&self, planned: &[Planned<'_>]) -> Result<(), Stop> {
        let notes = planned.iter().map(|one| write_record(&one.job.note(), &one.record));
        let notes: Vec<Note> = notes.collect::<Result<_, _>>()?;
        Ok(self.ledger.write(&notes).await?)
    }

    fn note_outcomes(&self, planned: &mut [Planned<'_>], outcomes: Vec<BulkOutcome>) {
        for (Planned { job, record, plan }, outcome) in planned.iter_mut().zip(outcomes) {
            match outcome {
                BulkOutcome::Created(created) => self.note_created(job, record, &plan.target, created),
                // Alone it can be repaired.
                BulkOutcome::Rejected(rejection) => {
                    record.note_not_made(State::Creating, format!("{:?}", rejection.fields));
                }
            }
        }
    }

    /// None was made, or nobody knows which.
    fn note_none(&self, planned: &mut [Planned<'_>], error: CallError) -> Result<(), Stop> {
        let (now, why) = (self.clock.now(), error.to_string());
        for Planned { record, .. } in planned {
            if error.may_have_worked() {
                record.lose_sight(now, &why);
            } else {
                record.note_not_made(State::Creating, why.clone());
                record.creation.why = None;
            }
        }
        if error.may_have_worked() || matches!(error.fault, Fault::Rejected(_)) {
            Ok(())
        } else {
            Err(error.into())
        }
    }
}
