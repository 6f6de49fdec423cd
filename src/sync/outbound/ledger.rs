//! Keeps what destinations remember in the store.

use async_trait::async_trait;

use crate::destinations::ledger::{Ledger, LedgerFault, Note, NoteFilter};
use crate::domain::DestinationId;
use crate::store::{LedgerFilter, LedgerRow, Store, StoreError};

/// What one destination remembers.
#[derive(Debug)]
pub(super) struct StoredLedger {
    pub store: Store,
    pub destination: DestinationId,
}

#[expect(clippy::needless_pass_by_value, reason = "it is mapped over results")]
fn fault(fault: StoreError) -> LedgerFault {
    LedgerFault(fault.to_string())
}

fn open(row: LedgerRow) -> Result<Note, LedgerFault> {
    let LedgerRow { name, state, number, record } = row;
    let value = serde_json::from_str(&record).map_err(|fault| LedgerFault(format!("{name}: {fault}")))?;
    Ok(Note { name, state, number, value })
}

#[async_trait]
impl Ledger for StoredLedger {
    async fn installation(&self) -> Result<String, LedgerFault> {
        self.store.ledger().installation().await.map_err(fault)
    }

    async fn find(&self, name: &str) -> Result<Option<Note>, LedgerFault> {
        self.store.ledger().find(&self.destination, name).await.map_err(fault)?.map(open).transpose()
    }

    async fn write(&self, notes: &[Note]) -> Result<(), LedgerFault> {
        let row = |note: &Note| LedgerRow {
            name: note.name.clone(),
            state: note.state.clone(),
            number: note.number,
            record: note.value.to_string(),
        };
        let rows: Vec<LedgerRow> = notes.iter().map(row).collect();
        self.store.ledger().write(&self.destination, &rows).await.map_err(fault)
    }

    async fn list(&self, filter: NoteFilter<'_>, limit: usize) -> Result<Vec<Note>, LedgerFault> {
        let NoteFilter { prefix, state, after } = filter;
        let filter = LedgerFilter { prefix, state, after };
        let rows = self.store.ledger().list(&self.destination, filter, limit).await.map_err(fault)?;
        rows.into_iter().map(open).collect()
    }

    async fn find_last(&self) -> Result<Option<Note>, LedgerFault> {
        self.store.ledger().find_last(&self.destination).await.map_err(fault)?.map(open).transpose()
    }
}
