//! A value that follows from the configuration and is replaced when that is reloaded.
//!
//! Whoever needs it takes it once for each piece of work, which then ends with what it began with.

use std::sync::{Arc, PoisonError, RwLock};

/// The value in force.
#[derive(Debug, Default)]
pub struct Live<T>(RwLock<Arc<T>>);

impl<T> Live<T> {
    #[must_use]
    pub fn new(value: T) -> Self {
        Self(RwLock::new(Arc::new(value)))
    }

    #[must_use]
    pub fn current(&self) -> Arc<T> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn replace(&self, value: T) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(value);
    }
}
