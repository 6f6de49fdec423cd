//! Who may call as Jira: only genuine, fresh tokens of the right kind for exactly this request.

use incident_bridge::connect::jwt::{CONTEXT_QSH, Claims, sign_hs256, sign_rs256};
use incident_bridge::connect::qsh;
use incident_bridge::simulator::Installation;
use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::harness::{Bridge, Setup, install_key};

const FETCH: &str = "/jira/workspaces/fetch";
const INSTALLED: &str = "/connect/installed";
const KID: &str = "install-key-1";

fn ids() -> Value {
    json!({ "ids": ["pd:account"] })
}

/// Claims of a valid `installed` call.
fn lifecycle_claims(bridge: &Bridge, site: &Installation) -> Claims {
    let claims = bridge.claims(site, &Method::POST, INSTALLED);
    Claims { aud: vec![bridge.base_url.clone()], ..claims }
}

fn installed_body(bridge: &Bridge, site: &Installation) -> Value {
    json!({
        "key": "incident-bridge",
        "clientKey": site.client_key,
        "sharedSecret": "a secret that somebody else has chosen",
        "baseUrl": bridge.jira().url(),
        "productType": "jira",
        "eventType": "installed",
    })
}

async fn secret_is_unchanged(bridge: &Bridge, site: &Installation) -> bool {
    let rows = bridge.engine.store().sites().list_installations().await.expect("the store works");
    rows.len() == 1 && rows[0].secrets.len() == 1 && rows[0].secrets[0].expose_secret() == site.shared_secret
}

#[tokio::test]
async fn a_genuine_token_is_taken() {
    let bridge = Bridge::start().await;
    let site = bridge.install().await;
    let answer = bridge.call(&site, Method::POST, FETCH, Some(&ids())).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.body["workspaces"][0]["id"], "pd:account");
    let answer = bridge
        .call_lifecycle(&lifecycle_claims(&bridge, &site), KID, INSTALLED, &installed_body(&bridge, &site))
        .await;
    assert_eq!(answer.status, 204, "{answer:?}");
    bridge.jira().reinstall().await.expect("the site's own secret counts again");
    bridge.finish().await;
}

#[tokio::test]
async fn a_request_without_a_token_is_refused() {
    let bridge = Bridge::start().await;
    for (method, target) in [
        (Method::POST, FETCH),
        (Method::GET, "/jira/containers/search"),
        (Method::PUT, "/jira/entities/associated"),
        (Method::POST, "/jira/reviews/create"),
        (Method::POST, INSTALLED),
        (Method::POST, "/connect/uninstalled"),
        (Method::POST, "/connect/enabled"),
        (Method::POST, "/connect/disabled"),
    ] {
        let answer = crate::harness::send(bridge.request(method, target).json(&json!({}))).await;
        assert_eq!((answer.status, answer.problem()), (401, "token-refused"), "{target}");
    }
    bridge.finish().await;
}

#[tokio::test]
async fn a_forged_token_is_refused_like_one_of_a_site_that_nobody_knows() {
    let bridge = Bridge::start().await;
    let site = bridge.install().await;
    let claims = bridge.claims(&site, &Method::POST, FETCH);
    let forged = bridge.call_with("another secret", &claims, Method::POST, FETCH, Some(&ids())).await;
    let unknown = Claims { iss: "nobody".to_owned(), ..claims };
    let unknown = bridge.call_with(&site.shared_secret, &unknown, Method::POST, FETCH, Some(&ids())).await;
    assert_eq!((forged.status, unknown.status), (401, 401));
    assert_eq!(
        (forged.problem(), forged.body["detail"].as_str()),
        (unknown.problem(), unknown.body["detail"].as_str())
    );
    bridge.finish().await;
}

#[tokio::test]
async fn an_expired_token_is_refused() {
    let bridge = Bridge::start().await;
    let site = bridge.install().await;
    let claims = bridge.claims(&site, &Method::POST, FETCH);
    bridge.advance(3 * 60 + 60);
    let answer = bridge.call_with(&site.shared_secret, &claims, Method::POST, FETCH, Some(&ids())).await;
    assert_eq!(answer.status, 401);
    bridge.finish().await;
}

