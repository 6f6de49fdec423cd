//! What each site should hold and what it has acknowledged.

pub(in crate::store) mod counts;
pub(in crate::store) mod next_batch;
pub(in crate::store) mod outcomes;
pub(in crate::store) mod readback;
