//! The load generator of the comparison: one thread, a fixed number of kept-alive connections, each with one request in
//! flight. It must know nothing about the server, so that every peer is asked in exactly the same way.
//!
//! Its only argument is an [`Order`] as JSON; it prints an [`Outcome`] as JSON.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a load that cannot go on can only say so")]

#[path = "../../../../support/client.rs"]
mod client;
#[path = "../../../../support/latencies.rs"]
mod latencies;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use tokio::task::LocalSet;

use client::Connection;
use latencies::Latencies;

#[derive(Deserialize)]
struct Order {
    address: SocketAddr,
    connections: usize,
    seconds: f64,
    what: What,
    /// Requests per second; without it each connection sends as soon as it has an answer.
    #[serde(default)]
    rate: Option<f64>,
    /// Where to write the numbers of the requests that were answered with 2xx. Connections may then break.
    #[serde(default)]
    acknowledged: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum What {
    /// A file with a JSON array of whole requests, sent in turn.
    Replay(String),
    Webhooks(Webhooks),
}

/// Signed webhooks. Numbers go from `first` on, or are those in the file `numbers`, each once.
#[derive(Deserialize)]
struct Webhooks {
    /// The body; `{number}` stands for 13 digits.
    template: String,
    secret: String,
    path: String,
    #[serde(default)]
    first: usize,
    #[serde(default)]
    numbers: Option<String>,
}

#[derive(Serialize)]
struct Outcome {
    answered: usize,
    refused: usize,
    seconds: f64,
    per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
    statuses: BTreeMap<u16, usize>,
}

/// Makes the request with a given number; `None` when there are no more.
type Make = Box<dyn Fn(usize) -> Option<(usize, Vec<u8>)>>;

struct Load {
    order: Order,
    make: Make,
    next: Cell<usize>,
    start: Instant,
    latencies: RefCell<Vec<f64>>,
    statuses: RefCell<BTreeMap<u16, usize>>,
    acknowledged: RefCell<Vec<usize>>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let order = std::env::args().nth(1).expect("an order");
    let mut order: Order = serde_json::from_str(&order).expect("an order");
    let make = prepare(&mut order);
    let load = Rc::new(Load {
        order,
        make,
        next: Cell::new(0),
        start: Instant::now(),
        latencies: RefCell::default(),
        statuses: RefCell::default(),
        acknowledged: RefCell::default(),
    });
    let local = LocalSet::new();
    for _ in 0..load.order.connections {
        let load = load.clone();
        local.spawn_local(async move {
            let ended = load.keep_busy().await;
            let may_break = load.order.acknowledged.is_some();
            assert!(may_break || ended.is_ok(), "a connection broke: {ended:?}");
        });
    }
    local.await;
    load.report();
}

fn prepare(order: &mut Order) -> Make {
    match &order.what {
        What::Replay(file) => {
            let requests: Vec<String> = serde_json::from_slice(&read(file)).expect("an array of requests");
            Box::new(move |n| Some((n, requests[n % requests.len()].clone().into_bytes())))
        }
        What::Webhooks(webhooks) => {
            let numbers: Option<Vec<usize>> =
                webhooks.numbers.as_ref().map(|file| serde_json::from_slice(&read(file)).expect("numbers"));
            let template = String::from_utf8(read(&webhooks.template)).expect("text");
            let key = Hmac::<Sha256>::new_from_slice(webhooks.secret.as_bytes()).expect("any key");
            let head = format!(
                "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n",
                webhooks.path, order.address
            );
            let first = webhooks.first;
            Box::new(move |n| {
                let number = numbers.as_ref().map_or(Some(first + n), |all| all.get(n).copied())?;
                let body = template.replace("{number}", &format!("{number:013}"));
                let mut mac = key.clone();
                mac.update(body.as_bytes());
                let signature = hex::encode(mac.finalize().into_bytes());
                let length = body.len();
                let request = format!(
                    "{head}X-PagerDuty-Signature: v1={signature}\r\nContent-Length: {length}\r\n\r\n{body}"
                );
                Some((number, request.into_bytes()))
            })
        }
    }
}

fn read(file: &str) -> Vec<u8> {
    std::fs::read(file).expect("a readable file")
}

impl Load {
    /// Sends one request after the other until the time is over.
    async fn keep_busy(&self) -> std::io::Result<()> {
        let mut connection = Connection::open(self.order.address).await?;
        while self.start.elapsed().as_secs_f64() < self.order.seconds {
            let n = self.next.replace(self.next.get() + 1);
            if let Some(rate) = self.order.rate {
                #[expect(clippy::cast_precision_loss, reason = "far fewer than a float can count")]
                let due = self.start + Duration::from_secs_f64(n as f64 / rate);
                tokio::time::sleep_until(due.into()).await;
            }
            let Some((number, request)) = (self.make)(n) else { break };
            let sent = Instant::now();
            let (status, _) = connection.call(&request).await?;
            self.latencies.borrow_mut().push(sent.elapsed().as_secs_f64() * 1e3);
            *self.statuses.borrow_mut().entry(status).or_default() += 1;
            if self.order.acknowledged.is_some() && (200..300).contains(&status) {
                self.acknowledged.borrow_mut().push(number);
            }
        }
        Ok(())
    }

    fn report(&self) {
        let seconds = self.start.elapsed().as_secs_f64();
        if let Some(file) = &self.order.acknowledged {
            let numbers = serde_json::to_vec(&*self.acknowledged.borrow()).expect("numbers");
            std::fs::write(file, numbers).expect("a writable file");
        }
        let statuses = self.statuses.borrow().clone();
        let answered: usize = statuses.range(200..300).map(|(_, count)| count).sum();
        let all: usize = statuses.values().sum();
        let latencies = Latencies::new(self.latencies.borrow().clone());
        #[expect(clippy::cast_precision_loss, reason = "far fewer than a float can count")]
        let per_second = answered as f64 / seconds;
        let outcome = Outcome {
            answered,
            refused: all - answered,
            seconds,
            per_second,
            p50_ms: latencies.quantile_ms(0.5),
            p99_ms: latencies.quantile_ms(0.99),
            max_ms: latencies.quantile_ms(1.0),
            statuses,
        };
        println!("{}", serde_json::to_string(&outcome).expect("JSON"));
    }
}
