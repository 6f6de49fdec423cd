//! What was measured at each size, as a point of a curve.

use std::time::Duration;

use serde_json::{Value, json};

use crate::measure::Figures;

/// The one of a size of a store. What was given up is left out.
pub fn of(store: &str, entries: usize, version: &str, found: &Figures) -> Value {
    let milliseconds = |time: Duration| time.as_secs_f64() * 1_000.0;
    let mut point = json!({
        "figure": format!("Cost over {store}"), "case": format!("{entries} {store}"), "peer": version, "round": 0,
        "idle_second_ms_of_CPU": milliseconds(found.idle),
        "resident_MB": found.resident_mb,
        "start_ms": milliseconds(found.start),
    });
    let costs = [
        ("new_component_ms_of_CPU", Some(&found.component)),
        ("installed_ms_of_CPU", found.installed.as_ref()),
    ];
    for (name, cost) in costs {
        if let Some(cost) = cost.filter(|cost| !cost.is_more) {
            point[name] = milliseconds(cost.cpu).into();
        }
    }
    point
}
