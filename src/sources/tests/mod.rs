//! Tests that hold for every source: each sample and each vector in `tests/fixtures/providers`, and bodies that are
//! broken in every way. What only one tool does is tested in its folder.
//!
//! `klaxon` is the worked example of docs/ADDING-A-SOURCE.md: a source like the others, but no release knows it.

pub(in crate::sources) mod cases;
mod contract;
mod kinds;
pub(in crate::sources) mod klaxon;
pub(in crate::sources) mod mutations;
pub(crate) mod pages;
mod polling;
pub(in crate::sources) mod prelude;
mod rules;
mod unmapped;
pub(in crate::sources) mod vectors;
