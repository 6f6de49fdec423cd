//! Requests to the bridge: webhooks of tools, and calls that claim to come from Jira.

use incident_bridge::connect::jwt::{Claims, sign_hs256, sign_rs256};
use incident_bridge::connect::qsh;
use incident_bridge::domain::format_timestamp;
use incident_bridge::simulator::{Installation, RunningSimulator};
use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::pagerduty::{self, PagerDutyEvent};
use super::{Bridge, install_key};

/// What the bridge answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    /// `null` when it is not JSON.
    pub body: Value,
    pub text: String,
}

impl Answer {
    /// The last part of a problem's type.
    pub fn problem(&self) -> &str {
        assert_eq!(self.headers["content-type"], "application/problem+json", "{self:?}");
        assert_eq!(self.body["request_id"].as_str(), self.headers["x-request-id"].to_str().ok(), "{self:?}");
        let kind = self.body["type"].as_str().unwrap_or_default();
        kind.rsplit_once("/docs/problems#").map_or(kind, |(_, name)| name)
    }
}

pub fn client() -> reqwest::Client {
    // A connection per request, so that a stopping server waits for none.
    let builder = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0);
    builder.redirect(reqwest::redirect::Policy::none()).build().expect("a client")
}

pub async fn send(request: RequestBuilder) -> Answer {
    let response = request.send().await.expect("the bridge answers");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.expect("the answer is complete");
    Answer { status, headers, body: serde_json::from_str(&text).unwrap_or_default(), text }
}

impl Bridge {
    pub fn request(&self, method: Method, target: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{target}", self.base_url))
    }

    pub async fn get(&self, target: &str) -> Answer {
        send(self.request(Method::GET, target)).await
    }

    /// From the operator's listener.
    pub async fn get_as_operator(&self, target: &str) -> Answer {
        self.get_as_operator_under("127.0.0.1", target).await
    }

    /// The operator's listener, with another method.
    pub async fn ask_as_operator(&self, method: Method, target: &str) -> Answer {
        send(self.http.request(method, format!("http://{}{target}", self.operator))).await
    }

    /// The same, with another name in the field `Host`.
    pub async fn get_as_operator_under(&self, host: &str, target: &str) -> Answer {
        send(self.http.get(format!("http://{}{target}", self.operator)).header("Host", host)).await
    }

    /// To the operator's listener, with these header fields.
    pub async fn post_as_operator(&self, target: &str, headers: &[(&str, &str)]) -> Answer {
        let request = self.http.post(format!("http://{}{target}", self.operator));
        send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
    }

    /// Writes another configuration file and has it read.
    pub async fn reload(&self, text: &str) -> Answer {
        let [file, _] = self.config_files();
        std::fs::write(file, text).expect("the folder is writable");
        self.post_as_operator("/reload", &[("content-type", "application/json")]).await
    }

    /// The configuration file as it is now.
    pub fn config_text(&self) -> String {
        let [file, _] = self.config_files();
        std::fs::read_to_string(file).expect("it reads")
    }

    pub async fn post_webhook(
        &self,
        source: &str,
        body: impl Into<Vec<u8>>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let request = self.request(Method::POST, &format!("/webhooks/{source}"));
        let request = request.header("Content-Type", "application/json").body(body.into());
        send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
    }

    /// The generic source tells that an incident is open now; it must be taken.
    pub async fn tell_generic(&self, id: &str, title: &str) {
        let now = format_timestamp(self.clock.now());
        let body = json!({ "id": id, "title": title, "state": "open", "link": format!("https://tool.example/{id}"),
            "opened": now, "changed": now });
        let credential = [("Authorization", "Bearer generic-token")];
        let answer = self.post_webhook("gen", body.to_string(), &credential).await;
        assert_eq!(answer.status, 202, "{answer:?}");
    }

    /// Posts an event as PagerDuty does.
    pub async fn post_pagerduty(&self, event: &PagerDutyEvent) -> Answer {
        let body = event.body(&self.clock);
        self.post_webhook("pd", body.clone(), &[("X-PagerDuty-Signature", &pagerduty::sign(&body))]).await
    }

    /// Posts an event that must be accepted.
    pub async fn pagerduty(&self, event: &PagerDutyEvent) {
        let answer = self.post_pagerduty(event).await;
        assert_eq!(answer.status, 202, "{answer:?}");
    }

    /// The claims of a genuine call of the site to `target`, which is path and query below the public
    /// address.
    pub fn claims(&self, site: &Installation, method: &Method, target: &str) -> Claims {
        let now = self.clock.now().timestamp();
        Claims {
            iss: site.client_key.clone(),
            iat: now,
            exp: now + 180,
            qsh: Some(qsh::hash(method.as_str(), target, "")),
            aud: Vec::new(),
            sub: None,
        }
    }

    /// Calls with a token of these claims under the site's secret.
    pub async fn call_with(
        &self,
        secret: &str,
        claims: &Claims,
        method: Method,
        target: &str,
        body: Option<&Value>,
    ) -> Answer {
        let token = sign_hs256(claims, secret.as_bytes()).expect("a token");
        self.call_with_token(&token, method, target, body).await
    }

    pub async fn call_with_token(
        &self,
        token: &str,
        method: Method,
        target: &str,
        body: Option<&Value>,
    ) -> Answer {
        let request = self.request(method, target).header("Authorization", format!("JWT {token}"));
        send(match body {
            Some(body) => request.json(body),
            None => request,
        })
        .await
    }

    /// A genuine call of the site.
    pub async fn call(
        &self,
        site: &Installation,
        method: Method,
        target: &str,
        body: Option<&Value>,
    ) -> Answer {
        let claims = self.claims(site, &method, target);
        self.call_with(&site.shared_secret, &claims, method, target, body).await
    }

    /// An `installed` or `uninstalled` call with these claims, signed with Atlassian's key under `kid`.
    pub async fn call_lifecycle(&self, claims: &Claims, kid: &str, target: &str, body: &Value) -> Answer {
        let key = install_key();
        let token = sign_rs256(claims, kid, key.private_pem.expose_secret()).expect("a token");
        self.call_with_token(&token, Method::POST, target, Some(body)).await
    }

    /// Calls a site with the bridge's own token, without the bridge.
    pub async fn call_jira(
        &self,
        site: &RunningSimulator,
        method: Method,
        target: &str,
        body: Option<&Value>,
    ) {
        let installed = site.find_installation().expect("the app is installed");
        let claims = Claims { iss: installed.app_key.clone(), ..self.claims(&installed, &method, target) };
        let token = sign_hs256(&claims, installed.shared_secret.as_bytes()).expect("a token");
        let request = self.http.request(method, format!("{}{target}", site.url()));
        let request = request.header("Authorization", format!("JWT {token}"));
        let answer = send(match body {
            Some(body) => request.json(body),
            None => request,
        })
        .await;
        assert_eq!(answer.status, 202, "{answer:?}");
    }

    /// Deletes something on the first site without the bridge.
    pub async fn delete_in_jira(&self, target: &str) {
        self.call_jira(self.jira(), Method::DELETE, target, None).await;
    }

    /// The body of an event that names a service.
    pub fn service_event(&self, incident: &str, service: &str, name: &str) -> String {
        let body = pagerduty::triggered(incident).on(service).body(&self.clock);
        body.replace(&format!("Service {service}"), name)
    }
}
