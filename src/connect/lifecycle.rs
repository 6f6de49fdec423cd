//! What Jira posts when the app is installed, enabled, disabled or uninstalled.
//!
//! Each `parse_…` asks for the proof of the right kind, so a body cannot be read without its token having
//! been checked, and checks the body against it. Stores nothing and makes no requests; in particular the base
//! URL of a body still has to pass [`super::sites`] before anything is sent there.

use secrecy::SecretString;
use serde::Deserialize;

use super::jwt::{LifecycleToken, SiteToken};
use crate::domain::ClientKey;

/// Shortest shared secret that is accepted: 128 bits. Atlassian's are much longer.
pub const MIN_SECRET_BYTES: usize = 16;

const MAX_CLIENT_KEY_BYTES: usize = 255;

/// The body of `installed`, verified.
#[derive(Debug, Clone)]
pub struct Installed {
    pub client_key: ClientKey,
    /// Replaces every earlier one of this installation.
    pub shared_secret: SecretString,
    /// Address for REST calls, as sent.
    pub base_url: String,
    /// Address that people see, where the site has a domain of its own.
    pub display_url: Option<String>,
    /// `jira` or `confluence`.
    pub product_type: Option<String>,
}

/// `enabled` and `disabled`, which come with the site's own token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Toggle {
    Enabled,
    Disabled,
}

impl Toggle {
    fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
        }
    }
}

/// Why a lifecycle body is refused although its token is genuine. Does not repeat the body's content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LifecycleError {
    #[error("the lifecycle body is not the documented JSON object (line {line}, column {column})")]
    Unreadable { line: usize, column: usize },
    #[error("the lifecycle body is for another app; compare `connect.app_key` with the descriptor in Jira")]
    WrongAppKey,
    #[error("the lifecycle body is for another event than `{expected}`, which this route is for")]
    WrongEvent { expected: &'static str },
    #[error("the lifecycle body names another installation than its token")]
    WrongIssuer,
    #[error("the lifecycle body has no usable `{0}`")]
    Unusable(&'static str),
}

/// Reads the body of `installed`.
///
/// # Errors
/// A [`LifecycleError`]; answer 401 to [`LifecycleError::WrongIssuer`] and 400 to the rest.
pub fn parse_installed(
    proof: &LifecycleToken,
    body: &[u8],
    app_key: &str,
) -> Result<Installed, LifecycleError> {
    let payload = parse(body, app_key, "installed", &proof.client_key())?;
    let shared_secret = payload
        .shared_secret
        .filter(|secret| secret.len() >= MIN_SECRET_BYTES)
        .ok_or(LifecycleError::Unusable("sharedSecret"))?;
    Ok(Installed {
        client_key: payload.client_key,
        shared_secret: shared_secret.into(),
        base_url: payload.base_url.ok_or(LifecycleError::Unusable("baseUrl"))?,
        display_url: payload.display_url,
        product_type: payload.product_type,
    })
}

/// Reads the body of `uninstalled`: which installation is gone.
///
/// # Errors
/// As for [`parse_installed`].
pub fn parse_uninstalled(
    proof: &LifecycleToken,
    body: &[u8],
    app_key: &str,
) -> Result<ClientKey, LifecycleError> {
    parse(body, app_key, "uninstalled", &proof.client_key()).map(|payload| payload.client_key)
}

/// Reads the body of `enabled` or `disabled`: which installation is meant.
///
/// # Errors
/// As for [`parse_installed`].
pub fn parse_toggled(
    proof: &SiteToken,
    body: &[u8],
    app_key: &str,
    event: Toggle,
) -> Result<ClientKey, LifecycleError> {
    parse(body, app_key, event.as_str(), &proof.client_key()).map(|payload| payload.client_key)
}

/// The fields that are read; Atlassian adds others over time.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    key: String,
    client_key: ClientKey,
    shared_secret: Option<String>,
    base_url: Option<String>,
    display_url: Option<String>,
    product_type: Option<String>,
    event_type: Option<String>,
}

fn parse(
    body: &[u8],
    app_key: &str,
    event: &'static str,
    issuer: &ClientKey,
) -> Result<Payload, LifecycleError> {
    let payload: Payload = serde_json::from_slice(body)
        .map_err(|fault| LifecycleError::Unreadable { line: fault.line(), column: fault.column() })?;
    if payload.key != app_key {
        return Err(LifecycleError::WrongAppKey);
    }
    // The token is bound to the route already; the body is only checked for consistency.
    if payload.event_type.as_deref().is_some_and(|found| found != event) {
        return Err(LifecycleError::WrongEvent { expected: event });
    }
    if !(1..=MAX_CLIENT_KEY_BYTES).contains(&payload.client_key.as_str().len()) {
        return Err(LifecycleError::Unusable("clientKey"));
    }
    if payload.client_key != *issuer {
        return Err(LifecycleError::WrongIssuer);
    }
    Ok(payload)
}

#[cfg(test)]
#[path = "lifecycle_tests.rs"]
mod tests;
