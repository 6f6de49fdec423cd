//! Verified webhooks that could not be mapped.

use super::Operator;
use crate::store::QuarantinedRow;
use crate::sync::core::SyncError;

impl Operator {
    /// Those of all sources, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_quarantine(&self, limit: usize) -> Result<Vec<QuarantinedRow>, SyncError> {
        Ok(self.store.inbox().list_quarantine(limit).await?)
    }

    /// The one with this id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_quarantined(&self, id: &str) -> Result<Option<QuarantinedRow>, SyncError> {
        let found = self.store.inbox().search_quarantine(|webhook| webhook.id == id).await?;
        Ok(found.into_iter().next())
    }

    /// Maps them again: those of `ids`, or all. Returns how many.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn replay_quarantined(&self, ids: Option<&[String]>) -> Result<u64, SyncError> {
        Ok(self.store.inbox().replay(ids).await?)
    }

    /// Gives up on them. Returns how many there were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn discard_quarantined(&self, ids: &[String]) -> Result<u64, SyncError> {
        Ok(self.store.inbox().discard(ids).await?)
    }

    /// Those whose body contains the id or, for an id in Jira, the tool's part of it; oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn search_quarantine(&self, id: &str) -> Result<Vec<QuarantinedRow>, SyncError> {
        Ok(self.store.inbox().search_quarantine(|webhook| names(webhook, id)).await?)
    }
}

fn names(webhook: &QuarantinedRow, id: &str) -> bool {
    let own = id.strip_prefix(&webhook.source).and_then(|rest| rest.strip_prefix(':'));
    let contains =
        |part: &str| !part.is_empty() && memchr::memmem::find(&webhook.body, part.as_bytes()).is_some();
    contains(id) || own.is_some_and(contains)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    fn webhook(body: &str) -> QuarantinedRow {
        QuarantinedRow {
            id: "1".to_owned(),
            source: "pd".to_owned(),
            delivery_id: None,
            received_at: Timestamp::default(),
            verified_by: String::new(),
            reason: None,
            body: body.as_bytes().to_vec(),
        }
    }

    #[test]
    fn a_webhook_is_found_by_the_tools_id_and_by_the_id_in_jira() {
        let kept = webhook("{\"event\": {\"data\": {\"id\": \"Q1\"");
        assert!(names(&kept, "Q1") && names(&kept, "pd:Q1"));
        assert!(!names(&kept, "og:Q1") && !names(&kept, "Q2") && !names(&kept, "pd:") && !names(&kept, ""));
    }
}
