//! Tokens, request hashes and lifecycle bodies: what was not signed is refused, whatever it looks like.

use std::sync::LazyLock;
use std::time::Duration;

use incident_bridge::connect::jwt::{
    Claims, InstallKeyPair, LifecycleToken, SignedRequest, parse_authorization, sign_rs256, verify_hs256,
    verify_rs256,
};
use incident_bridge::connect::lifecycle::{MIN_SECRET_BYTES, parse_installed, parse_uninstalled};
use incident_bridge::connect::qsh;
use incident_bridge::connect::sites::{SiteAllowList, host_matches};

use super::input;
use super::tools::now;

const BASE: &str = "https://bridge.example.com";
const LEEWAY: Duration = Duration::from_secs(5);
/// Shared secret of an installation; no input holds a signature made with it.
const SECRET: &[u8] = b"kE3vJ8mQ2xR7tY5wZ9bN4cF6hL1pD0sG";
const CLIENT_KEY: &str = "7c1d0b1e-0000-4000-8000-000000000003";

static KEY: LazyLock<InstallKeyPair> = LazyLock::new(|| InstallKeyPair::generate("key").expect("a key pair"));

/// The proof of a genuine `installed` call.
static PROOF: LazyLock<LifecycleToken> = LazyLock::new(|| {
    let target = "/connect/installed";
    let issued = now().timestamp();
    let claims = Claims {
        iss: CLIENT_KEY.to_owned(),
        iat: issued,
        exp: issued + 180,
        qsh: Some(qsh::hash("POST", target, "")),
        aud: vec![BASE.to_owned()],
        sub: None,
    };
    let token = sign_rs256(&claims, "key", expose(&KEY)).expect("a token");
    let token = parse_authorization(&format!("JWT {token}")).expect("a token");
    let request = SignedRequest { method: "POST", target, base_path: "" };
    verify_rs256(&token, &KEY.public_pem, BASE, &request, now(), LEEWAY).expect("genuine")
});

fn expose(key: &InstallKeyPair) -> &str {
    use secrecy::ExposeSecret as _;
    key.private_pem.expose_secret()
}

/// One byte for what is tried, then its input.
pub fn check(data: &[u8]) {
    let Some((nth, rest)) = input::choose(data, 4) else { return };
    match nth {
        0 => check_token(rest),
        1 => check_hash(rest),
        2 => check_body(rest),
        _ => check_site(rest),
    }
}

/// A line for the token, one for the target.
fn check_token(data: &[u8]) {
    let (value, rest) = input::line(data);
    let (target, _) = input::line(rest);
    let Ok(token) = parse_authorization(&value) else { return };
    let _peeked = token.peek();
    let request = SignedRequest { method: "POST", target: &target, base_path: "" };
    let by_site = verify_hs256(&token, &[SECRET, b""], &request, now(), LEEWAY);
    assert!(by_site.is_err(), "a token that nobody signed is a site's");
    let by_jira = verify_rs256(&token, &KEY.public_pem, BASE, &request, now(), LEEWAY);
    assert!(by_jira.is_err(), "a token that nobody signed is Jira's");
    // The public key must not serve as a shared secret.
    let confused = verify_hs256(&token, &[KEY.public_pem.as_bytes()], &request, now(), LEEWAY);
    assert!(confused.is_err(), "a token is signed with the public key");
}

/// A line for the method, one for the target, one for the base path.
fn check_hash(data: &[u8]) {
    let (method, rest) = input::line(data);
    let (target, rest) = input::line(rest);
    let (base, rest) = input::line(rest);
    let hash = qsh::hash(&method, &target, &base);
    assert!(hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit()));
    assert!(qsh::matches(&hash, &method, &target, &base), "a hash does not match its own request");
    let (claimed, _) = input::line(rest);
    for order in qsh::Order::ALL {
        let canonical = qsh::canonical(&method, &target, &base, order);
        assert!(!canonical.is_empty());
    }
    let _matched = qsh::matches(&claimed, &method, &target, &base);
}

fn check_body(body: &[u8]) {
    use secrecy::ExposeSecret as _;
    if let Ok(installed) = parse_installed(&PROOF, body, "incident-bridge") {
        assert_eq!(installed.client_key.as_str(), CLIENT_KEY, "a body of another site passes");
        assert!(installed.shared_secret.expose_secret().len() >= MIN_SECRET_BYTES);
        check_site(installed.base_url.as_bytes());
    }
    if let Ok(key) = parse_uninstalled(&PROOF, body, "incident-bridge") {
        assert_eq!(key.as_str(), CLIENT_KEY, "a body of another site passes");
    }
}

/// A line for the address, one for a pattern.
fn check_site(data: &[u8]) {
    let (address, rest) = input::line(data);
    let (pattern, _) = input::line(rest);
    let fixed = SiteAllowList::parse(&["acme.atlassian.net"], &[]).expect("valid");
    if let Ok(site) = fixed.check(&address) {
        let url: url::Url = address.parse().expect("it was parsed");
        assert_eq!(url.host_str(), Some("acme.atlassian.net"), "{}", site.host_and_port());
        assert_eq!(url.scheme(), "https");
    }
    if let Ok(list) = SiteAllowList::parse(&[pattern.as_str()], &[]) {
        let _checked = list.check(&address);
    }
    let _matched = host_matches(&pattern, &address);
}
