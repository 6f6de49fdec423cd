//! Every signature and secret vector, through `verify` of the source that it is for.

use base64::Engine;
use secrecy::SecretString;

use super::prelude::*;
use crate::sources::Rejection;
use crate::sources::kit::encoding::BASE64;

pub(in crate::sources) fn secrets(vector: &Value) -> Vec<SecretString> {
    let texts = vector["secrets"].as_array().expect("secrets").iter();
    texts.map(|text| SecretString::from(text.as_str().expect("text"))).collect()
}

pub(in crate::sources) fn webhook(vector: &Value) -> InboundWebhook {
    let body = BASE64.decode(vector["body_base64"].as_str().unwrap_or_default()).expect("base64");
    let headers = vector["headers"].as_object().expect("headers").iter();
    let headers = headers.map(|(name, value)| (name.clone(), value.as_str().expect("text").to_owned()));
    let now = vector["now"].as_i64().map_or_else(sample_now, |seconds| from_millis(seconds * 1000));
    InboundWebhook { headers: headers.collect(), path_token: None, body, received_at: now }
}

pub(in crate::sources) fn check(file: &str, vector: &Value, source: &dyn Source) {
    let result = source.verify(webhook(vector));
    // What the body decides is never decided by the head; what is valid always passes.
    let head = source.check_head(&InboundWebhook { body: Vec::new(), ..webhook(vector) });
    match (&result, head) {
        (Ok(_) | Err(Rejection::Mismatch(_)), head) => assert!(head.is_ok(), "{file}: {}", vector["name"]),
        (Err(refused), head) => assert_eq!(head.as_ref(), Err(refused), "{file}: {}", vector["name"]),
    }
    eprintln!("{file}: {} = {}", vector["name"], vector["expected"]);
    assert_eq!(result.is_ok(), vector["expected"] == "valid", "{file}: {}: {result:?}", vector["name"]);
    if let Err(rejection) = result {
        let unreadable = vector["name"].as_str().is_some_and(|name| name.contains("not-a-number"));
        assert_eq!(matches!(rejection, Rejection::Malformed(_)), unreadable, "{}", vector["name"]);
        assert!(!matches!(rejection, Rejection::UnsupportedMediaType(_)), "{}", vector["name"]);
    }
}

pub(in crate::sources) fn vectors(provider: &str, file: &str) -> Vec<Value> {
    let vectors = read_json(provider, file)["vectors"].as_array().expect("vectors").clone();
    assert!(!vectors.is_empty());
    vectors
}

#[test]
fn every_pagerduty_signature_gets_its_verdict() {
    for vector in vectors("pagerduty", "signature-vectors.json") {
        let source = source("pagerduty", |config| config.webhook_secrets = secrets(&vector));
        check("pagerduty", &vector, &*source);
        if vector["name"] == "receiver-holds-two-secrets" {
            let verified = source.verify(webhook(&vector)).expect("valid");
            assert_eq!(verified.verified_by, "webhook_secrets[1]");
            assert!(verified.delivery_id.is_some_and(|id| !id.is_empty()));
        }
    }
}

#[test]
fn every_alertmanager_secret_gets_its_verdict() {
    for vector in vectors("alertmanager", "auth-vectors.json") {
        let header = vector["configured"]["header"].as_str().expect("header");
        let value = vector["configured"]["value"].as_str().expect("value");
        let source = source("alertmanager", |config| {
            config.webhook_token = Some(value.strip_prefix("Bearer ").unwrap_or(value).into());
            if header != "Authorization" {
                config.options = options(json!({ "webhook_header": header }));
            }
        });
        check("alertmanager", &vector, &*source);
    }
}

#[test]
fn every_standard_webhooks_signature_gets_its_verdict() {
    let file = "signature-vectors.json";
    for vector in vectors("generic", file) {
        let source = source("generic", |config| {
            config.webhook_secrets = secrets(&vector);
            config.options = options(json!({ "mapping": sample_mapping() }));
        });
        check(file, &vector, &*source);
    }
    for bad in read_json("generic", file)["bad_secrets"].as_array().expect("secrets") {
        let bad = bad.as_str().expect("text");
        let told = try_source("generic", |config| {
            config.webhook_secrets = vec![bad.into()];
            config.options = options(json!({ "mapping": sample_mapping() }));
        });
        let told = told.err().unwrap_or_else(|| panic!("{bad} is accepted")).to_string();
        assert!(told.contains("webhook_secrets[0]") && (bad.len() < 10 || !told.contains(bad)), "{told}");
    }
}

#[test]
fn every_configured_hmac_gets_its_verdict() {
    let file = "hmac-vectors.json";
    for vector in vectors("generic", file) {
        let is_bearer = vector["config"]["kind"] == "bearer";
        let source = source("generic", |config| {
            config.options = options(json!({ "mapping": sample_mapping() }));
            if is_bearer {
                config.webhook_token = secrets(&vector).pop();
            } else {
                config.webhook_secrets = secrets(&vector);
                config.options.insert("signature".to_owned(), vector["config"].clone());
            }
        });
        check(file, &vector, &*source);
    }
}

#[test]
fn a_signature_scheme_that_protects_nothing_is_refused() {
    for signature in [
        json!({"header": "X-S", "signed": "{timestamp}", "timestamp_header": "X-T"}),
        json!({"header": "X-S", "signed": "{timestamp}.{body}"}),
        json!({"header": "X-S", "timestamp_header": "X-T"}),
        json!({"header": "X-S", "algorithm": "md5"}),
        json!({"heder": "X-S"}),
    ] {
        let told = try_source("generic", |config| {
            config.options = options(json!({ "mapping": sample_mapping(), "signature": signature }));
        });
        assert!(told.is_err(), "{signature}");
    }
}
