//! What each fuzz target checks beyond "it does not panic".
//!
//! The first bytes of an input choose what is tried; the rest is what the program reads. Uses only what the
//! program itself offers to its parts.

pub mod answers;
pub mod at_rest;
pub mod connect;
pub mod entities;
mod input;
mod loopback;
mod tools;
pub mod webhooks;
