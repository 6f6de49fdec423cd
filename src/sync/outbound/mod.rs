//! From the store to the sites.

pub(in crate::sync) mod backoff;
pub(in crate::sync) mod deliver;
pub(in crate::sync) mod drift;
pub(in crate::sync) mod link;
pub(in crate::sync) mod near_limit;
pub(in crate::sync) mod plan;
pub(in crate::sync) mod readback;
pub(in crate::sync) mod removal;
