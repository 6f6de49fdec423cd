//! Quantiles of individual measurements.

/// Milliseconds in ascending order; never empty.
pub struct Latencies(Vec<f64>);

impl Latencies {
    pub fn new(mut milliseconds: Vec<f64>) -> Self {
        assert!(!milliseconds.is_empty(), "nothing was measured");
        milliseconds.sort_by(f64::total_cmp);
        Self(milliseconds)
    }

    /// The latency that the given share of all, 0 to 1, did not exceed.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "far fewer than a float can count"
    )]
    pub fn quantile_ms(&self, share: f64) -> f64 {
        let last = self.0.len() - 1;
        self.0[(last as f64 * share).round() as usize]
    }
}
