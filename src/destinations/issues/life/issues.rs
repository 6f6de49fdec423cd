//! One Jira project as a destination: what its work needs, and how records are read and kept.
//!
//! Must not keep anything that is not in the ledger, apart from what can be read again.

use std::sync::Arc;

use chrono::TimeDelta;
use tokio::sync::OnceCell;

use super::job::{Job, note_of};
use super::project::{Project, Projects};
use super::stop::{Stop, later};
use crate::clock::Clock;
use crate::destinations::issues::client::Client;
use crate::destinations::issues::content::identity::Identity;
use crate::destinations::issues::content::issue::Issue;
use crate::destinations::issues::options::Options;
use crate::destinations::issues::record::{Policy, Record, Step, Subject};
use crate::destinations::ledger::{Ledger, Note};
use crate::destinations::{Remedy, SourceProfile};
use crate::domain::{DestinationId, EntityId, SourceId};

/// How often what a person must approve is looked at.
const HELD: TimeDelta = TimeDelta::hours(1);

/// A project of a site, with one account.
pub struct Issues {
    pub client: Client,
    pub id: DestinationId,
    pub options: Options,
    pub ledger: Arc<dyn Ledger>,
    pub projects: Projects,
    pub clock: Clock,
    /// Tells this installation of the program from every other one.
    pub bridge: OnceCell<String>,
}

impl Issues {
    /// The project that new work items go to.
    pub async fn own_project(&self) -> Result<Arc<Project>, Stop> {
        let place = (self.options.project.as_str(), self.options.issue_type.as_str());
        self.projects.find(&self.client, &self.options, place, self.clock.now()).await
    }

    /// The same, read once more: something was not as it was known.
    pub async fn read_own_project(&self) -> Result<Arc<Project>, Stop> {
        self.projects.forget();
        self.own_project().await
    }

    /// The project that a work item is in now.
    pub async fn project_of(&self, issue: &Issue) -> Result<Arc<Project>, Stop> {
        let own = self.own_project().await?;
        match (issue.project(), issue.issue_type()) {
            (Some(project), Some(issue_type)) if project != own.key || issue_type != own.type_id => {
                let place = (project, issue_type.as_str());
                match self.projects.find(&self.client, &self.options, place, self.clock.now()).await {
                    // Somebody moved it to where this account may not create: its own project says more than nothing.
                    Err(Stop::All(refusal)) if matches!(refusal.remedy, Remedy::Park { .. }) => Ok(own),
                    found => found,
                }
            }
            _ => Ok(own),
        }
    }

    /// Which work item a record is about. `seq` is the version that is written.
    pub async fn identity(&self, record: &Record, seq: i64) -> Result<Identity, Stop> {
        let bridge = self.bridge.get_or_try_init(|| self.ledger.installation()).await?;
        let Subject { source, id } = record.subject.clone();
        let (bridge, destination) = (bridge.clone(), self.id.as_str().to_owned());
        Ok(Identity { bridge, destination, source, id, episode: record.episode, seq })
    }

    /// The name of the record that a work item belongs to; `None` if it is another installation's or destination's.
    pub async fn find_note(&self, issue: &Issue) -> Result<Option<String>, Stop> {
        let Some(found) = issue.identity() else { return Ok(None) };
        let record = Record {
            subject: Subject { source: found.source.clone(), id: found.id.clone() },
            ..Record::default()
        };
        let own = self.identity(&record, 0).await?;
        let is_ours = own.bridge == found.bridge && own.destination == found.destination;
        let source = SourceId::parse(&found.source).ok().filter(|_| is_ours);
        Ok(source.map(|source| note_of(&EntityId::new(&source, &found.id))))
    }

    pub async fn load(&self, note: &str) -> Result<Record, Stop> {
        let Some(found) = self.ledger.find(note).await? else { return Ok(Record::default()) };
        read_record(&found)
    }

    /// The record of an incident, which may be new.
    pub async fn load_of(
        &self,
        source: &SourceProfile,
        id: &EntityId,
        provider_id: &str,
    ) -> Result<Record, Stop> {
        let mut record = self.load(&note_of(id)).await?;
        record.subject = Subject { source: source.source.to_string(), id: provider_id.to_owned() };
        Ok(record)
    }

    /// Durable once it returns.
    pub async fn save(&self, note: &str, record: &Record) -> Result<(), Stop> {
        Ok(self.ledger.write(&[write_record(note, record)?]).await?)
    }

    pub fn policy(&self, job: &Job<'_>) -> Policy {
        Policy {
            severe_enough: self.options.is_severe_enough(job.incident.severity),
            create_resolved: self.options.create_resolved,
            reopen_within: self.options.reopen_within.and_then(|it| TimeDelta::from_std(it).ok()),
        }
    }

    /// Does everything that an incident asks for now.
    pub async fn deliver(&self, job: &Job<'_>) -> Result<(), Stop> {
        let mut record = self.load_of(job.source, job.id, &job.incident.provider_id).await?;
        record.is_withdrawn = false;
        match record.step(job.incident, self.policy(job), self.clock.now()) {
            Step::None(why) => record.remarks.none = Some(why),
            Step::Wait(until) => {
                return Err(Stop::Wait { until, why: record.creation.why.clone().unwrap_or_default() });
            }
            Step::Create if job.hold.is_some() => {
                let why = job.hold.unwrap_or_default().to_owned();
                return Err(Stop::Wait { until: later(self.clock.now(), HELD), why });
            }
            Step::Create => {
                self.create(job, &mut record).await?;
                self.update(job, &mut record).await?;
            }
            Step::Recover => {
                self.recover(job, &mut record).await?;
                self.update(job, &mut record).await?;
            }
            Step::NewEpisode => {
                record.begin_episode();
                self.create(job, &mut record).await?;
                self.update(job, &mut record).await?;
            }
            Step::LookAgain => self.look_again(job, &mut record).await?,
            Step::Update => self.update(job, &mut record).await?,
        }
        record.said.version = job.version;
        record.conflicts = 0;
        self.save(&job.note(), &record).await
    }

    /// Parks the destination if the account lacks a permission in the project: Jira answers 400 for that too.
    pub async fn check_permission(&self, key: &str, name: &str) -> Result<(), Stop> {
        let project = &self.options.project;
        let held = self.client.my_permissions(project, &[key]).await?.value;
        if held.get(key).copied().unwrap_or(true) {
            return Ok(());
        }
        Err(Stop::park(format!("the account lacks the permission {name} in {project}: grant it there")))
    }
}

/// A record as it stands in the ledger.
pub fn read_record(note: &Note) -> Result<Record, Stop> {
    serde_json::from_value(note.value.clone()).map_err(|fault| {
        Stop::refused(format!("what is remembered as {} cannot be read: {fault}", note.name))
    })
}

/// A record for the ledger.
pub fn write_record(name: &str, record: &Record) -> Result<Note, Stop> {
    let value = serde_json::to_value(record)
        .map_err(|fault| Stop::refused(format!("what is remembered as {name} cannot be written: {fault}")))?;
    let (state, number) = (record.state.as_str().to_owned(), record.number());
    Ok(Note { name: name.to_owned(), state, number, value })
}
