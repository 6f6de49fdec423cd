//! Which destinations may see a source: kept until installations or the configuration change. Finding it out costs a
//! parsed pattern for each site, and there may be thousands. Must not touch the database.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::{DestinationId, SourceId};
use crate::store::transactions::report::SourceScope;

/// What was found out, by source.
#[derive(Debug, Default)]
pub(in crate::store) struct Audiences(Mutex<HashMap<SourceId, Known>>);

#[derive(Debug, Clone)]
struct Known {
    /// Of the directory.
    generation: i64,
    /// Hosts of the sites that may see the source.
    patterns: Arc<[String]>,
    audience: Arc<[DestinationId]>,
}

impl Audiences {
    pub fn find(&self, scope: &SourceScope<'_>, generation: i64) -> Option<Arc<[DestinationId]>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.get(scope.source)?;
        let is_current = known.generation == generation && *known.patterns == *scope.sites;
        is_current.then(|| known.audience.clone())
    }

    pub fn keep(&self, scope: &SourceScope<'_>, generation: i64, audience: Arc<[DestinationId]>) {
        let known = Known { generation, patterns: scope.sites.into(), audience };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(scope.source.clone(), known);
    }
}
