//! A review is a link on the work item of each incident that it covers, and nothing of its own.

use serde_json::{Value, json};

use super::issues::Issues;
use super::job::{note_of, tool_of};
use super::stop::Stop;
use crate::destinations::SourceProfile;
use crate::destinations::issues::content::remote_link::{Link, review_link};
use crate::destinations::issues::record::{ReviewLink, State};
use crate::destinations::ledger::Note;
use crate::domain::{EntityId, PostIncidentReview};

const LINKED: &str = "linked";
const WITHDRAWN: &str = "withdrawn";

/// Where it is remembered which incidents a review covers.
fn note_of_review(id: &EntityId) -> String {
    format!("review/{}", id.as_str())
}

impl Issues {
    /// Links a review on the work item of each incident that it covers; where there is none yet, once there is one.
    pub async fn link_review(
        &self,
        source: &SourceProfile,
        id: &EntityId,
        review: &PostIncidentReview,
    ) -> Result<(), Stop> {
        let covered: Vec<EntityId> =
            review.incidents.iter().map(|it| EntityId::new(&source.source, it)).collect();
        for left in self.list_covered(id).await?.iter().filter(|it| !covered.contains(it)) {
            self.take_review_off(left, &review.provider_id).await?;
        }
        let value = json!({ "id": review.provider_id, "incidents": covered });
        self.note_review(id, LINKED, value).await?;
        for (incident, provider_id) in covered.iter().zip(&review.incidents) {
            let note = note_of(incident);
            let mut record = self.load_of(source, incident, provider_id).await?;
            let global_id = self.identity(&record, 0).await?.review_global_id(&review.provider_id);
            let url = if review.url.is_empty() { source.home_url.as_str() } else { &review.url };
            let link = Link { global_id: &global_id, tool: tool_of(source), url };
            let link = review_link(link, &review.summary, review.status);
            if record.reviews.get(&review.provider_id).is_none_or(|it| it.link != link) {
                record.reviews.insert(review.provider_id.clone(), ReviewLink { link, sent: false });
                self.save(&note, &record).await?;
            }
            if record.state == State::Linked {
                self.bring_reviews(&note, &mut record).await?;
            }
        }
        Ok(())
    }

    /// Takes the links to a review back.
    pub async fn unlink_review(&self, id: &EntityId) -> Result<(), Stop> {
        let Some(known) = self.ledger.find(&note_of_review(id)).await? else { return Ok(()) };
        let provider_id = known.value.get("id").and_then(|id| id.as_str()).unwrap_or_default();
        for incident in self.list_covered(id).await? {
            self.take_review_off(&incident, provider_id).await?;
        }
        let value = json!({ "id": provider_id, "incidents": [] });
        self.note_review(id, WITHDRAWN, value).await
    }

    /// Whether links to a review were made and not taken back.
    pub(super) async fn is_review_linked(&self, id: &EntityId) -> Result<bool, Stop> {
        Ok(self.ledger.find(&note_of_review(id)).await?.is_some_and(|known| known.state == LINKED))
    }

    async fn list_covered(&self, review: &EntityId) -> Result<Vec<EntityId>, Stop> {
        let known = self.ledger.find(&note_of_review(review)).await?;
        let names = known.and_then(|known| known.value.get("incidents")?.as_array().cloned());
        let names = names.unwrap_or_default().into_iter();
        Ok(names.filter_map(|name| name.as_str().map(EntityId::from_text)).collect())
    }

    async fn note_review(&self, id: &EntityId, state: &str, value: Value) -> Result<(), Stop> {
        let (name, state) = (note_of_review(id), state.to_owned());
        Ok(self.ledger.write(&[Note { name, state, number: None, value }]).await?)
    }

    async fn take_review_off(&self, incident: &EntityId, review: &str) -> Result<(), Stop> {
        let note = note_of(incident);
        let mut record = self.load(&note).await?;
        let Some(known) = record.reviews.get(review) else { return Ok(()) };
        let global_id = known.link.get("globalId").and_then(|it| it.as_str());
        if let (Some(issue), Some(global_id), State::Linked) = (&record.issue, global_id, record.state) {
            self.client.delete_remote_link(&issue.id, global_id).await?;
        }
        record.reviews.remove(review);
        self.save(&note, &record).await
    }
}
