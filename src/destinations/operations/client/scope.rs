//! Which requests to Jira must wait for a limit.

use crate::destinations::jira::Reason;

/// Which requests must wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// This operation on this site: burst limits, per-issue limits, and reasons that Jira did not name.
    Endpoint,
    /// Everything for this site: the tenant's hourly quota is used up.
    Site,
    /// Everything for every site: the app's hourly quota, one pool for all sites, is used up.
    AllSites,
}

impl From<Reason> for Scope {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Burst | Reason::Issue | Reason::Unnamed => Self::Endpoint,
            Reason::Tenant => Self::Site,
            Reason::App => Self::AllSites,
        }
    }
}
