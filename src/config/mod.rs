//! Configuration: what the operator wrote, checked and typed before anything starts.
//!
//! `load` layers the embedded defaults, the files and the environment; each section checks itself. Secrets
//! never leave as plain text: `show` prints where a value came from and hides what must stay hidden.
//! Nothing outside this module reads the environment.
//!
//! A key is named once, in the `section!` of its table (`sections`, `source`, `destination`), with the kind of its
//! value; its meaning and its default are in `config/default.toml`. Reader, suggestions, `config show` and the schema
//! all follow from these two.

mod across;
mod destination;
mod effective;
mod error;
mod files;
mod jira_issues;
mod kind;
mod live;
mod load;
mod manual;
mod nearest;
mod page_address;
mod reading;
mod reload;
mod schedule;
mod schema;
mod section;
mod sections;
mod show;
mod source;
mod table;
#[cfg(test)]
mod tests;

pub use destination::DestinationConfig;
pub use effective::{Config, Readable};
pub use error::ConfigError;
pub use files::{Environment, find_files};
pub use jira_issues::JiraIssuesConfig;
pub use live::Live;
pub use load::{Draft, Loaded, load};
pub use manual::DEFAULT_TOML;
pub use nearest::{nearest, suggestion};
pub use page_address::PageAddress;
pub use reload::Changes;
pub use schedule::{Recurrence, parse_cron, parse_duration};
pub use schema::{TypeKeys, schema};
pub use sections::{
    Connect, DatabaseKind, Delivery, Http, Log, LogFormat, Operator, Retention, Server, Store, Sync, Vault,
};
pub use show::{ShownValue, show};
pub use source::{SourceConfig, WorkspaceMode};
