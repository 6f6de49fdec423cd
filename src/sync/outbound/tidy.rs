//! Lets destinations look after what they have made.

use super::Outbound;
use super::ask::Failures;
use crate::destinations::Remedy;
use crate::domain::{EntityId, EntityKind};
use crate::sync::SyncError;
use crate::sync::core::Faults;
use crate::sync::directory::DestinationAccess;

impl Outbound {
    /// Lets each destination that may be served now look after what it has made, and sends it again what it then asks
    /// for.
    ///
    /// # Errors
    /// The first failure of the database, after everything else was tried. What a destination refuses is stored with it.
    pub async fn tidy(&self) -> Result<(), SyncError> {
        let mut faults = Faults::default();
        let snapshot = self.core.directory.current().await?;
        for id in self.core.store.sites().list_ready().await? {
            if let Some(access) = snapshot.find(&id).filter(|access| access.enabled) {
                faults.keep(&access.name, self.tidy_one(access).await);
            }
        }
        faults.first()
    }

    async fn tidy_one(&self, access: &DestinationAccess) -> Result<(), SyncError> {
        // One that cannot be built is parked by whoever has something for it.
        let Ok(destination) = self.connect(access) else { return Ok(()) };
        if !destination.is_tidied() {
            return Ok(());
        }
        let work = Box::pin(async {
            let began = self.core.clock.now();
            let retry = Remedy::Retry { not_before: None };
            let tidied = match self.ask(Failures::NONE, retry, destination.tidy()).await {
                Ok(tidied) => tidied,
                Err(refusal) => return self.record_stop(access, &refusal, began).await,
            };
            let deliveries = self.core.store.deliveries();
            for kind in EntityKind::ALL {
                let again = tidied.send_again.iter().filter(|(of, _)| *of == kind);
                let again: Vec<EntityId> = again.map(|(_, id)| id.clone()).collect();
                deliveries.send_again(&access.id, kind, &again).await?;
            }
            self.core.tell_deliveries();
            Ok(())
        });
        self.alone(&access.id, work).await?;
        Ok(())
    }
}
