//! The loops that turn the crank.

pub(in crate::sync) mod gauges;
pub(in crate::sync) mod runner;
pub(in crate::sync) mod schedule;
