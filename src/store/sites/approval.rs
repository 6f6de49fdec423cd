//! How far a first sync is that would make many things, and therefore waits for a person.

use super::ledger::LedgerRow;
use super::{Ledger, Sites};
use crate::domain::DestinationId;
use crate::store::db::args;
use crate::store::error::StoreError;

/// Where it is remembered.
const NAME: &str = "approval";

/// How far a destination's first sync is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approval {
    /// It goes on.
    Open,
    /// Creations wait; this many at least.
    Asked(i64),
    /// It is over, or a person has approved it.
    Settled,
}

impl Approval {
    /// The reason of what waits; one text, by which it is found.
    #[must_use]
    pub fn reason(id: &DestinationId) -> String {
        format!(
            "the first sync would make more than a hundred of these: approve it with `incident-bridge destinations \
             approve {}`",
            id.as_str()
        )
    }
}

impl Sites<'_> {
    /// Reads how far a first sync is.
    pub async fn find_approval(self, id: &DestinationId) -> Result<Approval, StoreError> {
        let found = Ledger::new(self.db, self.clock).find(id, NAME).await?;
        Ok(match found {
            Some(row) if row.state == "asked" => Approval::Asked(row.record.parse().unwrap_or_default()),
            Some(_) => Approval::Settled,
            None => Approval::Open,
        })
    }

    /// How many creations wait for a person, for each destination where any do.
    pub async fn list_asked(self) -> Result<Vec<(DestinationId, i64)>, StoreError> {
        let sql = r#"
            SELECT destination, record
            FROM ledger
            WHERE name = $1 AND state = 'asked'"#;
        let rows: Vec<(DestinationId, String)> = self.db.list(sql, &args![NAME]).await?;
        Ok(rows.into_iter().map(|(id, count)| (id, count.parse().unwrap_or_default())).collect())
    }

    /// Writes how far it is.
    pub async fn record_approval(self, id: &DestinationId, approval: Approval) -> Result<(), StoreError> {
        let (state, count) = match approval {
            Approval::Asked(count) => ("asked", count),
            Approval::Open | Approval::Settled => ("settled", 0),
        };
        let (name, state, record) = (NAME.to_owned(), state.to_owned(), count.to_string());
        Ledger::new(self.db, self.clock).write(id, &[LedgerRow { name, state, number: None, record }]).await
    }
}
