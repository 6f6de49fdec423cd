//! Gauges that are computed all at once, and replaced all at once: a scrape sees the old values or the new
//! ones, never a part, and never none.

use std::fmt::{self, Debug};
use std::sync::{Arc, PoisonError, RwLock};

use prometheus_client::encoding::{EncodeLabelSet, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;

/// One gauge with a value for each set of labels.
#[derive(Debug)]
pub struct Gauges<L>(Arc<RwLock<Values<L>>>);

type Values<L> = Arc<[(L, f64)]>;

impl<L> Clone for Gauges<L> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<L> Default for Gauges<L> {
    fn default() -> Self {
        Self(Arc::new(RwLock::new(Arc::from([]))))
    }
}

impl<L> Gauges<L> {
    /// The only values from now on.
    pub fn replace(&self, values: impl IntoIterator<Item = (L, f64)>) {
        let values = values.into_iter().collect();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = values;
    }

    fn current(&self) -> Values<L> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl<L: EncodeLabelSet + Debug + Send + Sync + 'static> EncodeMetric for Gauges<L> {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        for (labels, value) in self.current().iter() {
            encoder.encode_family(labels)?.encode_gauge(value)?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Gauge
    }

    fn is_empty(&self) -> bool {
        self.current().is_empty()
    }
}

/// A number of things as a metric. Beyond 2^53, which nothing here reaches, it is rounded.
#[must_use]
pub fn gauge_value(count: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    {
        count as f64
    }
}

#[cfg(test)]
mod tests {
    use super::super::labels::SiteLabel;
    use super::*;

    #[test]
    fn a_scrape_beside_refreshes_always_finds_every_series() {
        let gauges = Gauges::default();
        let values = |n: f64| (0..50).map(move |site| (SiteLabel { site: format!("site-{site}") }, n));
        gauges.replace(values(0.0));
        std::thread::scope(|scope| {
            scope.spawn(|| (0..2000).for_each(|n| gauges.replace(values(f64::from(n)))));
            for _ in 0..2000 {
                let seen = gauges.current();
                assert_eq!(seen.len(), 50);
                assert!(
                    seen.iter().all(|(_, value)| value.to_bits() == seen[0].1.to_bits()),
                    "a part of a refresh: {seen:?}"
                );
            }
        });
    }
}
