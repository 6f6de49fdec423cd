//! Reads a tool's own keys of its `[[sources]]` table, so that a typo is answered with the right name.
//!
//! Must not know any tool: each hands in its own list of names.

use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;

use super::json::find_web_url;
use crate::config::{SourceConfig, suggestion};
use crate::domain::SourceId;
use crate::sources::BuildError;

/// Refuses a key that the tool does not have.
pub(in crate::sources) fn check_names(config: &SourceConfig, names: &[&str]) -> Result<(), BuildError> {
    let known = [names, &SourceConfig::shared_names()].concat();
    config
        .options
        .keys()
        .find(|key| !names.contains(&key.as_str()))
        .map_or(Ok(()), |key| Err(unknown_name(&config.id, "key", key, &known)))
}

/// The tool's own keys as its own type.
///
/// # Errors
/// Names the source, and what is wrong with which value.
pub(in crate::sources) fn parse<T: DeserializeOwned>(config: &SourceConfig) -> Result<T, BuildError> {
    T::deserialize(serde_json::Value::Object(config.options.clone()))
        .map_err(|fault| refuse(config, &fault.to_string()))
}

/// A fault of this source's configuration.
pub(in crate::sources) fn refuse(config: &SourceConfig, what: &str) -> BuildError {
    BuildError(format!("source `{}` ({}): {what}", config.id, config.kind))
}

/// An unknown `what`, with the nearest known name if one is near enough, else with all names.
pub(in crate::sources) fn unknown_name(id: &SourceId, what: &str, name: &str, known: &[&str]) -> BuildError {
    BuildError(format!("source `{id}`: unknown {what} `{name}`; {}", suggestion(name, known)))
}

/// Refuses a blank credential of webhooks: anybody could use it.
pub(in crate::sources) fn check_credentials(config: &SourceConfig) -> Result<(), BuildError> {
    let is_blank = |secret: &str| secret.trim().trim_matches(':').trim().is_empty();
    match config.webhook_credentials().into_iter().find(|(_, secret)| is_blank(secret.expose_secret())) {
        Some((key, _)) => Err(refuse(config, &format!("`{key}` is blank: give it a value, or remove it"))),
        None => Ok(()),
    }
}

/// The halves of an `api_token` that is written as `first:second`; `form` shows how, for the operator.
pub(in crate::sources) fn split_token(
    config: &SourceConfig,
    token: &SecretString,
    form: &str,
) -> Result<(SecretString, SecretString), BuildError> {
    match token.expose_secret().trim().split_once(':') {
        Some((first, second)) if !first.is_empty() && !second.is_empty() => Ok((first.into(), second.into())),
        _ => Err(refuse(config, &format!("`api_token` must be written as {form}"))),
    }
}

/// Refuses a pattern that gives no web address, or lacks its placeholder.
pub(in crate::sources) fn check_url_pattern(
    config: &SourceConfig,
    key: &str,
    pattern: &str,
    placeholder: &str,
) -> Result<(), BuildError> {
    if pattern.contains(placeholder) && find_web_url(&pattern.replace(placeholder, "1")).is_some() {
        return Ok(());
    }
    Err(refuse(config, &format!("`{key}` must be a web address with {placeholder} in it")))
}
