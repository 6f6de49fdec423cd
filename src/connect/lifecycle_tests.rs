//! Lifecycle bodies good and bad, each with a token that was really signed and proven.

use std::sync::LazyLock;
use std::time::Duration;

use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::*;
use crate::clock::from_millis;
use crate::connect::jwt::{
    Claims, InstallKeyPair, SignedRequest, parse_authorization, sign_hs256, sign_rs256, verify_hs256,
    verify_rs256,
};
use crate::connect::qsh;

const CLIENT_KEY: &str = "7c1d0b1e-0000-4000-8000-000000000003";
const APP_KEY: &str = "incident-bridge";
const BASE: &str = "https://bridge.example.com";
const REQUEST: SignedRequest<'_> =
    SignedRequest { method: "POST", target: "/connect/installed", base_path: "" };

static KEYS: LazyLock<InstallKeyPair> = LazyLock::new(|| InstallKeyPair::generate("key-1").unwrap());

fn claims(iss: &str) -> Claims {
    let qsh = Some(qsh::hash(REQUEST.method, REQUEST.target, REQUEST.base_path));
    Claims { iss: iss.into(), iat: 1000, exp: 1180, qsh, aud: vec![BASE.into()], sub: None }
}

fn from_atlassian(iss: &str) -> LifecycleToken {
    let token = sign_rs256(&claims(iss), &KEYS.kid, KEYS.private_pem.expose_secret()).unwrap();
    let token = parse_authorization(&format!("JWT {token}")).unwrap();
    verify_rs256(&token, &KEYS.public_pem, BASE, &REQUEST, from_millis(1_000_000), Duration::ZERO).unwrap()
}

fn from_site(iss: &str) -> SiteToken {
    let secret = b"placeholder-not-a-real-secret";
    let token = parse_authorization(&format!("JWT {}", sign_hs256(&claims(iss), secret).unwrap())).unwrap();
    verify_hs256(&token, &[secret], &REQUEST, from_millis(1_000_000), Duration::ZERO).unwrap()
}

fn body() -> Value {
    serde_json::from_str(include_str!("../../tests/fixtures/connect/installed.json")).unwrap()
}

fn installed(body: &Value) -> Result<Installed, LifecycleError> {
    parse_installed(&from_atlassian(CLIENT_KEY), body.to_string().as_bytes(), APP_KEY)
}

#[test]
fn an_installation_is_read_and_unknown_fields_are_ignored() {
    let installed = installed(&body()).unwrap();
    assert_eq!(installed.client_key.as_str(), CLIENT_KEY);
    assert_eq!(installed.shared_secret.expose_secret(), "placeholder-not-a-real-secret");
    assert_eq!(installed.base_url, "https://acme.atlassian.net");
    assert_eq!(installed.display_url.as_deref(), Some("https://jira.acme.example"));
    assert_eq!(installed.product_type.as_deref(), Some("jira"));
    assert!(!format!("{installed:?}").contains("placeholder"));
}

#[test]
fn an_installation_without_a_decent_secret_or_address_is_refused() {
    for secret in [Value::Null, json!(""), json!("short"), json!("fifteen-letters")] {
        let mut body = body();
        body["sharedSecret"] = secret;
        assert_eq!(installed(&body).unwrap_err(), LifecycleError::Unusable("sharedSecret"));
    }
    let mut body = body();
    body.as_object_mut().unwrap().remove("baseUrl");
    assert_eq!(installed(&body).unwrap_err(), LifecycleError::Unusable("baseUrl"));
}

#[test]
fn a_body_for_another_app_event_or_installation_is_refused() {
    let changed = |field: &str, value: &str| {
        let mut body = body();
        body[field] = value.into();
        installed(&body).unwrap_err()
    };
    assert_eq!(changed("key", "another-app"), LifecycleError::WrongAppKey);
    assert_eq!(changed("eventType", "uninstalled"), LifecycleError::WrongEvent { expected: "installed" });
    assert_eq!(changed("clientKey", "another-site"), LifecycleError::WrongIssuer);
    assert_eq!(changed("clientKey", ""), LifecycleError::Unusable("clientKey"));
}

#[test]
fn the_other_events_name_their_installation() {
    let mut body = body();
    body.as_object_mut().unwrap().remove("sharedSecret");
    for (event, toggle) in [("enabled", Toggle::Enabled), ("disabled", Toggle::Disabled)] {
        body["eventType"] = event.into();
        let bytes = body.to_string();
        let key = parse_toggled(&from_site(CLIENT_KEY), bytes.as_bytes(), APP_KEY, toggle).unwrap();
        assert_eq!(key.as_str(), CLIENT_KEY);
        let other = parse_toggled(&from_site("another"), bytes.as_bytes(), APP_KEY, toggle);
        assert_eq!(other, Err(LifecycleError::WrongIssuer));
    }
    body["eventType"] = "uninstalled".into();
    let key = parse_uninstalled(&from_atlassian(CLIENT_KEY), body.to_string().as_bytes(), APP_KEY).unwrap();
    assert_eq!(key.as_str(), CLIENT_KEY);
    let wrong = parse_toggled(&from_site(CLIENT_KEY), body.to_string().as_bytes(), APP_KEY, Toggle::Enabled);
    assert_eq!(wrong, Err(LifecycleError::WrongEvent { expected: "enabled" }));
}

#[test]
fn an_unreadable_body_is_refused_without_repeating_it() {
    for text in ["", "[]", "{\"key\": 7}", "{\"key\": \"incident-bridge\"}", "sharedSecret=hunter2hunter2"] {
        let refusal = parse_installed(&from_atlassian(CLIENT_KEY), text.as_bytes(), APP_KEY).unwrap_err();
        assert!(matches!(refusal, LifecycleError::Unreadable { .. }), "{text}");
        assert!(!refusal.to_string().contains("hunter2"));
    }
}
