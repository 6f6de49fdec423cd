//! The HTTP layer: from actix to the pure core and back, performing the faults.
//!
//! Must not decide anything about Jira's behaviour, and must not hold the lock while it waits.

use std::io;
use std::net::SocketAddr;
use std::ops::Deref;
use std::time::Duration;

use actix_web::body::{MessageBody, SizedStream};
use actix_web::dev::ServerHandle;
use actix_web::http::{StatusCode, header};
use actix_web::web::{Bytes, Data, PayloadConfig};
use actix_web::{App, HttpRequest, HttpResponse, HttpResponseBuilder, HttpServer, web};
use futures::StreamExt as _;
use serde_json::json;
use tokio::task::JoinHandle;

use super::control;
use super::exchange::{Answer, Call};
use super::faults::{Effect, Fault, is_rest};
use super::handle::Simulator;
use super::history::RequestRecord;
use super::options::SimulatorOptions;
use super::platform;
use super::rest;
use crate::clock::Clock;

/// Bodies above this are cut off by the server itself; the site's own limit is lower.
const MAX_BODY: usize = 64 * 1024 * 1024;
/// How long a hanging call is held before it is given up: longer than any client waits.
const HANG: Duration = Duration::from_mins(10);

/// A simulator with its listener. Dropping it closes the listener.
#[derive(Debug)]
pub struct RunningSimulator {
    simulator: Simulator,
    addr: SocketAddr,
    handle: ServerHandle,
    task: JoinHandle<io::Result<()>>,
}

impl RunningSimulator {
    /// The handle that outlives the listener.
    pub fn simulator(&self) -> &Simulator {
        &self.simulator
    }

    /// The address it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Closes the listener without waiting for calls that hang.
    ///
    /// # Errors
    /// When the server had failed.
    pub async fn stop(mut self) -> io::Result<()> {
        self.handle.stop(false).await;
        (&mut self.task).await.map_err(io::Error::other)?
    }
}

impl Deref for RunningSimulator {
    type Target = Simulator;

    fn deref(&self) -> &Simulator {
        &self.simulator
    }
}

impl Drop for RunningSimulator {
    fn drop(&mut self) {
        // The command is sent at once; only waiting for it would need a future.
        drop(self.handle.stop(false));
    }
}

impl Simulator {
    /// Starts a site on `listen`; port 0 picks one. Needs a running tokio runtime.
    ///
    /// # Errors
    /// When the address cannot be bound, or keys cannot be made.
    pub fn start(
        clock: Clock,
        listen: SocketAddr,
        options: SimulatorOptions,
    ) -> io::Result<RunningSimulator> {
        let simulator = Self::new(clock, options)?;
        serve(simulator, listen)
    }

    /// Listens again for a site whose listener was stopped; it keeps its contents.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub fn listen_again(&self, listen: SocketAddr) -> io::Result<RunningSimulator> {
        serve(self.clone(), listen)
    }
}

fn serve(simulator: Simulator, listen: SocketAddr) -> io::Result<RunningSimulator> {
    let shared = simulator.clone();
    let server = HttpServer::new(move || {
        App::new()
            .app_data(Data::new(shared.clone()))
            .app_data(PayloadConfig::new(MAX_BODY))
            .configure(platform::configure)
            .configure(control::configure)
            .default_service(web::to(answer))
    })
    .workers(1)
    .disable_signals()
    .bind(listen)?;
    let addr = server.addrs().first().copied().ok_or_else(|| io::Error::other("no address was bound"))?;
    let public_url = simulator.lock().site.options.public_url.clone();
    let url = public_url.map_or_else(|| format!("http://{addr}"), |url| url.trim_end_matches('/').to_owned());
    simulator.0.url.get_or_init(|| url);
    let server = server.run();
    let handle = server.handle();
    Ok(RunningSimulator { simulator, addr, handle, task: tokio::spawn(server) })
}

/// Everything that is Jira's: the REST APIs, the tenant info and the install keys.
async fn answer(simulator: Data<Simulator>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let (method, path) = (request.method().as_str(), request.uri().path());
    let (fault, delay) = simulator.meet(method, path);
    let is_late = matches!(fault, Some(Fault { effect: Effect::Late, .. }));
    let wait = async || {
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        if fault.as_ref().is_some_and(|fault| fault.held) {
            simulator.0.gate.pass().await;
        }
    };
    if !is_late {
        wait().await;
    }
    let call = Call {
        method,
        path,
        query: request.uri().query().unwrap_or_default(),
        authorization: text_of(&request, &header::AUTHORIZATION),
        content_type: text_of(&request, &header::CONTENT_TYPE),
        body: &body,
    };
    let outcome = simulator.process(&call, fault.as_ref());
    if is_late {
        wait().await;
    }
    if matches!(fault, Some(Fault { effect: Effect::Hang, .. })) {
        tokio::time::sleep(HANG).await;
    }
    simulator.render(outcome, fault)
}

fn text_of<'a>(request: &'a HttpRequest, name: &header::HeaderName) -> Option<&'a str> {
    request.headers().get(name).and_then(|value| value.to_str().ok())
}

