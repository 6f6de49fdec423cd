//! Writes what was measured at several sizes, as `benches/peers/run --curves` reads it.

use std::path::Path;

use serde_json::{Value, json};

/// Replaces the file. A point has a `figure` that begins with "Cost over", a `case` that begins with its size, a `peer`, a
/// `round`, and what was measured.
pub fn write(file: &Path, points: &[Value]) {
    let text = serde_json::to_string_pretty(&json!({ "figures": points })).expect("JSON");
    std::fs::write(file, text).expect("the file is written");
}
