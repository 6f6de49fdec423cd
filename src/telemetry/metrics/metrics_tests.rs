//! How many series there are at most, and what the process says of itself.

use super::*;

fn series_of(metrics: &Metrics, name: &str) -> usize {
    let text = metrics.encode().expect("it can be written");
    text.lines().filter(|line| line.starts_with(name)).count()
}

#[test]
fn ten_thousand_sites_make_no_more_series_than_the_first_hundred_and_the_rest_together() {
    let metrics = Metrics::default();
    for site in (0..10_000).map(|n| format!("site-{n}.atlassian.net")) {
        for result in ["accepted", "refused", "confirmed"] {
            metrics.count_verdict(&site, result);
        }
        metrics.count_action(Some(&site), "verified");
        metrics.set_rate_limit_remaining(&site, 5);
    }
    assert_eq!(series_of(&metrics, "incident_bridge_verdicts_total"), 101 * 3);
    assert_eq!(series_of(&metrics, "incident_bridge_actions_total"), 101);
    assert_eq!(series_of(&metrics, "incident_bridge_jira_rate_limit_remaining"), 100);
    let other = "incident_bridge_verdicts_total{site=\"other\",result=\"refused\"} 9900";
    assert!(metrics.encode().expect("it can be written").contains(other));
}

#[test]
fn a_tool_with_ever_new_paths_makes_a_bounded_number_of_series() {
    let metrics = Metrics::default();
    for n in 0..500 {
        let endpoint = format!("/incidents/{n}");
        let made = RequestMade { endpoint: &endpoint, outcome: "ok", took: std::time::Duration::ZERO };
        metrics.count_tool_request("pd", made);
    }
    assert_eq!(series_of(&metrics, "incident_bridge_tool_requests_total"), 41);
}

#[test]
fn a_request_takes_fractions_of_a_second_and_a_delivery_hours() {
    let metrics = Metrics::default();
    let took = std::time::Duration::from_micros(1500);
    metrics.count_jira_request(RequestMade { endpoint: "GET /x", outcome: "ok", took });
    metrics.delivery_duration.observe(5.0 * 3600.0);
    let text = metrics.encode().expect("it can be written");
    assert!(text.contains("jira_request_duration_seconds_sum{endpoint=\"GET /x\"} 0.0015"), "{text}");
    assert!(text.contains("delivery_duration_seconds_bucket{le=\"14400.0\"} 0"), "{text}");
    assert!(text.contains("delivery_duration_seconds_bucket{le=\"28800.0\"} 1"), "{text}");
}

#[test]
fn the_process_says_what_it_is_and_what_it_uses() {
    let metrics = Metrics::default();
    let text = metrics.encode().expect("it can be written");
    let build = format!("incident_bridge_build_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION"));
    assert!(text.contains(&build), "{text}");
    for name in ["process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"] {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let value: f64 = line.unwrap_or_else(|| panic!("no {name}: {text}")).parse().expect("a number");
        assert!(value >= 0.0 && (name == "process_cpu_seconds_total" || value > 1.0), "{name} {value}");
    }
    for name in metrics.names() {
        assert!(name.starts_with("incident_bridge_") || name.starts_with("process_"), "{name}");
    }
}
