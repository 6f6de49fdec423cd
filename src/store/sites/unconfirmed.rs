//! Installations that Jira has not confirmed: a new client key for a site that has a working installation
//! under another one.
//!
//! A lifecycle call proves that Atlassian signed it for its client key. It does not prove that the site in its
//! body belongs to that client key: only Jira's answer to a request under the new secret does. Until then the
//! installation receives nothing, and the one before it keeps working.

use super::installations::{InstallationState, NewInstallation};
use super::{DestinationRef, Sites};
use crate::clock::Timestamp;
use crate::domain::ClientKey;
use crate::store::db::generations::{self, Part};
use crate::store::db::{Tx, args, is_over};
use crate::store::error::StoreError;

impl Sites<'_> {
    /// Unconfirmed installations that Jira may be asked about now.
    pub async fn list_unconfirmed(self) -> Result<Vec<DestinationRef>, StoreError> {
        let sql = concat!(
            r#"
            SELECT id, installed_at
            FROM destinations
            WHERE state = 'unconfirmed'
              AND "#,
            is_over!("wait_until", "$1", "wait_since", "$1"),
            r#"
            ORDER BY id"#
        );
        self.db.list(sql, &args![self.clock.now()]).await
    }

    /// Records why Jira did not confirm an installation, and when it is asked again.
    pub async fn put_off_confirmation(
        self,
        destination: &DestinationRef,
        wait_until: Timestamp,
        why: &str,
    ) -> Result<(), StoreError> {
        let sql = r#"
            UPDATE destinations
            SET wait_until = $1,
                wait_since = $2,
                failures = failures + 1,
                parked = $3
            WHERE id = $4 AND installed_at = $5 AND state = 'unconfirmed'"#;
        let args = args![wait_until, self.clock.now(), why, &destination.id, destination.since];
        self.db.execute(sql, &args).await?;
        Ok(())
    }

    /// The state in which an installation begins: unconfirmed where the site works under another client key.
    pub(in crate::store) async fn find_first_state(
        self,
        tx: &mut Tx,
        new: &NewInstallation,
    ) -> Result<InstallationState, StoreError> {
        let sql = r#"
            SELECT id
            FROM destinations
            WHERE type = 'operations' AND site = $1 AND state IN ('enabled', 'disabled')"#;
        let working: Vec<ClientKey> = tx.list_values(sql, &args![&new.site]).await?;
        let is_free = working.is_empty() || working.contains(&new.client_key);
        Ok(if is_free { InstallationState::Enabled } else { InstallationState::Unconfirmed })
    }

    /// Puts an unconfirmed installation into use. Returns the client keys that its site was installed under
    /// until now, or `None`, with nothing written, when it was installed again or removed since.
    pub(in crate::store) async fn confirm(
        self,
        tx: &mut Tx,
        destination: &DestinationRef,
    ) -> Result<Option<Vec<ClientKey>>, StoreError> {
        let sql = r#"
            UPDATE destinations
            SET state = 'enabled',
                wait_until = 0,
                failures = 0,
                parked = NULL,
                last_contact_at = $1,
                updated_at = $1
            WHERE id = $2 AND installed_at = $3 AND state = 'unconfirmed'"#;
        let args = args![self.clock.now(), &destination.id, destination.since];
        if tx.execute(sql, &args).await? == 0 {
            return Ok(None);
        }
        generations::bump_directory(tx, Part::Destination, [destination.id.as_str()]).await?;
        let sql = r#"
            SELECT other.id
            FROM destinations own
            JOIN destinations other ON other.site = own.site AND other.id <> own.id
            WHERE own.id = $1
              AND other.type = 'operations'
              AND other.state IN ('enabled', 'disabled')"#;
        Ok(Some(tx.list_values(sql, &args![&destination.id]).await?))
    }
}
