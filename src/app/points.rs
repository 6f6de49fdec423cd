//! Gives destinations the points that all processes share, which the store keeps.

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::destinations::SharedPoints;
use crate::store::Store;

#[derive(Debug)]
pub(super) struct StoredPoints(pub Store);

#[async_trait]
impl SharedPoints for StoredPoints {
    async fn take(&self, pool: &str, hour: Timestamp, points: u64, quota: u64) -> Option<(bool, u64)> {
        let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        match self.0.points().take(pool, hour, number(points), number(quota)).await {
            Ok((taken, spent)) => Some((taken, u64::try_from(spent).unwrap_or_default())),
            Err(fault) => {
                tracing::debug!(pool, %fault, "what other processes spend is not known");
                None
            }
        }
    }
}
