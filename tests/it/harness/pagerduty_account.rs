//! PagerDuty's REST API over an account in memory: enough of it to be polled, with scripted failures, and
//! with changes between two pages. Written from PagerDuty's API reference ("List incidents").

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use chrono::TimeDelta;
use incident_bridge::clock::Clock;
use incident_bridge::domain::{Timestamp, format_timestamp, parse_timestamp};
use incident_bridge::simulator::Simulator;
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use super::pagerduty::incident;

type Change = Box<dyn FnOnce(&mut Vec<Value>) + Send>;

/// One account. Cheap to clone.
#[derive(Clone)]
pub struct Account(Arc<Mutex<State>>);

struct State {
    incidents: Vec<Value>,
    token: &'static str,
    /// Answers for the next requests for a path, in place of the real ones.
    faults: VecDeque<(&'static str, ResponseTemplate)>,
    /// A change made once the first of several pages in this order has been served.
    between_pages: Option<(&'static str, Change)>,
}

impl Account {
    /// An account with its own address.
    pub async fn start() -> (Self, MockServer) {
        let (incidents, faults) = Default::default();
        let state = State { incidents, token: "rest-token", faults, between_pages: None };
        let account = Self(Arc::new(Mutex::new(state)));
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(account.clone()).mount(&server).await;
        (account, server)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test panics while it holds it")
    }

    /// The token that is valid from now on.
    pub fn set_token(&self, token: &'static str) {
        self.lock().token = token;
    }

    pub fn fail_next(&self, path: &'static str, answer: ResponseTemplate) {
        self.lock().faults.push_back((path, answer));
    }

    pub fn waiting_faults(&self) -> usize {
        self.lock().faults.len()
    }

    /// Changes the account once the first page of a list in this order (`sort_by`) was read.
    pub fn between_pages(&self, order: &'static str, change: impl FnOnce(&mut Vec<Value>) + Send + 'static) {
        self.lock().between_pages = Some((order, Box::new(change)));
    }

    /// Whether the change between two pages has yet to happen.
    pub fn waits_for_a_second_page(&self) -> bool {
        self.lock().between_pages.is_some()
    }

    /// Incidents that all open at this instant.
    pub fn open(&self, count: usize, at: Timestamp) {
        let mut state = self.lock();
        for _ in 0..count {
            let id = format!("Q{:05}", state.incidents.len());
            let mut opened = incident(&id, &format!("Incident {id}"), "triggered", "PCHECKOUT", at);
            opened["updated_at"] = format_timestamp(at).into();
            state.incidents.push(opened);
        }
    }

    /// Resolves those that `which` picks, all now.
    pub fn resolve(&self, which: impl Fn(usize) -> bool) {
        let mut state = self.lock();
        let picked = state.incidents.iter_mut().enumerate().filter(|(n, _)| which(*n));
        picked.for_each(|(_, incident)| resolve(incident));
    }

    /// Changes the title of one, and nothing else.
    pub fn retitle(&self, nth: usize, title: &str) {
        self.lock().incidents[nth]["title"] = title.into();
    }

    /// Incidents that a site shows differently from the account, or not at all, or that the account does not
    /// have.
    pub fn compare(&self, source: &str, jira: &Simulator) -> Vec<String> {
        let prefix = format!("{source}:");
        let shown = jira.incidents().into_iter().map(|it| (it["id"].as_str().unwrap_or("").to_owned(), it));
        let mut shown: HashMap<String, Value> = shown.filter(|(id, _)| id.starts_with(&prefix)).collect();
        let state = self.lock();
        let mut differing: Vec<String> = Vec::new();
        for told in &state.incidents {
            let id = format!("{prefix}{}", told["id"].as_str().expect("an id"));
            let status = if told["status"] == "resolved" { "resolved" } else { "open" };
            let same = |it: Value| it["summary"] == told["title"] && it["status"] == status;
            if !shown.remove(&id).is_some_and(same) {
                differing.push(id);
            }
        }
        differing.extend(shown.into_keys());
        differing
    }
}

/// Resolves an incident now.
pub fn resolve(incident: &mut Value) {
    let now = format_timestamp(Clock::system().now());
    incident["status"] = "resolved".into();
    incident["resolved_at"] = now.clone().into();
    incident["updated_at"] = now.into();
}

impl Respond for Account {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut state = self.lock();
        let path = request.url.path();
        if request.headers.get("authorization").is_none_or(|it| *it != format!("Token token={}", state.token))
        {
            return ResponseTemplate::new(401);
        }
        if state.faults.front().is_some_and(|(at, _)| *at == path) {
            return state.faults.pop_front().expect("it is there").1;
        }
        match path {
            "/services" => {
                answer(&json!({ "services": [{ "id": "PCHECKOUT", "name": "Checkout API" }], "more": false }))
            }
            "/priorities" => answer(&json!({ "priorities": [] })),
            "/incidents" => state.list(request),
            _ => state
                .find(path)
                .map_or_else(|| ResponseTemplate::new(402), |it| answer(&json!({ "incident": it }))),
        }
    }
}

fn answer(body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

impl State {
    /// The incident whose own path this is.
    fn find(&self, path: &str) -> Option<&Value> {
        let id = path.strip_prefix("/incidents/")?;
        self.incidents.iter().find(|it| it["id"] == id)
    }

    fn list(&mut self, request: &Request) -> ResponseTemplate {
        let pairs: Vec<(String, String)> = request.url.query_pairs().into_owned().collect();
        let find = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let number = |name: &str| find(name).and_then(|text| text.parse().ok()).unwrap_or(0);
        let statuses: Vec<&str> =
            pairs.iter().filter(|(key, _)| key == "statuses[]").map(|(_, value)| value.as_str()).collect();
        let time = |incident: &Value, field: &str| parse_timestamp(incident[field].as_str()?);
        let bound = |name| find(name).and_then(parse_timestamp);
        let (since, until) = match find("date_range") {
            Some("all") => (None, None),
            // Without a range PagerDuty lists the last month.
            _ => (bound("since").or(Some(Clock::system().now() - TimeDelta::days(30))), bound("until")),
        };
        let mut found: Vec<&Value> = self
            .incidents
            .iter()
            .filter(|it| statuses.is_empty() || statuses.iter().any(|status| it["status"] == *status))
            .filter(|it| since.is_none_or(|since| time(it, "created_at") >= Some(since)))
            .filter(|it| until.is_none_or(|until| time(it, "created_at") < Some(until)))
            .collect();
        if find("sort_by") == Some("resolved_at:desc") {
            found.sort_by_key(|it| std::cmp::Reverse(time(it, "resolved_at")));
        } else {
            found.sort_by_key(|it| time(it, "created_at"));
        }
        let (offset, limit): (usize, usize) = (number("offset"), number("limit"));
        let page: Vec<&Value> = found.iter().skip(offset).take(limit).copied().collect();
        let more = offset + page.len() < found.len();
        let body = json!({ "incidents": page, "more": more, "offset": offset, "limit": limit, "total": found.len() });
        let is_half = |(order, _): &mut (&str, Change)| more && offset == 0 && find("sort_by") == Some(order);
        if let Some((_, change)) = self.between_pages.take_if(is_half) {
            change(&mut self.incidents);
        }
        answer(&body)
    }
}
