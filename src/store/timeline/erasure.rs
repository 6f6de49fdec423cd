//! Erases entries of the history, finds those that quote somebody, and rewrites those that go on without.

use super::Timeline;
use super::event::TimelineEvent;
use crate::domain::{EntityId, EntityKind, Needle};
use crate::store::db::{Tx, args};
use crate::store::error::StoreError;

/// An entry that may quote what a tool or a destination wrote.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Quotation {
    pub id: String,
    event: String,
    /// JSON.
    pub detail: String,
}

impl Quotation {
    /// For how a version differs from the one before, which is kept: the details without a text, and whether they
    /// contained it.
    #[must_use]
    pub fn without(&self, needle: &Needle) -> Option<(String, bool)> {
        match TimelineEvent::from_row(self.event.clone(), &self.detail) {
            TimelineEvent::Stored { cause, version, changes } => {
                let (changes, contained): (Vec<_>, Vec<bool>) =
                    changes.iter().map(|change| change.without(needle)).unzip();
                let detail = TimelineEvent::Stored { cause, version, changes }.to_row().1;
                Some((detail, contained.contains(&true)))
            }
            _ => None,
        }
    }
}

impl Timeline<'_> {
    /// Entries after `after` that may quote somebody, in their order.
    pub async fn list_quotations(self, after: &str, limit: usize) -> Result<Vec<Quotation>, StoreError> {
        let sql = r#"
            SELECT id, event, detail
            FROM timeline
            WHERE id > $1
              AND event NOT IN ('deleted', 'unchanged', 'stale', 'accepted', 'confirmed')
            ORDER BY id
            LIMIT $2"#;
        self.db.list(sql, &args![after, limit]).await
    }

    /// Gives single entries other details; `None` removes one.
    pub async fn rewrite(self, entries: &[(String, Option<String>)]) -> Result<(), StoreError> {
        let write = r#"
            UPDATE timeline
            SET detail = $2
            WHERE id = $1"#;
        let remove = r#"
            DELETE FROM timeline
            WHERE id = $1"#;
        self.db
            .transact(|mut tx| async move {
                for (id, detail) in entries {
                    match detail {
                        Some(detail) => tx.execute(write, &args![id, detail]).await?,
                        None => tx.execute(remove, &args![id]).await?,
                    };
                }
                Ok((tx, ()))
            })
            .await
    }

    /// Removes everything about one entity.
    pub(in crate::store) async fn erase_of(
        self,
        tx: &mut Tx,
        kind: EntityKind,
        id: &EntityId,
    ) -> Result<(), StoreError> {
        let sql = r#"
            DELETE FROM timeline
            WHERE entity_id = $1 AND kind = $2"#;
        tx.execute(sql, &args![id, kind]).await?;
        Ok(())
    }
}
