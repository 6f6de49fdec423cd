//! A tenant inside the incident tool: its account, or one of its teams.

use serde::{Deserialize, Serialize};

/// One workspace as Jira shows it in the connection dialog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workspace {
    /// The tool's own id, `account` for the tool's account as a whole.
    pub provider_id: String,
    pub name: String,
    pub url: String,
}

impl Workspace {
    /// `provider_id` of the one workspace of a source that is not split into teams.
    pub const ACCOUNT: &'static str = "account";
}
