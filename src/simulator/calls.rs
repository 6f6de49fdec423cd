//! Calls that Jira makes to the app: signing them, sending them, reading the answer.
//!
//! A call is prepared and sent in two steps, so that a test can tamper with it in between. Must not
//! follow redirects and must not change the site.

use std::time::Duration;

use secrecy::ExposeSecret as _;
use serde::Serialize;
use serde_json::Value;
use url::Url;

use super::site::Installation;
use crate::clock::Clock;
use crate::connect::jwt::{Claims, InstallKeyPair, JwtError, sign_hs256, sign_rs256};
use crate::connect::qsh;

/// Lifetime of the tokens that Jira sends.
const LIFETIME_SECS: i64 = 15 * 60;

/// Why a call to the app could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error("no app is installed on the simulated site")]
    NotInstalled,
    #[error("the app's descriptor has no {0}")]
    NotDeclared(String),
    #[error("the descriptor breaks Jira's rules: {}", .0.join("; "))]
    Descriptor(Vec<String>),
    #[error("the app answered {status} to {event}, so nothing was installed")]
    Aborted { event: &'static str, status: u16 },
    #[error("`{0}` is no URL")]
    BadUrl(String),
    #[error("the app could not be reached: {0}")]
    Unreachable(String),
    #[error("the descriptor could not be fetched: {0}")]
    NoDescriptor(String),
    #[error("signing failed: {0}")]
    Signing(#[from] JwtError),
    #[error("the system's random generator failed")]
    Randomness,
}

/// A request to the app, ready to be sent.
#[derive(Clone)]
pub struct SignedCall {
    pub method: &'static str,
    pub url: Url,
    /// Value of the `Authorization` header; `None` sends none.
    pub authorization: Option<String>,
    pub body: Option<Value>,
}

/// What the app answered.
#[derive(Clone, Debug, Serialize)]
pub struct AppAnswer {
    pub status: u16,
    /// `null` when the body is empty or not JSON.
    pub body: Value,
    /// Where the answer breaks the contract; empty when it does not.
    pub problems: Vec<String>,
}

/// Signs with the shared secret: `enabled`, `disabled`, and the actions.
pub fn sign_with_secret(
    clock: &Clock,
    installation: &Installation,
    method: &'static str,
    url: Url,
    body: Option<Value>,
) -> Result<SignedCall, CallError> {
    let claims = claims(clock, installation, method, &url, Vec::new());
    let token = sign_hs256(&claims, installation.shared_secret.as_bytes())?;
    Ok(SignedCall { method, url, authorization: Some(format!("JWT {token}")), body })
}

/// Signs with the install key: `installed` and `uninstalled`.
pub fn sign_with_install_key(
    clock: &Clock,
    key: &InstallKeyPair,
    installation: &Installation,
    url: Url,
    body: Value,
) -> Result<SignedCall, CallError> {
    let claims = claims(clock, installation, "POST", &url, vec![installation.app_base_url.clone()]);
    let token = sign_rs256(&claims, &key.kid, key.private_pem.expose_secret())?;
    Ok(SignedCall { method: "POST", url, authorization: Some(format!("JWT {token}")), body: Some(body) })
}

fn claims(clock: &Clock, installation: &Installation, method: &str, url: &Url, aud: Vec<String>) -> Claims {
    let base = Url::parse(&installation.app_base_url).ok();
    let base_path = base.map(|base| base.path().trim_end_matches('/').to_owned()).unwrap_or_default();
    let iat = clock.now().timestamp();
    Claims {
        iss: installation.client_key.clone(),
        iat,
        exp: iat + LIFETIME_SECS,
        qsh: Some(qsh::hash(method, url.as_str(), &base_path)),
        aud,
        // Somebody else each time, so that two calls of one second have different tokens.
        sub: Some(format!("712020:{}", clock.new_id())),
    }
}

/// The client for calls to the app.
pub fn build_client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(10))
        .no_proxy()
        .build()
}

/// Sends a call and reads the answer; any status is an answer.
pub async fn send(client: &reqwest::Client, call: SignedCall) -> Result<AppAnswer, CallError> {
    let unreachable = |error: reqwest::Error| CallError::Unreachable(error.without_url().to_string());
    let method = match call.method {
        "GET" => reqwest::Method::GET,
        "PUT" => reqwest::Method::PUT,
        _ => reqwest::Method::POST,
    };
    let mut request = client.request(method, call.url);
    if let Some(authorization) = call.authorization {
        request = request.header("Authorization", authorization);
    }
    if let Some(body) = &call.body {
        request = request.json(body);
    }
    let response = request.send().await.map_err(unreachable)?;
    let status = response.status().as_u16();
    let text = response.bytes().await.map_err(unreachable)?;
    let body = serde_json::from_slice(&text).unwrap_or(Value::Null);
    Ok(AppAnswer { status, body, problems: Vec::new() })
}

/// Fetches the descriptor from below the app's base URL.
pub async fn fetch_descriptor(client: &reqwest::Client, app_base_url: &str) -> Result<Value, CallError> {
    let url = format!("{}/atlassian-connect.json", app_base_url.trim_end_matches('/'));
    let call = SignedCall { method: "GET", url: parse_url(&url)?, authorization: None, body: None };
    let answer = send(client, call).await.map_err(|error| CallError::NoDescriptor(error.to_string()))?;
    if answer.status == 200 {
        Ok(answer.body)
    } else {
        Err(CallError::NoDescriptor(format!("status {}", answer.status)))
    }
}

pub fn parse_url(text: &str) -> Result<Url, CallError> {
    Url::parse(text).map_err(|_| CallError::BadUrl(text.to_owned()))
}