#[tokio::test]
async fn a_token_is_good_for_its_own_request_only() {
    let bridge = Bridge::start().await;
    let site = bridge.install().await;
    let search = "/jira/containers/search?searchQuery=check";
    let claims = bridge.claims(&site, &Method::GET, search);
    let secret = site.shared_secret.as_str();
    assert_eq!(bridge.call_with(secret, &claims, Method::GET, search, None).await.status, 200);
    for other in ["/jira/containers/search", "/jira/containers/search?searchQuery=pay"] {
        assert_eq!(bridge.call_with(secret, &claims, Method::GET, other, None).await.status, 401, "{other}");
    }
    assert_eq!(bridge.call_with(secret, &claims, Method::POST, FETCH, Some(&ids())).await.status, 401);
    bridge.finish().await;
}

#[tokio::test]
async fn the_hash_of_a_context_token_opens_nothing() {
    let bridge = Bridge::start().await;
    let site = bridge.install().await;
    for qsh in [Some(CONTEXT_QSH.to_owned()), None] {
        let claims = Claims { qsh: qsh.clone(), ..bridge.claims(&site, &Method::POST, FETCH) };
        let answer = bridge.call_with(&site.shared_secret, &claims, Method::POST, FETCH, Some(&ids())).await;
        assert_eq!(answer.status, 401, "{qsh:?}");
        let claims = Claims { qsh, ..lifecycle_claims(&bridge, &site) };
        let answer = bridge.call_lifecycle(&claims, KID, INSTALLED, &installed_body(&bridge, &site)).await;
        assert_eq!(answer.status, 401);
    }
    assert!(secret_is_unchanged(&bridge, &site).await);
    bridge.finish().await;
}

#[tokio::test]
async fn a_lifecycle_call_replayed_on_another_route_is_refused() {
    let bridge = Bridge::start().await;
    let site = bridge.install().await;
    let mut call = bridge.jira().prepare_lifecycle(&site, "installed").expect("a call");
    call.url.set_path("/connect/uninstalled");
    assert_eq!(bridge.jira().send(call).await.expect("an answer").status, 401);
    let mut call = bridge.jira().prepare_lifecycle(&site, "enabled").expect("a call");
    call.url.set_path("/connect/disabled");
    assert_eq!(bridge.jira().send(call).await.expect("an answer").status, 401);
    assert!(secret_is_unchanged(&bridge, &site).await);
    bridge.finish().await;
}

#[tokio::test]
async fn a_lifecycle_call_for_another_audience_is_refused() {
    let bridge = Bridge::start().await;
    let site = bridge.install().await;
    for audience in [vec!["https://another-app.example.com".to_owned()], Vec::new()] {
        let claims = Claims { aud: audience, ..lifecycle_claims(&bridge, &site) };
        let answer = bridge.call_lifecycle(&claims, KID, INSTALLED, &installed_body(&bridge, &site)).await;
        assert_eq!(answer.status, 401);
    }
    assert!(secret_is_unchanged(&bridge, &site).await);
    bridge.finish().await;
}

#[tokio::test]
async fn a_key_id_that_no_key_host_knows_or_that_is_a_path_is_refused() {
    let bridge = Bridge::start().await;
    let site = bridge.install().await;
    for kid in ["unknown", "../simulator/state.json", "..", "install-key-1?", "http://127.0.0.1/x", ""] {
        let claims = lifecycle_claims(&bridge, &site);
        let answer = bridge.call_lifecycle(&claims, kid, INSTALLED, &installed_body(&bridge, &site)).await;
        assert_eq!(answer.status, 401, "{kid}");
    }
    let asked = bridge.jira().requests();
    let strange = asked.iter().filter(|request| {
        request.path.starts_with("/simulator")
            || (request.path.starts_with("/install-keys/") && request.path.matches('/').count() > 2)
    });
    assert_eq!(strange.count(), 0);
    assert!(secret_is_unchanged(&bridge, &site).await);
    bridge.finish().await;
}

