//! Jira work items, for teams whose site cannot install the app: one for each incident, through REST v3.
//!
//! `content` decides what is written and is pure, `client` sends it, `refusal` translates a failure for the engine, `probe`
//! finds out whether it will work. When something is sent, and what is remembered of it, is the engine's. The docs of
//! each file name the facts about Jira that it relies on.

pub mod client;
pub mod content;
pub mod options;
pub mod probe;
pub mod refusal;
pub mod trial;
