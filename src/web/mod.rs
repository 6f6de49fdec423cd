//! The HTTP surface: a route table (`routes`), and one file per endpoint.
//!
//! A handler extracts, authorises, calls one use case and renders. Errors become HTTP in `problem` only.
//! Nothing here decides what an incident means.

mod actions;
mod auth;
mod docs;
mod lifecycle;
mod limits;
mod listener;
mod operator;
mod pages;
mod problem;
mod reload;
mod request;
mod request_id;
mod routes;
mod state;
mod webhooks;

pub use limits::Limits;
pub use listener::{RunningServer, serve_operator, serve_public};
pub use problem::{Problem, ProblemLog};
pub use reload::{Reload, ReloadFault, Reloaded};
pub use state::State;
