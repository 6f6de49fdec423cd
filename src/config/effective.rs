//! The effective configuration as one value. To add a section, add its line here.

use super::destination::DestinationConfig;
use super::jira_issues::JiraIssuesConfig;
use super::section::{self, parts};
use super::sections::{Connect, Delivery, Http, Log, Operator, Retention, Server, Store, Sync, Vault};
use super::source::SourceConfig;

parts! {
    /// The effective configuration.
    pub struct Config {
        pub server: Server,
        pub operator: Operator,
        pub store: Store,
        pub vault: Vault,
        pub connect: Connect,
        pub http: Http,
        pub delivery: Delivery,
        pub sync: Sync,
        pub retention: Retention,
        pub log: Log,
        /// The incident tools.
        pub sources: Vec<SourceConfig>,
        /// Where incidents go besides the installed sites; those of `jira_issues` are among them.
        pub destinations: Vec<DestinationConfig>,
        /// Where incidents become work items.
        pub jira_issues: Vec<JiraIssuesConfig>,
    }

    /// What could be read of a configuration that has mistakes.
    pub struct Readable { .. }
}

impl Readable {
    /// Adds the tables of `jira_issues` to the destinations, which they are.
    pub(super) fn add_jira_issues(&mut self) {
        let insecure_sites =
            self.connect.as_ref().map(|connect| connect.insecure_sites.as_slice()).unwrap_or_default();
        let tables = self.jira_issues.as_deref().unwrap_or_default();
        let tables: Vec<_> = tables.iter().map(|table| table.to_destination(insecure_sites)).collect();
        if let Some(destinations) = &mut self.destinations {
            destinations.extend(tables);
        }
    }
}
