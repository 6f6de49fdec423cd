//! Removes what no longer needs to be kept, in steps small enough not to delay anything else.

use crate::clock;
use crate::config::Retention;
use crate::sync::SyncError;
use crate::sync::core::Core;

/// Rows that are removed in one transaction.
const STEP: usize = 500;

/// Removes old webhooks, old history and unmapped values that have not occurred for long, and gives the space
/// back.
///
/// # Errors
/// When the database fails; the next round continues.
pub(in crate::sync) async fn apply_retention(core: &Core, retention: &Retention) -> Result<(), SyncError> {
    let before = |age| clock::before(core.clock.now(), age);
    let (mut webhooks, mut quarantined, mut entries) = (0, 0, 0);
    loop {
        let removed = core.store.inbox().remove_old(before(retention.inbox), STEP).await?;
        webhooks += removed;
        if removed == 0 {
            break;
        }
    }
    loop {
        let removed = core.store.inbox().remove_old_quarantined(before(retention.quarantine), STEP).await?;
        quarantined += removed;
        if removed == 0 {
            break;
        }
    }
    loop {
        let removed = core.store.timeline().remove_old(before(retention.timeline), STEP).await?;
        entries += removed;
        if removed == 0 {
            break;
        }
    }
    core.store.polls().remove_old_unmapped(before(retention.timeline)).await?;
    while core.store.vacuum_step().await? {}
    core.scrub().await;
    tracing::debug!(webhooks, quarantined, entries, "retention applied");
    Ok(())
}
