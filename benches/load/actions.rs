//! What Jira asks while people work: calls signed with the site's shared secret, each verified separately.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use incident_bridge::clock::Clock;
use incident_bridge::connect::jwt::{Claims, sign_hs256};
use incident_bridge::connect::{qsh, routes};
use incident_bridge::simulator::Installation;
use serde_json::json;

use crate::bridge::Ground;
use crate::catalogue::workspace_ids;
use crate::drive::{Outcome, drive};

/// In seconds: longer than all rounds take.
const LIFETIME: i64 = 1800;
/// What people type, letter by letter.
const TYPED: [&str; 4] = ["checkout api", "payments worker", "search index eu", "tax gateway us-west"];

/// Calls with their tokens, made beforehand and sent in turn.
pub struct Actions {
    calls: Vec<Vec<u8>>,
}

impl Actions {
    /// `POST /jira/workspaces/fetch`: names of five of the linked workspaces.
    pub fn fetch_workspaces(ground: &Ground, site: &Installation) -> Self {
        let ids: Vec<String> = workspace_ids().collect();
        let body = |chunk: &[String]| json!({ "ids": chunk }).to_string();
        let calls =
            ids.windows(5).map(|ids| call(ground, site, "POST", routes::FETCH_WORKSPACES, &body(ids)));
        Self { calls: calls.collect() }
    }

    /// `GET /jira/containers/search`: one search per letter from the second on, at most `limit` hits.
    pub fn search_containers(ground: &Ground, site: &Installation, limit: usize) -> Self {
        let texts = TYPED.iter().flat_map(|typed| (2..=typed.len()).filter_map(|end| typed.get(..end)));
        let targets = texts.map(|text| {
            let text = text.replace(' ', "%20");
            format!("{}?searchQuery={text}&limit={limit}", routes::SEARCH_CONTAINERS)
        });
        Self { calls: targets.map(|target| call(ground, site, "GET", &target, "")).collect() }
    }

    pub async fn call(self: &Arc<Self>, ground: &Ground, duration: Duration) -> Outcome {
        let actions = self.clone();
        // A copy per call, so that both kinds of load cost the generator about the same.
        let make = Arc::new(move |n: usize| Cow::Owned(actions.calls[n % actions.calls.len()].clone()));
        drive(ground.public, duration, 200, &Arc::new(AtomicUsize::new(0)), make).await
    }
}

fn call(ground: &Ground, site: &Installation, method: &str, target: &str, body: &str) -> Vec<u8> {
    let now = Clock::system().now().timestamp();
    let claims = Claims {
        iss: site.client_key.clone(),
        iat: now,
        exp: now + LIFETIME,
        qsh: Some(qsh::hash(method, target, "")),
        aud: Vec::new(),
        sub: None,
    };
    let token = sign_hs256(&claims, site.shared_secret.as_bytes()).expect("a token");
    format!(
        "{method} {target} HTTP/1.1\r\nHost: {}\r\nAuthorization: JWT {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        ground.public,
        body.len()
    )
    .into_bytes()
}
