//! The effective configuration as one value. To add a section, add its line here.

use super::destination::DestinationConfig;
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
        /// Where incidents go besides the installed sites.
        pub destinations: Vec<DestinationConfig>,
    }

    /// What could be read of a configuration that has mistakes.
    pub struct Readable { .. }
}
