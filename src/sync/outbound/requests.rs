//! Counts the requests that destinations make for this side.

use crate::http::Observer;
use crate::sync::core::Core;
use crate::telemetry::RequestMade;

/// Counts every request to a destination.
pub(super) fn count_requests(core: &Core) -> Observer {
    let metrics = core.metrics.clone();
    Observer::new(core.clock.clone(), move |seen| {
        let made = RequestMade { endpoint: &seen.endpoint, outcome: seen.outcome, took: seen.took };
        metrics.count_jira_request(made);
        if let Some((site, left)) = &seen.limit_left {
            metrics.set_rate_limit_remaining(site, *left);
        }
    })
}
