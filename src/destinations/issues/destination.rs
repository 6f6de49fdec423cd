//! What the engine asks of a Jira project: incidents become work items, and reviews links on them.
//!
//! Must decide nothing about when something is sent.

use async_trait::async_trait;

use super::life::{Issues, Job, Stop, note_of};
use super::options::Reviews;
use crate::destinations::{Batch, Destination, Held, Probe, Refusal, Sent, Tidied};
use crate::domain::{
    BatchSizes, Entity, EntityId, EntityKind, IncidentStatus, Outgoing, SourceId, Unsent, Verdict,
};

/// Incidents that are looked at together; each costs requests of its own.
const INCIDENTS: usize = 50;
const REVIEWS: usize = 20;

/// Work items that are made without asking.
const UNASKED: usize = 100;

impl Issues {
    /// Makes the work items that a batch lacks, if they are many.
    async fn deliver_many(&self, batch: Batch<'_>) -> Result<(), Refusal> {
        let Batch { source, component_names, hold, entities, .. } = batch;
        let jobs = entities.iter().filter_map(|Outgoing { id, version, content, .. }| match content {
            Some(Entity::Incident(incident)) if hold.is_none() => {
                Some(Job { source, id, version: *version, incident, component_names, hold })
            }
            _ => None,
        });
        match self.create_many(jobs.collect()).await {
            Err(Stop::All(refusal)) => Err(*refusal),
            // Each of them meets it in its own turn.
            _ => Ok(()),
        }
    }

    pub(super) async fn deliver_one(
        &self,
        batch: Batch<'_>,
        outgoing: &Outgoing,
    ) -> Result<Verdict, Refusal> {
        let done = match &outgoing.content {
            Some(Entity::Incident(incident)) => {
                let Outgoing { id, version, .. } = outgoing;
                let Batch { source, component_names, hold, .. } = batch;
                self.deliver(&Job { source, id, version: *version, incident, component_names, hold }).await
            }
            Some(Entity::Review(review)) if self.options.reviews == Reviews::Link => {
                self.link_review(batch.source, &outgoing.id, review).await
            }
            _ => return Ok(Verdict::NotTaken),
        };
        done.map_or_else(Stop::into_verdict, |()| Ok(Verdict::Accepted))
    }
}

#[async_trait]
impl Destination for Issues {
    fn batch_sizes(&self) -> BatchSizes {
        let reviews = if self.options.reviews == Reviews::Link { REVIEWS } else { 0 };
        BatchSizes { components: 0, incidents: INCIDENTS, reviews }
    }

    async fn send(&self, batch: Batch<'_>) -> Result<Sent, Refusal> {
        if let Err(refusal) = self.deliver_many(batch).await {
            return Ok(Sent { stopped: Some(refusal), ..Sent::default() });
        }
        Ok(self.deliver_all(batch).await)
    }

    async fn delete(&self, kind: EntityKind, id: &EntityId) -> Result<Verdict, Refusal> {
        let done = match kind {
            EntityKind::Component => return Ok(Verdict::NotTaken),
            EntityKind::Incident => self.withdraw(&note_of(id)).await,
            EntityKind::Review => self.unlink_review(id).await,
        };
        done.map_or_else(Stop::into_verdict, |()| Ok(Verdict::Accepted))
    }

    async fn read_back(&self, kind: EntityKind, id: &EntityId) -> Result<Option<Held>, Refusal> {
        self.look(kind, id).await.map_err(Stop::into_refusal)
    }

    async fn remove(&self, source: &SourceId, workspace: Option<&EntityId>) -> Result<(), Refusal> {
        if workspace.is_some() {
            // Workspaces are not shown: their incidents are those of the source.
            return Ok(());
        }
        self.withdraw_all(source).await.map_err(Stop::into_refusal)
    }

    async fn tidy(&self) -> Result<Tidied, Refusal> {
        let again = self.sweep().await.map_err(Stop::into_refusal)?;
        Ok(Tidied { send_again: again.into_iter().map(|id| (EntityKind::Incident, id)).collect() })
    }

    fn is_tidied(&self) -> bool {
        true
    }

    fn wants_approval(&self) -> bool {
        true
    }

    fn find_many(&self, unsent: &[Unsent]) -> Option<usize> {
        let is_made = |it: &&Unsent| {
            (it.status != IncidentStatus::Resolved || self.options.create_resolved)
                && self.options.is_severe_enough(it.severity)
        };
        let count = unsent.iter().filter(is_made).map(|it| it.count).sum::<usize>();
        (count > UNASKED).then_some(count)
    }

    fn wants_component_names(&self) -> bool {
        true
    }

    async fn probe(&self) -> Result<Probe, Refusal> {
        let server = self.client.server_info().await?;
        let project = self.own_project().await.map_err(Stop::into_refusal)?;
        let title = server.value.title.unwrap_or_else(|| self.options.site.to_string());
        let seen = format!("{title} takes the token; work items go to {}", project.key);
        Ok(Probe { seen, clock_skew: server.meta.date_skew })
    }
}
