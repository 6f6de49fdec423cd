//! An Alertmanager without alerts that takes its time and remembers when it was asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::web::{self, Data};
use actix_web::{App, HttpResponse, HttpServer};
use incident_bridge::clock::{Clock, Timestamp};

/// It runs until the end of the process.
pub struct Tool {
    pub address: SocketAddr,
    asked: Data<Asked>,
}

struct Asked {
    at: Arc<Mutex<Vec<Timestamp>>>,
    takes: Duration,
}

impl Tool {
    pub fn start(takes: Duration) -> Self {
        let asked = Data::new(Asked { at: Arc::default(), takes });
        let shared = asked.clone();
        let make = move || App::new().app_data(shared.clone()).default_service(web::to(answer));
        let server = HttpServer::new(make).workers(1).disable_signals().bind("127.0.0.1:0").expect("a port");
        let address = server.addrs().first().copied().expect("an address");
        tokio::spawn(server.run());
        Self { address, asked }
    }

    /// When the first request arrived after `since`.
    pub fn first_request(&self, since: Timestamp) -> Option<Timestamp> {
        let asked = self.asked.at.lock().unwrap_or_else(PoisonError::into_inner);
        asked.iter().copied().find(|at| *at > since)
    }
}

async fn answer(asked: Data<Asked>) -> HttpResponse {
    asked.at.lock().unwrap_or_else(PoisonError::into_inner).push(Clock::system().now());
    tokio::time::sleep(asked.takes).await;
    HttpResponse::Ok().json([0; 0])
}
