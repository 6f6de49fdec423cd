//! An Alertmanager configuration as far as it concerns Jira: its receivers with `jira_configs`, and the routes.
//!
//! Must say what is wrong with a file without repeating what stands in it: that may be a secret.

use serde_json::{Map, Value};

/// A configuration with at least one `jira_config`.
#[derive(Debug)]
pub(super) struct Document {
    /// How the tool is called that it belongs to.
    pub tool: &'static str,
    pub global: Map<String, Value>,
    /// Those with `jira_configs`.
    pub receivers: Vec<Receiver>,
    pub route: Option<Value>,
}

/// A receiver that writes to Jira.
#[derive(Debug)]
pub(super) struct Receiver {
    pub name: String,
    pub configs: Vec<Map<String, Value>>,
    /// The kinds of its other notifications, such as `slack_configs`.
    pub others: Vec<String>,
}

const JIRA: &str = "jira_configs";

impl Document {
    /// # Errors
    /// What is wrong with the file, and what to do, as the end of a sentence that begins with its name.
    pub fn read(text: &str) -> Result<Self, String> {
        let mut root = read_root(text)?;
        if ["defaults", "template"].iter().any(|key| root.contains_key(*key)) {
            return Err("this looks like a configuration of jiralert; add --jiralert".to_owned());
        }
        let global = match root.remove("global") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(global)) => global,
            Some(_) => return Err("`global` is not a mapping".to_owned()),
        };
        let all = take_receivers(&mut root)?;
        let mut others: Vec<String> = all.iter().flat_map(list_kinds).filter(|kind| kind != JIRA).collect();
        let mut receivers = Vec::new();
        for (at, receiver) in all.into_iter().enumerate() {
            receivers.extend(read_receiver(at, receiver)?);
        }
        if receivers.is_empty() {
            others.sort();
            others.dedup();
            let there = if others.is_empty() { "nothing".to_owned() } else { others.join(", ") };
            return Err(format!(
                "no receiver has `jira_configs`, and only those are moved; the receivers have {there}"
            ));
        }
        Ok(Self { tool: "Alertmanager", global, receivers, route: root.remove("route") })
    }
}

/// The mapping that a file consists of.
pub(super) fn read_root(text: &str) -> Result<Map<String, Value>, String> {
    match parse(text)? {
        Value::Object(root) => Ok(root),
        Value::Null => Err("the file is empty".to_owned()),
        _ => Err("the file is not a mapping of keys such as `receivers:`".to_owned()),
    }
}

/// The mappings below `receivers`.
pub(super) fn take_receivers(root: &mut Map<String, Value>) -> Result<Vec<Map<String, Value>>, String> {
    let Some(Value::Array(receivers)) = root.remove("receivers") else {
        return Err("there is no list `receivers`: is this the right file?".to_owned());
    };
    let receivers = receivers.into_iter().enumerate().map(|(at, receiver)| match receiver {
        Value::Object(receiver) => Ok(receiver),
        _ => Err(format!("receiver {} is not a mapping", at + 1)),
    });
    receivers.collect()
}

fn parse(text: &str) -> Result<Value, String> {
    serde_saphyr::from_str(text).map_err(|fault| {
        let place = fault.location().map(|at| format!(" in line {}, column {}", at.line(), at.column()));
        format!("this is not YAML: there is a mistake{}", place.unwrap_or_default())
    })
}

fn read_receiver(at: usize, mut receiver: Map<String, Value>) -> Result<Option<Receiver>, String> {
    let name = match receiver.get("name") {
        Some(Value::String(name)) => name.clone(),
        _ => format!("number {}", at + 1),
    };
    let configs = match receiver.remove(JIRA) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Array(configs)) => configs,
        Some(_) => return Err(format!("`{JIRA}` of the receiver {name:?} is not a list")),
    };
    let configs = configs.into_iter().map(|config| match config {
        Value::Object(config) => Ok(config),
        _ => Err(format!("an entry of `{JIRA}` of the receiver {name:?} is not a mapping")),
    });
    let configs = configs.collect::<Result<Vec<_>, _>>()?;
    let others = list_kinds(&receiver).collect();
    Ok((!configs.is_empty()).then_some(Receiver { name, configs, others }))
}

fn list_kinds(receiver: &Map<String, Value>) -> impl Iterator<Item = String> + use<> {
    let kinds: Vec<String> = receiver.keys().filter(|key| key.ends_with("_configs")).cloned().collect();
    kinds.into_iter()
}
