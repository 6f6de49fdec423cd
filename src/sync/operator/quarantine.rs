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

    /// The body of the one with this id, as the tool sent it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_quarantined_body(&self, id: &str) -> Result<Option<Vec<u8>>, SyncError> {
        Ok(self.store.inbox().find_quarantined_body(id).await?)
    }

    /// Those of `ids` that are not in quarantine.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_unquarantined(&self, ids: &[String]) -> Result<Vec<String>, SyncError> {
        let mut unknown = Vec::new();
        for id in ids {
            if self.find_quarantined_body(id).await?.is_none() {
                unknown.push(id.clone());
            }
        }
        Ok(unknown)
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

    /// Those whose body contains the id or, for an id in Jira, the tool's part of it; the oldest hundred.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn search_quarantine(&self, id: &str) -> Result<Vec<QuarantinedRow>, SyncError> {
        Ok(self.store.inbox().search_quarantine(|webhook, body| names(&webhook.source, body, id)).await?)
    }
}

fn names(source: &str, body: &[u8], id: &str) -> bool {
    let own = id.strip_prefix(source).and_then(|rest| rest.strip_prefix(':'));
    let contains = |part: &str| !part.is_empty() && memchr::memmem::find(body, part.as_bytes()).is_some();
    contains(id) || own.is_some_and(contains)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_is_found_by_the_tools_id_and_by_the_id_in_jira() {
        let names = |id: &str| names("pd", b"{\"event\": {\"data\": {\"id\": \"Q1\"", id);
        assert!(names("Q1") && names("pd:Q1"));
        assert!(!names("og:Q1") && !names("Q2") && !names("pd:") && !names(""));
    }
}
