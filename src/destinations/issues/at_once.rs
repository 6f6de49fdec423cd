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
        let mut waiting: Vec<_> = batch.entities.iter().enumerate().collect();
        waiting.sort_by_key(|(_, it)| needs_others(it));
        let mut waiting = waiting.into_iter().peekable();
        let (mut running, mut most) = (FuturesUnordered::new(), 1);
        let (mut outcomes, mut stopped) = (Vec::new(), None::<Refusal>);
        loop {
            while stopped.is_none()
                && let Some((place, next)) =
                    waiting.next_if(|(_, next)| running.len() < self.find_room(next, most))
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

    /// How many may be on their way together with this one, itself included.
    fn find_room(&self, next: &Outgoing, most: usize) -> usize {
        if needs_others(next) { 1 } else { self.client.find_room().clamp(1, most) }
    }
}

/// Whether it must wait for others of its batch: an incident that was merged into another is linked with that one's work
/// item once there is one, and reviews share work items.
fn needs_others(outgoing: &Outgoing) -> bool {
    match &outgoing.content {
        Some(Entity::Incident(incident)) => incident.words.merged_into.is_some(),
        _ => true,
    }
}
