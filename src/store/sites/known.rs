//! What processes keep in memory of the directory: its installations, and what has changed in it since they read
//! it.

use std::collections::BTreeSet;

use super::Sites;
use super::installations::{InstallationState, PREVIOUS_SECRET};
use super::secrets::SealedSecret;
use crate::clock::Timestamp;
use crate::domain::{ClientKey, DestinationId, EntityId};
use crate::store::db::generations::{self, Part};
use crate::store::db::{Millis, args};
use crate::store::error::StoreError;

/// Changes that are kept. A process that has missed more reads everything.
const KEPT: i64 = 1_000;

/// What has changed in the directory.
#[derive(Debug, Default)]
pub struct DirectoryChanges {
    pub destinations: BTreeSet<DestinationId>,
    pub components: BTreeSet<EntityId>,
    /// Sources whose workspaces have changed.
    pub workspaces: BTreeSet<String>,
}

/// A site that has the app.
#[derive(Debug)]
pub struct KnownSite {
    pub client_key: ClientKey,
    pub state: InstallationState,
    pub base_url: String,
    /// Host, with the port if it is not the usual one.
    pub site: String,
    /// `None` if it is missing.
    pub secret: Option<SealedSecret>,
    /// The one before, while it is still good, and until when that is.
    pub previous: Option<(SealedSecret, Timestamp)>,
    pub installed_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: ClientKey,
    #[sqlx(try_from = "String")]
    state: InstallationState,
    base_url: String,
    site: String,
    secret: Option<Vec<u8>>,
    previous_secret: Option<Vec<u8>>,
    #[sqlx(try_from = "Millis")]
    previous_until: Timestamp,
    #[sqlx(try_from = "Millis")]
    installed_at: Timestamp,
}

/// A query over the sites that have the app.
macro_rules! sites {
    ($end:literal) => {
        concat!(
            r#"
            SELECT id, state, base_url, site, secret, previous_secret, previous_until, installed_at
            FROM destinations
            WHERE type = 'operations' AND state IN ('enabled', 'disabled', 'unconfirmed')"#,
            $end
        )
    };
}

impl Sites<'_> {
    /// All sites that have the app.
    pub async fn list_known(self) -> Result<Vec<KnownSite>, StoreError> {
        let rows: Vec<Row> = self.db.list(sites!(""), &args![]).await?;
        Ok(rows.into_iter().map(|row| self.know(row)).collect())
    }

    /// Those of these that have the app.
    pub async fn list_known_among(self, ids: &BTreeSet<DestinationId>) -> Result<Vec<KnownSite>, StoreError> {
        let sql = sites!(" AND id IN (VALUES {rows})");
        let ids: Vec<_> = ids.iter().map(|id| args![id]).collect();
        let rows: Vec<Row> = self.db.list_all(sql, &ids).await?;
        Ok(rows.into_iter().map(|row| self.know(row)).collect())
    }

    fn know(self, row: Row) -> KnownSite {
        let (now, until, id) = (self.clock.now(), row.previous_until, row.id.as_str());
        // Not longer than intended, even if the clock was set back since.
        let previous = row.previous_secret.filter(|_| until > now && until <= now + PREVIOUS_SECRET);
        KnownSite {
            secret: row.secret.map(|blob| self.keep_sealed(id, blob)),
            previous: previous.map(|blob| (self.keep_sealed(id, blob), until)),
            client_key: row.id,
            state: row.state,
            base_url: row.base_url,
            site: row.site,
            installed_at: row.installed_at,
        }
    }

    /// What has changed in the directory since it had the number `after`, up to `until`; `None` when that is not
    /// known, because it was too long ago, or an earlier release has made a change.
    pub async fn list_directory_changes(
        self,
        after: i64,
        until: i64,
    ) -> Result<Option<DirectoryChanges>, StoreError> {
        let Some(count) = until.checked_sub(after).filter(|count| (0..=KEPT).contains(count)) else {
            return Ok(None);
        };
        let mut changes = DirectoryChanges::default();
        let mut numbers = BTreeSet::new();
        for change in generations::list_changes(self.db, after, until).await? {
            numbers.insert(change.number);
            match change.part {
                Part::Destination => drop(changes.destinations.insert(DestinationId(change.id))),
                Part::Component => drop(changes.components.insert(EntityId::from_text(change.id))),
                Part::Workspaces => drop(changes.workspaces.insert(change.id)),
            }
        }
        Ok(i64::try_from(numbers.len()).is_ok_and(|known| known == count).then_some(changes))
    }

    /// Removes changes that every process has read. Returns how many.
    pub async fn forget_directory_changes(self) -> Result<u64, StoreError> {
        generations::forget_changes(self.db, KEPT).await
    }
}
