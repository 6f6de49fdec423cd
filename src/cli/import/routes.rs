//! Which routes lead to a receiver. They stay in Alertmanager, so they are only told.

use serde_json::{Map, Value};

/// One line for each route that leads to the receiver; none if no route does.
pub(super) fn describe(route: Option<&Value>, receiver: &str) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(Value::Object(root)) = route {
        walk(root, &Inherited::default(), receiver, &mut lines);
    }
    lines
}

/// What a route takes from those above it.
#[derive(Clone, Default)]
struct Inherited {
    receiver: String,
    group_by: Vec<String>,
    matchers: Vec<String>,
}

fn walk(route: &Map<String, Value>, above: &Inherited, receiver: &str, lines: &mut Vec<String>) {
    let mut here = above.clone();
    if let Some(name) = route.get("receiver").and_then(Value::as_str) {
        name.clone_into(&mut here.receiver);
    }
    if let Some(labels) = route.get("group_by").and_then(Value::as_array) {
        here.group_by = labels.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    }
    here.matchers.extend(list_matchers(route));
    if here.receiver == receiver {
        lines.push(here.describe());
    }
    for inner in route.get("routes").and_then(Value::as_array).into_iter().flatten() {
        if let Value::Object(inner) = inner {
            walk(inner, &here, receiver, lines);
        }
    }
}

fn list_matchers(route: &Map<String, Value>) -> Vec<String> {
    let listed = route.get("matchers").and_then(Value::as_array).into_iter().flatten();
    let mut matchers: Vec<String> = listed.filter_map(Value::as_str).map(str::to_owned).collect();
    for (key, sign) in [("match", "="), ("match_re", "=~")] {
        let table = route.get(key).and_then(Value::as_object).into_iter().flatten();
        matchers.extend(table.map(|(label, value)| format!("{label}{sign}{value}")));
    }
    matchers
}

impl Inherited {
    fn describe(&self) -> String {
        let which = if self.matchers.is_empty() { "all alerts".to_owned() } else { self.matchers.join(", ") };
        let incident = match self.group_by.as_slice() {
            [] => "all of them together are one incident".to_owned(),
            [all] if all == "..." => "each alert is an incident".to_owned(),
            labels => format!("one incident for each {}", labels.join(", ")),
        };
        format!("{which}: {incident}")
    }
}
