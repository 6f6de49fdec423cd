//! Tokens good and bad. Keys are made here; no key material is checked in.

use std::sync::LazyLock;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::ExposeSecret;
use serde_json::json;

use super::*;
use crate::clock::{Timestamp, from_millis};
use crate::connect::qsh;
use crate::domain::ClientKey;

const SECRET: &[u8] = b"a shared secret of decent length";
const BASE: &str = "https://bridge.example.com";
const TARGET: &str = "/connect/installed?user_locale=en";
const NOW: i64 = 1_775_203_920;
const REQUEST: SignedRequest<'_> = SignedRequest { method: "POST", target: TARGET, base_path: "" };
const LEEWAY: Duration = Duration::from_secs(5);

static KEYS: LazyLock<InstallKeyPair> = LazyLock::new(|| InstallKeyPair::generate("key-1").unwrap());

fn now() -> Timestamp {
    from_millis(NOW * 1000)
}

fn claims() -> Claims {
    Claims {
        iss: "client-key-1".into(),
        iat: NOW,
        exp: NOW + 180,
        qsh: Some(qsh::hash("POST", TARGET, "")),
        aud: vec![BASE.into()],
        sub: None,
    }
}

fn arrived(token: &str) -> ConnectJwt {
    parse_authorization(&format!("JWT {token}")).unwrap()
}

fn signed_hs(claims: &Claims) -> ConnectJwt {
    arrived(&sign_hs256(claims, SECRET).unwrap())
}

fn signed_rs(claims: &Claims) -> ConnectJwt {
    arrived(&sign_rs256(claims, &KEYS.kid, KEYS.private_pem.expose_secret()).unwrap())
}

fn site(token: &ConnectJwt) -> Result<SiteToken, JwtError> {
    verify_hs256(token, &[SECRET], &REQUEST, now(), LEEWAY)
}

fn lifecycle(token: &ConnectJwt) -> Result<LifecycleToken, JwtError> {
    verify_rs256(token, &KEYS.public_pem, BASE, &REQUEST, now(), LEEWAY)
}

/// Signs arbitrary header and claims with HMAC-SHA-256 (or its SHA-512 sibling), like an attacker would.
fn crafted(algorithm: Algorithm, key: &[u8], claims: &serde_json::Value) -> ConnectJwt {
    arrived(&jsonwebtoken::encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(key)).unwrap())
}

fn refused_for_both(change: impl Fn(&mut Claims), expected: &JwtError) {
    let mut claims = claims();
    change(&mut claims);
    assert_eq!(site(&signed_hs(&claims)).as_ref(), Err(expected));
    assert_eq!(lifecycle(&signed_rs(&claims)).as_ref(), Err(expected));
}

#[test]
fn a_token_signed_with_the_shared_secret_is_accepted() {
    let proof = site(&signed_hs(&claims())).unwrap();
    assert_eq!(proof.claims(), &claims());
    assert_eq!(proof.client_key(), ClientKey("client-key-1".into()));
    assert_eq!(proof.secret_index(), 0);
}

#[test]
fn a_token_signed_with_an_install_key_is_accepted() {
    let token = signed_rs(&claims());
    assert_eq!(token.peek().unwrap().kid.as_deref(), Some("key-1"));
    assert_eq!(lifecycle(&token).unwrap().claims(), &claims());
}

#[test]
fn the_previous_secret_is_accepted_after_the_current_one() {
    let token = signed_hs(&claims());
    let proof = verify_hs256(&token, &[b"the new secret", SECRET], &REQUEST, now(), LEEWAY).unwrap();
    assert_eq!(proof.secret_index(), 1);
}

#[test]
fn a_forged_token_is_refused() {
    let other = arrived(&sign_hs256(&claims(), b"a guess").unwrap());
    assert_eq!(site(&other), Err(JwtError::BadSignature));
    let pair = InstallKeyPair::generate("key-1").unwrap();
    let other = sign_rs256(&claims(), "key-1", pair.private_pem.expose_secret()).unwrap();
    assert_eq!(lifecycle(&arrived(&other)), Err(JwtError::BadSignature));
}

