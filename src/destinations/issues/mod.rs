//! Jira work items, for teams whose site cannot install the app: one for each incident, through REST v3.
//!
//! `content` decides what is written and is pure, `client` sends it, `refusal` translates a failure for the engine, `probe`
//! finds out whether it will work. When something is sent is the engine's; `life` does it, and keeps a `record` of every
//! incident in the ledger. The docs of each file name the facts about Jira that it relies on.

mod at_once;
pub mod client;
pub mod content;
mod destination;
mod kind;
mod life;
pub mod options;
pub mod probe;
mod record;
pub mod refusal;
mod told;
pub mod trial;

pub use kind::KIND;
