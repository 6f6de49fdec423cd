//! Where polling of each source stands.

pub(in crate::store) mod quiet;
pub(in crate::store) mod refetches;
pub(in crate::store) mod state;
pub(in crate::store) mod unmapped;