#[test]
fn changed_claims_under_an_old_signature_are_refused() {
    let genuine = sign_hs256(&claims(), SECRET).unwrap();
    let other = sign_hs256(&Claims { iss: "another site".into(), ..claims() }, b"x").unwrap();
    let [header, _, signature] = genuine.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
    let body = other.split('.').nth(1).unwrap();
    assert_eq!(site(&arrived(&format!("{header}.{body}.{signature}"))), Err(JwtError::BadSignature));
}

#[test]
fn no_secret_or_an_empty_one_proves_nothing() {
    let token = crafted(Algorithm::HS256, b"", &json!(claims()));
    for secrets in [&[][..], &[&b""[..]][..]] {
        assert_eq!(verify_hs256(&token, secrets, &REQUEST, now(), LEEWAY), Err(JwtError::UnusableKey));
    }
    assert_eq!(sign_hs256(&claims(), b""), Err(JwtError::UnusableKey));
}

#[test]
fn only_the_algorithm_of_the_route_is_accepted() {
    let hs = JwtError::WrongAlgorithm { expected: "HS256" };
    let rs = JwtError::WrongAlgorithm { expected: "RS256" };
    assert_eq!(site(&signed_rs(&claims())), Err(hs.clone()));
    assert_eq!(lifecycle(&signed_hs(&claims())), Err(rs.clone()));
    for algorithm in [Algorithm::HS384, Algorithm::HS512] {
        assert_eq!(site(&crafted(algorithm, SECRET, &json!(claims()))), Err(hs.clone()));
    }
    // The classic confusion: the public key as an HMAC secret.
    let confused = crafted(Algorithm::HS256, KEYS.public_pem.as_bytes(), &json!(claims()));
    assert_eq!(lifecycle(&confused), Err(rs.clone()));
    for alg in ["none", "None", "hs256", "rs256"] {
        let header = URL_SAFE_NO_PAD.encode(json!({ "alg": alg }).to_string());
        let body = URL_SAFE_NO_PAD.encode(json!(claims()).to_string());
        let token = arrived(&format!("{header}.{body}.AAAA"));
        assert_eq!(site(&token), Err(hs.clone()));
        assert_eq!(lifecycle(&token), Err(rs.clone()));
    }
}

#[test]
fn an_expired_token_is_refused_but_for_the_leeway() {
    refused_for_both(|c| (c.iat, c.exp) = (NOW - 185, NOW - 5), &JwtError::Expired { seconds: 5 });
    let just_within = Claims { iat: NOW - 184, exp: NOW - 4, ..claims() };
    assert!(site(&signed_hs(&just_within)).is_ok());
}

#[test]
fn a_token_from_the_future_is_refused_but_for_the_leeway() {
    refused_for_both(|c| (c.iat, c.exp) = (NOW + 6, NOW + 186), &JwtError::IssuedInFuture { seconds: 6 });
    assert!(site(&signed_hs(&Claims { iat: NOW + 5, ..claims() })).is_ok());
}

#[test]
fn an_absurd_lifetime_is_refused() {
    refused_for_both(|c| c.exp = c.iat + 3601, &JwtError::LifetimeTooLong { seconds: 3601, most: 3600 });
    refused_for_both(
        |c| (c.iat, c.exp) = (i64::MIN, i64::MAX),
        &JwtError::LifetimeTooLong { seconds: i64::MAX, most: 3600 },
    );
    refused_for_both(|c| c.exp = c.iat, &JwtError::ExpiresBeforeIssue);
}

#[test]
fn a_missing_claim_is_named() {
    for claim in ["iss", "iat", "exp", "qsh"] {
        let mut body = json!(claims());
        body.as_object_mut().unwrap().remove(claim);
        let token = crafted(Algorithm::HS256, SECRET, &body);
        assert_eq!(site(&token), Err(JwtError::MissingClaim(claim)));
    }
    let no_audience = signed_rs(&Claims { aud: Vec::new(), ..claims() });
    assert_eq!(lifecycle(&no_audience), Err(JwtError::MissingClaim("aud")));
}

