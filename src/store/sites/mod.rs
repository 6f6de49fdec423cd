//! The sites that have the app installed, and what keeps each from being served.

pub(in crate::store) mod backoff;
pub(in crate::store) mod installations;
pub(in crate::store) mod removals;
