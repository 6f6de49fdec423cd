//! Configuration: what the operator wrote, checked and typed before anything starts.
//!
//! `load` layers the embedded defaults, the files and the environment; each section checks itself. Secrets
//! never leave as plain text: `show` prints where a value came from and hides what must stay hidden.
//! Nothing outside this module reads the environment.

mod load;
mod schedule;
mod sections;
mod show;
mod source;
#[cfg(test)]
mod tests;
mod values;

pub use load::{ConfigError, Environment, Loaded, load};
pub use schedule::{nth_after, parse_cron, parse_duration};
pub use sections::{
    Connect, Database, Delivery, Http, Log, LogFormat, Operator, Retention, Server, Store, Sync, Vault,
};
pub use show::{ShownValue, show};
pub use source::{SourceConfig, WorkspaceMode};

/// The defaults and the reference manual in one file.
pub const DEFAULT_TOML: &str = include_str!("../../config/default.toml");

/// The effective configuration.
#[derive(Debug, Clone)]
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
    pub sources: Vec<SourceConfig>,
}
