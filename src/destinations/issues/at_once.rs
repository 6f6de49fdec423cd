//! Delivers a batch a few work items at a time: most of the time goes by while Jira answers.
//!
//! Must never give up a delivery that has begun: whether its request has worked is known only from the answer.

use chrono::TimeDelta;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;

use super::life::{Issues, later};
use crate::destinations::{Batch, Refusal, Remedy, Sent};
use crate::domain::{Entity, Outgoing, Verdict};

/// Most deliveries at once. A site that begins to refuse gets as many requests before that is known, so few; and what
/// Jira takes per second and operation is more than four can ask.
const DELIVERIES: usize = 4;

/// How long one rests on which a request has failed.
const AFTER_FAILURE: TimeDelta = TimeDelta::seconds(5);

impl Issues {
    /// Delivers the entities of a batch. Until one has gone through, each goes alone, so that an expired token or a site that
    /// fails costs one request. After a refusal that concerns all of them nothing begins, and what has begun is waited for.
    pub(super) async fn deliver_all(&self, batch: Batch<'_>) -> Sent {
        let mut waiting = batch.entities.iter().enumerate().peekable();
        let (mut running, mut most) = (FuturesUnordered::new(), 1);
        let (mut outcomes, mut stopped) = (Vec::new(), None::<Refusal>);
        loop {
            while stopped.is_none()
                && let Some((place, next)) =
                    waiting.next_if(|(_, next)| running.len() < most.min(self.find_room(next)))
            {
                running.push(async move { (place, next, self.deliver_one(batch, next).await) });
            }
            let Some((place, outgoing, answer)) = running.next().await else { break };
            match answer {
                Ok(verdict) => {
                    most = if verdict == Verdict::Accepted { DELIVERIES } else { most };
                    outcomes.push((place, outgoing.outcome(verdict)));
                }
                Err(refusal) => {
                    // Whatever failed, the next attempt begins with another one: this one may be what it fails on.
                    if matches!(refusal.remedy, Remedy::Retry { .. }) {
                        let (until, reason) = (later(self.clock.now(), AFTER_FAILURE), refusal.to_string());
                        outcomes.push((place, outgoing.outcome(Verdict::Later { until, reason })));
                    }
                    // The first one counts, but what Jira said counts more than our own pace.
                    if stopped.as_ref().is_none_or(|first| refusal.was_sent && !first.was_sent) {
                        stopped = Some(refusal);
                    }
                }
            }
        }
        outcomes.sort_unstable_by_key(|(place, _)| *place);
        let outcomes = outcomes.into_iter().map(|(_, outcome)| outcome).collect();
        Sent { outcomes, stopped, ..Sent::default() }
    }

    /// How many may be on their way once this one is, itself included.
    fn find_room(&self, next: &Outgoing) -> usize {
        match &next.content {
            Some(Entity::Incident(incident)) if incident.words.merged_into.is_none() => {
                self.client.find_room().clamp(1, DELIVERIES)
            }
            // It is linked with the work item of another one, which may be on its way; and reviews share work items.
            _ => 1,
        }
    }
}
