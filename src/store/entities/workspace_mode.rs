//! How the entities of a source are divided into workspaces: one for the account, or one for each team. The
//! configuration may have changed since.

use super::Entities;
use crate::domain::SourceId;
use crate::store::db::args;
use crate::store::error::StoreError;

impl Entities<'_> {
    /// Whether the entities of a source belong to workspaces of teams; `None` before that was ever decided.
    pub(in crate::store) async fn find_workspace_mode(
        self,
        source: &SourceId,
    ) -> Result<Option<bool>, StoreError> {
        let sql = r#"
            SELECT teams
            FROM workspace_modes
            WHERE source = $1"#;
        let found: Option<i64> = self.db.find_value(sql, &args![source]).await?;
        Ok(found.map(|teams| teams != 0))
    }

    /// Records that all entities of the source are in the workspaces of this mode.
    pub(in crate::store) async fn record_workspace_mode(
        self,
        source: &SourceId,
        teams: bool,
    ) -> Result<(), StoreError> {
        let sql = r#"
            INSERT INTO workspace_modes (source, teams)
            VALUES ($1, $2)
            ON CONFLICT (source) DO UPDATE
            SET teams = excluded.teams"#;
        self.db.execute(sql, &args![source, teams]).await?;
        Ok(())
    }
}
