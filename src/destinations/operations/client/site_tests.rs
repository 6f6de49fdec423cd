//! For tests: a site that is a real HTTP server, and a client that asks it.

use std::sync::Arc;

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use secrecy::SecretString;
use serde_json::{Value, json};
use url::Url;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::*;
use crate::clock::Clock;
use crate::connect::qsh;
use crate::domain::{ClientKey, parse_timestamp};
use crate::http::{HttpSettings, build_client};

pub const SECRET: &str = "a-shared-secret-that-is-long-enough-for-hs256";

pub struct Site {
    pub server: MockServer,
    pub client: JiraClient,
    pub clock: Clock,
}

pub async fn site() -> Site {
    let server = MockServer::start().await;
    let clock = Clock::manual(parse_timestamp("2026-04-03T09:12:00Z").unwrap());
    let auth = ConnectAuth {
        app_key: "incident-bridge".to_owned(),
        client_key: ClientKey("client-1".to_owned()),
        secret: SecretString::from(SECRET),
        base_path: String::new(),
    };
    let url = Url::parse(&server.uri()).unwrap();
    let client = JiraClient::new(
        build_client(&HttpSettings::new(std::time::Duration::from_secs(30))).unwrap(),
        url,
        Arc::new(auth),
        clock.clone(),
    );
    Site { server, client, clock }
}

impl Site {
    pub async fn answers(&self, status: u16, body: Value) {
        self.server.reset().await;
        Mock::given(any())
            .respond_with(ResponseTemplate::new(status).set_body_json(body))
            .mount(&self.server)
            .await;
    }

    pub async fn answers_with(&self, template: ResponseTemplate) {
        self.server.reset().await;
        Mock::given(any()).respond_with(template).mount(&self.server).await;
    }

    /// The only request since the last answer was set, with its token checked against it.
    pub async fn the_request(&self) -> Request {
        let mut requests = self.server.received_requests().await.unwrap();
        assert_eq!(requests.len(), 1);
        let request = requests.remove(0);
        let claims = claims(&request);
        let target = &request.url[url::Position::BeforePath..];
        assert_eq!(claims["qsh"], qsh::hash(request.method.as_str(), target, ""));
        assert_eq!(claims["iss"], "incident-bridge");
        assert_eq!(claims["aud"], json!(["client-1"]));
        assert_eq!(claims["iat"], self.clock.now().timestamp());
        assert_eq!(claims["exp"], self.clock.now().timestamp() + 180);
        assert_eq!(header(&request, "accept"), "application/json");
        let agent = header(&request, "user-agent");
        assert_eq!(agent, concat!("incident-bridge/", env!("CARGO_PKG_VERSION")));
        assert!(header(&request, "accept-encoding").contains("gzip"));
        assert_eq!(request.headers.contains_key("content-type"), !request.body.is_empty());
        request
    }

    pub async fn request_line(&self) -> String {
        let request = self.the_request().await;
        assert!(request.body.is_empty());
        format!("{} {}", request.method, &request.url[url::Position::BeforePath..])
    }
}

pub fn header<'a>(request: &'a Request, name: &str) -> &'a str {
    request.headers.get(name).unwrap().to_str().unwrap()
}

pub fn claims(request: &Request) -> Value {
    let token = header(request, "authorization").strip_prefix("JWT ").unwrap();
    let mut validation = Validation::new(Algorithm::HS256);
    validation.validate_exp = false;
    validation.validate_aud = false;
    let key = DecodingKey::from_secret(SECRET.as_bytes());
    jsonwebtoken::decode::<Value>(token, &key, &validation).unwrap().claims
}
