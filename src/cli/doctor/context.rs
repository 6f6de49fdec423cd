//! What every group of checks needs: the configuration, the time, and the addresses that fixes name.

use std::fmt::Display;

use super::check::{Check, Group};
use super::code;
use crate::clock::{Clock, Timestamp};
use crate::config::Config;

/// What every group needs.
pub struct Context<'a> {
    pub config: &'a Config,
    pub clock: Clock,
    pub now: Timestamp,
}

impl Context<'_> {
    fn base(&self) -> &str {
        self.config.server.base_url.as_str().trim_end_matches('/')
    }

    /// Where Jira reads the app's descriptor.
    pub fn descriptor_address(&self) -> String {
        format!("{}/atlassian-connect.json", self.base())
    }

    pub fn webhook_address(&self, source: &str) -> String {
        format!("{}/webhooks/{source}", self.base())
    }
}

/// Something could not be looked at.
pub fn broken(group: Group, what: impl Into<String>, why: &dyn Display) -> Check {
    let fix = "see what the database's checks and its log say, and report what is not explained by them";
    Check::fix(group, code::DATABASE_FAILS, what, why.to_string(), fix)
}
