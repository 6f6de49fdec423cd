//! A bare actix server, the floor below the program: it answers with bytes that it was given and stores nothing.
//!
//! `bare PORT ANSWERS CLIENT_KEY SECRET WEBHOOK_SECRET [verify]`: `ANSWERS` is a JSON file, from request target to body.
//! Webhooks are answered once their HMAC is checked. With `verify` the other calls are, too: signature, expiry, `qsh`.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a peer that cannot start can only say so")]

use std::collections::HashMap;

use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use url::form_urlencoded;

/// Everything but RFC 3986's unreserved characters.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

struct Known {
    answers: HashMap<String, Bytes>,
    client_key: String,
    secret: DecodingKey,
    rules: Validation,
    webhooks: Hmac<Sha256>,
    verify: bool,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    qsh: String,
}

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let port: u16 = arguments[1].parse().expect("a port");
    let answers = std::fs::read(&arguments[2])?;
    let answers: HashMap<String, String> = serde_json::from_slice(&answers).expect("answers");
    let known = Data::new(Known {
        answers: answers.into_iter().map(|(target, body)| (target, Bytes::from(body))).collect(),
        client_key: arguments[3].clone(),
        secret: DecodingKey::from_secret(arguments[4].as_bytes()),
        rules: Validation::new(Algorithm::HS256),
        webhooks: Hmac::new_from_slice(arguments[5].as_bytes()).expect("any key"),
        verify: arguments.get(6).is_some_and(|word| word == "verify"),
    });
    let server = HttpServer::new(move || {
        App::new()
            .app_data(known.clone())
            .route("/webhooks/pd", web::post().to(receive))
            .default_service(web::to(answer))
    })
    .bind(("127.0.0.1", port))?;
    actix_web::rt::System::new().block_on(server.run())
}

async fn receive(known: Data<Known>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let header = request.headers().get("x-pagerduty-signature").and_then(|value| value.to_str().ok());
    let signature = header.and_then(|value| hex::decode(value.strip_prefix("v1=")?).ok()).unwrap_or_default();
    let mut mac = known.webhooks.clone();
    mac.update(&body);
    if mac.verify_slice(&signature).is_ok() {
        HttpResponse::Accepted().finish()
    } else {
        HttpResponse::Unauthorized().finish()
    }
}

async fn answer(known: Data<Known>, request: HttpRequest, _body: Bytes) -> HttpResponse {
    if known.verify && !is_genuine(&known, &request) {
        return HttpResponse::Unauthorized().finish();
    }
    let target = request.uri().path_and_query().map_or("", |target| target.as_str());
    match known.answers.get(target) {
        Some(body) => HttpResponse::Ok().content_type("application/json").body(body.clone()),
        None => HttpResponse::NotFound().finish(),
    }
}

fn is_genuine(known: &Known, request: &HttpRequest) -> bool {
    let header = request.headers().get("authorization").and_then(|value| value.to_str().ok());
    let token = header.and_then(|value| value.strip_prefix("JWT ")).unwrap_or_default();
    let Ok(token) = decode::<Claims>(token, &known.secret, &known.rules) else { return false };
    token.claims.iss == known.client_key && token.claims.qsh == hash(request)
}

/// Atlassian's hash of a request, for queries without repeated names.
fn hash(request: &HttpRequest) -> String {
    let encode = |text: &str| utf8_percent_encode(text, ENCODED).to_string();
    let mut query: Vec<String> = form_urlencoded::parse(request.query_string().as_bytes())
        .map(|(name, value)| format!("{}={}", encode(&name), encode(&value)))
        .collect();
    query.sort();
    let canonical = format!("{}&{}&{}", request.method(), request.path(), query.join("&"));
    hex::encode(Sha256::digest(canonical))
}