/// The core's answer to a call: the site's JSON answer, or text that is not JSON.
enum Outcome {
    Json(Answer),
    Text(&'static str, String),
    /// A fault kept the core from seeing the call.
    Untouched,
}

impl Simulator {
    /// The fault that applies to a call, and how long it waits before anything else.
    fn meet(&self, method: &str, path: &str) -> (Option<Fault>, Duration) {
        let mut state = self.lock();
        let fault = state.faults.take(method, path);
        let usual = if is_rest(path) { state.site.options.answer_delay } else { Duration::ZERO };
        let scripted = fault.as_ref().map_or(0, |fault| fault.delay_ms);
        (fault, usual + Duration::from_millis(scripted))
    }

    /// Lets the core do its work, unless a fault prevents it, and records the call.
    fn process(&self, call: &Call<'_>, fault: Option<&Fault>) -> Outcome {
        let effect = fault.map(|fault| &fault.effect);
        let fixed = match effect {
            Some(Effect::Answer { status, processed, .. }) => Some((*status, *processed)),
            Some(Effect::Hang | Effect::Cut) => Some((0, false)),
            Some(Effect::Slow | Effect::Late | Effect::Truncated | Effect::Dropped) | None => None,
        };
        let outcome = if fixed.is_some_and(|(_, processed)| !processed) {
            Outcome::Untouched
        } else {
            self.dispatch(call)
        };
        let (status, entities) = match &outcome {
            Outcome::Json(answer) => (answer.status, answer.entities),
            Outcome::Text(..) => (200, 0),
            Outcome::Untouched => (0, 0),
        };
        self.lock().history.record_request(RequestRecord {
            at: self.0.clock.now(),
            method: call.method.to_owned(),
            path: call.path.to_owned(),
            query: call.query.to_owned(),
            status: fixed.map_or(status, |(status, _)| status),
            entities,
            body_bytes: call.body.len(),
            fault: fault.is_some(),
        });
        outcome
    }

    fn dispatch(&self, call: &Call<'_>) -> Outcome {
        if call.method == "GET" && call.path == "/_edge/tenant_info" {
            let body = Some(json!({ "cloudId": self.cloud_id() }));
            return Outcome::Json(Answer { body, ..Answer::bare(200) });
        }
        if call.method == "GET" && call.path.strip_prefix("/install-keys/") == Some(&self.0.install_key.kid) {
            return Outcome::Text("application/x-pem-file", self.0.install_key.public_pem.clone());
        }
        let mut state = self.lock();
        if let Some((host, below)) = platform::find_host(call.path, &state.site.cloud_id.clone()) {
            let now = self.0.clock.now();
            return Outcome::Json(platform::answer(&mut state, now, self.url(), host, below, call));
        }
        Outcome::Json(rest::answer(&mut state, &self.0.schemas, &self.0.clock, call))
    }

    fn render(&self, outcome: Outcome, fault: Option<Fault>) -> HttpResponse {
        let (mut extra, effect) =
            fault.map_or_else(Default::default, |fault| (fault.headers, Some(fault.effect)));
        if let Outcome::Json(answer) = &outcome {
            extra.extend(answer.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        }
        let (status, kind, text) = match outcome {
            Outcome::Json(Answer { status, body: Some(body), .. }) => {
                (status, Some("application/json"), body.to_string())
            }
            Outcome::Json(Answer { status, body: None, .. }) => (status, None, String::new()),
            Outcome::Text(kind, text) => (200, Some(kind), text),
            Outcome::Untouched => (504, None, String::new()),
        };
        match effect {
            Some(Effect::Answer { status, body, .. }) => self.builder(status, &extra).body(body),
            Some(Effect::Truncated) => self.builder(status, &extra).body(broken_body(&text)),
            Some(Effect::Dropped | Effect::Cut) => self.builder(status, &extra).body(broken_body("")),
            Some(Effect::Slow | Effect::Late | Effect::Hang) | None => {
                let mut builder = self.builder(status, &extra);
                if let Some(kind) = kind {
                    builder.content_type(kind);
                }
                builder.body(text)
            }
        }
    }

    /// An answer with the site's own `Date`, which need not be the machine's.
    fn builder(&self, status: u16, extra: &[(String, String)]) -> HttpResponseBuilder {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut builder = HttpResponse::build(status);
        let date = self.0.clock.now().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        builder.insert_header((header::DATE, date));
        for (name, value) in extra {
            builder.append_header((name.as_str(), value.as_str()));
        }
        builder
    }
}

/// Half of `text` with the length of all of it, and then a broken connection. Without any text the
/// connection breaks before the head of the answer is sent.
fn broken_body(text: &str) -> impl MessageBody + 'static {
    let half = Bytes::copy_from_slice(&text.as_bytes()[..text.len() / 2]);
    let promised = u64::try_from(text.len()).unwrap_or(u64::MAX).saturating_add(1);
    let wait = !half.is_empty();
    let first = futures::stream::iter(wait.then_some(Ok(half)));
    let rest = futures::stream::once(async move {
        if wait {
            // Lets the server send what it has.
            tokio::task::yield_now().await;
        }
        Err(io::Error::other("scripted"))
    });
    SizedStream::new(promised, Box::pin(first.chain(rest)))
}
