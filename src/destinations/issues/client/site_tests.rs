//! For tests: a site that is a real HTTP server and its own gateway, and a client that asks it.

use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::*;
use crate::clock::Clock;
use crate::destinations::issues::options::Options;
use crate::domain::parse_timestamp;
use crate::http::{HttpSettings, build_client};

pub const TOKEN: &str = "ATATT-a-token";

/// `bot@acme.example:ATATT-a-token`
const BASIC: &str = "Basic Ym90QGFjbWUuZXhhbXBsZTpBVEFUVC1hLXRva2Vu";

pub struct Site {
    pub server: MockServer,
    pub client: Client,
    pub clock: Clock,
}

/// A site that is asked under its own address.
pub async fn site() -> Site {
    site_with(&json!({ "host": "site" })).await
}

pub async fn site_with(options: &Value) -> Site {
    let server = MockServer::start().await;
    let clock = Clock::manual(parse_timestamp("2026-04-03T09:12:00Z").unwrap());
    let client = client(&server.uri(), &clock, options);
    Site { server, client, clock }
}

pub fn client(uri: &str, clock: &Clock, options: &Value) -> Client {
    let mut table =
        json!({ "site": uri, "project": "OPS", "email": "bot@acme.example", "writes_per_second": 100 });
    for (key, value) in options.as_object().unwrap() {
        table[key] = value.clone();
    }
    let options = Options::parse(table.as_object().unwrap(), Some(SecretString::from(TOKEN))).unwrap();
    let http = build_client(&HttpSettings::new(Duration::from_secs(30))).unwrap();
    Client::new(http, clock.clone(), &options)
}

impl Site {
    pub async fn answers(&self, status: u16, body: Value) {
        self.answers_with(ResponseTemplate::new(status).set_body_json(body)).await;
    }

    /// Also lets the time pass that the client leaves between two writes to one issue.
    pub async fn answers_with(&self, template: ResponseTemplate) {
        self.server.reset().await;
        Mock::given(any()).respond_with(template).mount(&self.server).await;
        self.clock.advance(chrono::TimeDelta::seconds(3));
    }

    /// The only request since the last answer was set, with its headers checked.
    pub async fn the_request(&self) -> Request {
        let mut requests = self.server.received_requests().await.unwrap();
        assert_eq!(requests.len(), 1);
        let request = requests.remove(0);
        assert_eq!(header(&request, "authorization"), BASIC);
        assert_eq!(header(&request, "accept"), "application/json");
        assert_eq!(header(&request, "accept-language"), "en");
        if request.method.as_str() == "GET" {
            assert!(request.body.is_empty());
        } else {
            assert_eq!(header(&request, "content-type"), "application/json");
        }
        request
    }

    /// Method, path and query of the only request.
    pub async fn request_line(&self) -> String {
        line(&self.the_request().await)
    }

    /// The same, and its body.
    pub async fn request_parts(&self) -> (String, Value) {
        let request = self.the_request().await;
        (line(&request), request.body_json().unwrap())
    }

    pub async fn request_lines(&self) -> Vec<String> {
        self.server.received_requests().await.unwrap().iter().map(line).collect()
    }
}

fn line(request: &Request) -> String {
    format!("{} {}", request.method, &request.url[url::Position::BeforePath..])
}

fn header<'a>(request: &'a Request, name: &str) -> &'a str {
    request.headers.get(name).unwrap_or_else(|| panic!("no {name}")).to_str().unwrap()
}