#[test]
fn the_audience_must_be_exactly_the_base_url() {
    for wrong in [
        "https://bridge.example.co",
        "https://bridge.example.com.evil.example",
        "https://evil.example/https://bridge.example.com",
        "https://bridge.example.com//",
        "http://bridge.example.com",
        "bridge.example.com",
        "",
    ] {
        let token = signed_rs(&Claims { aud: vec![wrong.into()], ..claims() });
        assert_eq!(lifecycle(&token), Err(JwtError::WrongAudience), "{wrong}");
    }
    let several = vec!["https://other.example".into(), format!("{BASE}/")];
    assert!(lifecycle(&signed_rs(&Claims { aud: several, ..claims() })).is_ok());
}

#[test]
fn an_audience_may_be_a_string_or_a_list() {
    for aud in [json!("https://a.example"), json!(["https://a.example"])] {
        let claims: Claims =
            serde_json::from_value(json!({"iss": "i", "iat": 1, "exp": 2, "aud": aud})).unwrap();
        assert_eq!(claims.aud, ["https://a.example"]);
    }
}

#[test]
fn a_token_for_another_request_is_refused() {
    refused_for_both(|c| c.qsh = Some(qsh::hash("POST", "/connect/uninstalled", "")), &JwtError::WrongQsh);
    refused_for_both(|c| c.qsh = Some(String::new()), &JwtError::WrongQsh);
}

#[test]
fn a_token_bound_to_no_request_is_refused() {
    refused_for_both(|c| c.qsh = Some("context-qsh".into()), &JwtError::ContextQsh);
}

#[test]
fn the_path_of_the_base_url_does_not_count() {
    let claims = Claims { qsh: Some(qsh::hash("POST", "/connect/installed", "")), ..claims() };
    let request = SignedRequest { method: "POST", target: "/bridge/connect/installed", base_path: "/bridge" };
    assert!(verify_hs256(&signed_hs(&claims), &[SECRET], &request, now(), LEEWAY).is_ok());
}

#[test]
fn a_header_of_another_form_is_refused() {
    for value in ["", "JWT", "JWT ", "Bearer a.b.c", "a.b.c"] {
        assert_eq!(parse_authorization(value), Err(JwtError::NotAJwtHeader), "{value}");
    }
    for value in ["JWT a.b", "JWT a.b.c.d", "JWT a..c", "JWT a.b.c d", "JWT a.b.c=", "JWT a.b.é"] {
        assert_eq!(parse_authorization(value), Err(JwtError::Malformed), "{value}");
    }
    let long = format!("JWT {}.b.c", "a".repeat(MAX_TOKEN_BYTES));
    assert_eq!(parse_authorization(&long), Err(JwtError::TooLong));
    assert!(parse_authorization("jwt a.b.c").is_ok());
}

#[test]
fn an_unreadable_token_is_malformed() {
    assert_eq!(arrived("a.b.c").peek().err(), Some(JwtError::Malformed));
    assert_eq!(site(&arrived("a.b.c")), Err(JwtError::Malformed));
    let twice = URL_SAFE_NO_PAD.encode(r#"{"iss":"one","iss":"two"}"#);
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#);
    assert_eq!(arrived(&format!("{header}.{twice}.AAAA")).peek().err(), Some(JwtError::Malformed));
}

#[test]
fn a_key_that_is_no_rsa_key_is_unusable() {
    let token = signed_rs(&claims());
    for pem in ["", "not a key", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"] {
        let verdict = verify_rs256(&token, pem, BASE, &REQUEST, now(), LEEWAY);
        assert_eq!(verdict, Err(JwtError::UnusableKey), "{pem}");
        assert_eq!(sign_rs256(&claims(), "k", pem), Err(JwtError::UnusableKey));
    }
}

#[test]
fn neither_debug_output_nor_errors_show_the_token() {
    let token = signed_hs(&claims());
    assert_eq!(format!("{token:?}"), "ConnectJwt([redacted])");
    assert!(!format!("{:?}", &*KEYS).contains("BEGIN PRIVATE"));
}
