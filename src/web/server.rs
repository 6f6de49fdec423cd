//! Binds the two listeners and stops them gracefully.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::middleware::{DefaultHeaders, from_fn};
use actix_web::web::{self, Data};
use actix_web::{App, HttpServer};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::problem::finish;
use super::routes::{operator_routes, public_routes};
use super::state::{State, base_path};

/// How long a request may take to arrive.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(10);

/// A server running on a port.
pub struct RunningServer {
    pub address: SocketAddr,
    handle: ServerHandle,
    task: JoinHandle<io::Result<()>>,
    ended: CancellationToken,
}

impl RunningServer {
    fn start(server: Server, address: SocketAddr) -> Self {
        let (handle, ended) = (server.handle(), CancellationToken::new());
        let guard = ended.clone().drop_guard();
        let task = tokio::spawn(async move {
            let _when_it_ends = guard;
            server.await
        });
        Self { address, handle, task, ended }
    }

    /// Returns when the server has ended, whether it was told to or not.
    pub async fn ended(&self) {
        self.ended.cancelled().await;
    }

    /// Stops accepting and lets requests in progress finish.
    ///
    /// # Errors
    /// When the server had failed.
    pub async fn stop(self) -> io::Result<()> {
        self.handle.stop(true).await;
        self.task.await.map_err(io::Error::other)?
    }
}

/// Serves the public routes, below the path of the public address as well as without it, because some
/// proxies strip it.
///
/// # Errors
/// When the address is taken.
pub fn serve_public(
    listen: SocketAddr,
    state: Data<State>,
    workers: usize,
    grace: Duration,
) -> io::Result<RunningServer> {
    let listener = TcpListener::bind(listen)?;
    let address = listener.local_addr()?;
    let server = HttpServer::new(move || {
        let prefix = base_path(&state.base_url).to_owned();
        let app = App::new().app_data(state.clone()).wrap(from_fn(finish)).wrap(
            DefaultHeaders::new()
                .add(("Strict-Transport-Security", "max-age=31536000; includeSubDomains"))
                .add(("X-Content-Type-Options", "nosniff"))
                .add(("Referrer-Policy", "no-referrer"))
                .add(("Cache-Control", "no-store")),
        );
        let app =
            if prefix.is_empty() { app } else { app.service(web::scope(&prefix).configure(public_routes)) };
        app.configure(public_routes)
    });
    let server = server
        .workers(workers)
        .client_request_timeout(CLIENT_TIMEOUT)
        .shutdown_timeout(grace.as_secs())
        .disable_signals()
        .listen(listener)?
        .run();
    Ok(RunningServer::start(server, address))
}

/// Serves the operator's routes.
///
/// # Errors
/// When the address is taken.
pub fn serve_operator(listen: SocketAddr, state: Data<State>) -> io::Result<RunningServer> {
    let listener = TcpListener::bind(listen)?;
    let address = listener.local_addr()?;
    let server = HttpServer::new(move || {
        App::new().app_data(state.clone()).wrap(from_fn(finish)).configure(operator_routes)
    });
    let server = server.workers(1).shutdown_timeout(1).disable_signals().listen(listener)?.run();
    Ok(RunningServer::start(server, address))
}
