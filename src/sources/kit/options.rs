//! Reads a tool's own keys of its `[[sources]]` table, so that a typo is answered with the right name.
//!
//! Must not know any tool: each hands in its own list of names.

use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::json::find_web_url;
use crate::config::{SourceConfig, suggestion};
use crate::sources::BuildError;

/// Takes the keys out that the tool does not have, with a sentence for each.
pub(in crate::sources) fn take_unknown(config: &mut SourceConfig, names: &[&str]) -> Vec<String> {
    let known = [names, &SourceConfig::shared_names()].concat();
    let unknown: Vec<String> =
        config.options.keys().filter(|key| !names.contains(&key.as_str())).cloned().collect();
    for key in &unknown {
        config.options.remove(key);
    }
    unknown.iter().map(|key| unknown_name("key", key, &known)).collect()
}

/// The tool's own keys as its own type.
///
/// # Errors
/// Names each key that has a wrong value, and what is wrong with it.
pub(in crate::sources) fn parse<T: DeserializeOwned>(config: &SourceConfig) -> Result<T, BuildError> {
    T::deserialize(Value::Object(config.options.clone())).map_err(|fault| {
        // One at a time, so that the sentence can name the key and one mistake hides no other.
        let wrong = config.options.iter().filter_map(|(key, value)| {
            let alone = serde_json::Map::from_iter([(key.clone(), value.clone())]);
            let fault = T::deserialize(Value::Object(alone)).err()?.to_string();
            (!fault.starts_with("missing field")).then(|| format!("`{key}`: {fault}"))
        });
        let problems: Vec<String> = wrong.collect();
        if problems.is_empty() { fault.to_string().into() } else { BuildError { problems } }
    })
}

/// A mistake in a source's configuration.
pub(in crate::sources) fn refuse(what: &str) -> BuildError {
    what.to_owned().into()
}

/// An unknown `what`, with the nearest known name if one is near enough, else with all names.
pub(in crate::sources) fn unknown_name(what: &str, name: &str, known: &[&str]) -> String {
    format!("unknown {what} `{name}`; {}", suggestion(name, known))
}

/// A sentence for each blank credential of webhooks: anybody could use it.
pub(in crate::sources) fn list_blank_credentials(config: &SourceConfig) -> Vec<String> {
    let is_blank = |secret: &str| secret.trim().trim_matches(':').trim().is_empty();
    let credentials = config.webhook_credentials().into_iter();
    let blank = credentials.filter(|(_, secret)| is_blank(secret.expose_secret()));
    blank.map(|(key, _)| format!("`{key}` is blank: give it a value, or remove it")).collect()
}

/// The halves of an `api_token` that is written as `first:second`; `form` shows how, for the operator.
pub(in crate::sources) fn split_token(
    token: &SecretString,
    form: &str,
) -> Result<(SecretString, SecretString), BuildError> {
    match token.expose_secret().trim().split_once(':') {
        Some((first, second)) if !first.is_empty() && !second.is_empty() => Ok((first.into(), second.into())),
        _ => Err(refuse(&format!("`api_token` must be written as {form}"))),
    }
}

/// Refuses a pattern that gives no web address, or lacks its placeholder.
pub(in crate::sources) fn check_url_pattern(
    key: &str,
    pattern: &str,
    placeholder: &str,
) -> Result<(), BuildError> {
    if pattern.contains(placeholder) && find_web_url(&pattern.replace(placeholder, "1")).is_some() {
        return Ok(());
    }
    Err(refuse(&format!("`{key}` must be a web address with {placeholder} in it")))
}