#[tokio::test]
async fn neither_kind_of_token_may_stand_in_for_the_other() {
    let bridge = Bridge::start().await;
    let site = bridge.install().await;
    let claims = bridge.claims(&site, &Method::POST, FETCH);
    let key = install_key();
    let rs256 = sign_rs256(&claims, KID, key.private_pem.expose_secret()).expect("a token");
    assert_eq!(bridge.call_with_token(&rs256, Method::POST, FETCH, Some(&ids())).await.status, 401);

    let claims = lifecycle_claims(&bridge, &site);
    let body = installed_body(&bridge, &site);
    // With the site's secret, and with the public key used as a secret.
    for secret in [site.shared_secret.as_bytes(), key.public_pem.as_bytes()] {
        let hs256 = sign_hs256(&claims, secret).expect("a token");
        assert_eq!(bridge.call_with_token(&hs256, Method::POST, INSTALLED, Some(&body)).await.status, 401);
    }
    let unsigned = format!(
        "{}.{}.x",
        "eyJhbGciOiJub25lIn0", // {"alg":"none"}
        hs_payload(&claims)
    );
    for (target, body) in [(INSTALLED, &body), (FETCH, &ids())] {
        let answer = bridge.call_with_token(&unsigned, Method::POST, target, Some(body)).await;
        assert_eq!(answer.status, 401, "{target}");
    }
    assert!(secret_is_unchanged(&bridge, &site).await);
    bridge.finish().await;
}

/// The payload part of a token with these claims.
fn hs_payload(claims: &Claims) -> String {
    let token = sign_hs256(claims, b"whatever").expect("a token");
    token.split('.').nth(1).expect("three parts").to_owned()
}

#[tokio::test]
async fn a_lifecycle_body_for_another_installation_than_its_token_is_refused() {
    let bridge = Bridge::start().await;
    let site = bridge.install().await;
    let mut body = installed_body(&bridge, &site);
    body["clientKey"] = "the key of another site".into();
    let answer = bridge.call_lifecycle(&lifecycle_claims(&bridge, &site), KID, INSTALLED, &body).await;
    assert_eq!(answer.status, 401);
    assert!(secret_is_unchanged(&bridge, &site).await);
    bridge.finish().await;
}

#[tokio::test]
async fn a_key_host_that_is_down_makes_jira_try_again_later() {
    let bridge = Bridge::start().await;
    bridge.jira().fail_next(incident_bridge::simulator::Fault::status(500).on("GET", "/install-keys"));
    let refused = bridge.jira().install(&bridge.base_url).await.expect_err("no host has the key");
    assert!(refused.to_string().contains("503"), "{refused}");
    bridge.install().await;
    bridge.finish().await;
}

#[tokio::test]
async fn below_a_path_both_kinds_of_proxies_work() {
    let bridge = Setup::default().path("/bridge").start().await;
    let site = bridge.install().await;
    // The token is bound to the path below the public address; the request may still carry the whole path.
    let whole = bridge.call(&site, Method::POST, FETCH, Some(&ids())).await;
    assert_eq!(whole.status, 200, "{whole:?}");
    let claims = bridge.claims(&site, &Method::POST, FETCH);
    let token = sign_hs256(&claims, site.shared_secret.as_bytes()).expect("a token");
    let origin = bridge.base_url.strip_suffix("/bridge").expect("it ends so");
    let request = reqwest::Client::new().post(format!("{origin}{FETCH}"));
    let request = request.header("Authorization", format!("JWT {token}")).json(&ids());
    assert_eq!(crate::harness::send(request).await.status, 200);
    // A hash that includes the path is that of another request.
    let claims = Claims { qsh: Some(qsh::hash("POST", &format!("/bridge{FETCH}"), "")), ..claims };
    let answer = bridge.call_with(&site.shared_secret, &claims, Method::POST, FETCH, Some(&ids())).await;
    assert_eq!(answer.status, 401);
    bridge.settle().await;
    assert_eq!(bridge.jira().linked_workspaces().len(), 3);
    bridge.finish().await;
}
