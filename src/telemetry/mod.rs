//! What the program says about itself: log lines and metrics.
//!
//! WARN: unusual, but nothing is lost. ERROR: a person must act, and the message says how. Secrets, tokens,
//! payloads and query strings never get here.

mod logging;
mod metrics;

pub use logging::{LoggingError, check_level, init_command_logging, init_logging};
pub use metrics::{
    Counts, Gauges, Levels, MOST_SITES, Metrics, OTHER, RequestMade, SiteLabel, SiteResultLabel,
    SiteStateLabel, SourceLabel, SourceStateLabel, WordLabel, gauge_value,
};
