//! From the tools into the store.

pub(in crate::sync) mod cadence;
pub(in crate::sync) mod ingest;
pub(in crate::sync) mod poll;
pub(in crate::sync) mod probe;
pub(in crate::sync) mod window;
