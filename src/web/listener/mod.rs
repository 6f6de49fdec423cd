//! Binds the two listeners and stops them gracefully.
//!
//! The public one hands out a seat for each connection (`seats`), so that strangers cannot hold them all. The
//! operator's has a thread and connections of its own.

mod connection;
mod host;
mod open_files;
mod seats;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_http::HttpService;
use actix_http::error::DispatchError;
use actix_service::{IntoServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::body::MessageBody;
use actix_web::dev::{AppConfig, Server, ServerHandle, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::{DefaultHeaders, from_fn};
use actix_web::rt::net::TcpStream;
use actix_web::web::{self, Data};
use actix_web::{App, HttpServer};
use tokio::net::TcpSocket;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use self::connection::Connection;
use self::host::expect_own_host;
use self::open_files::fit_connections;
use self::seats::{Room, Seats};
use super::problem::finish;
use super::routes::{operator_routes, public_routes};
use super::state::{State, base_path};
use crate::config;

pub(super) use self::seats::Seat;

/// How long the head of a request may take, and how long a connection may rest between two requests.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a client may take to read the answer to a request that was refused, while its body still arrives.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// Bytes of answers that wait for a client to read them before the rest is made.
const WRITE_BUFFER: usize = 8 * 1024;
/// Bytes of answers that the system keeps for a client: who does not read them is soon asked nothing more. Enough
/// for the longest answer, so that no handler waits for a client.
const SEND_BUFFER: u32 = 128 * 1024;
/// Connections that may wait to be accepted.
const BACKLOG: u32 = 4096;
/// Connections that may be open beyond the seats: those that have been told to leave.
const LEAVING: usize = 64;
/// Enough for probes, Prometheus and a few people.
const OPERATOR_CONNECTIONS: usize = 64;

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
    config: &config::Server,
    state: Data<State>,
    workers: usize,
) -> io::Result<RunningServer> {
    let listener = bind(config.listen)?;
    let address = listener.local_addr()?;
    let connections = fit_connections(config.max_connections);
    let share = connections.div_ceil(workers.max(1));
    let room = Room {
        connections: connections.saturating_sub(LEAVING).max(connections / 2),
        bodies: config.max_body_total.max(config.max_body),
    };
    let seats = Seats::new(room, state.engine.clock().clone());
    let builder = Server::build();
    let stopping = builder.graceful_shutdown_signal();
    let server = builder
        .workers(workers)
        .max_concurrent_connections(share)
        .shutdown_timeout(config.shutdown_grace.as_secs())
        .disable_signals()
        .listen("public", listener, move || {
            let (stopping, state, seats) = (stopping.clone(), state.clone(), seats.clone());
            let http = HttpService::build()
                .graceful_shutdown_signal(move || {
                    let stopping = stopping.clone();
                    async move { stopping.notified().await }
                })
                .keep_alive(HEAD_TIMEOUT)
                .client_request_timeout(HEAD_TIMEOUT)
                .client_disconnect_timeout(CLOSE_TIMEOUT)
                .h1_write_buffer_size(WRITE_BUFFER)
                .local_addr(address)
                .on_connect_ext(|connection: &Connection, data| drop(data.insert(connection.seat())))
                .h1(map_config(public_app(state).into_factory(), |()| AppConfig::default()));
            fn_service(move |stream| std::future::ready(sit_down(&seats, stream))).and_then(http)
        })?
        .run();
    Ok(RunningServer::start(server, address))
}

fn sit_down(
    seats: &Arc<Seats>,
    stream: TcpStream,
) -> Result<(Connection, Option<SocketAddr>), DispatchError> {
    let peer = stream.peer_addr().map_err(DispatchError::Io)?;
    Ok((Connection::new(stream, seats.take(peer.ip())), Some(peer)))
}

fn public_app(
    state: Data<State>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    let prefix = base_path(&state.base_url).to_owned();
    let app = App::new().app_data(state).wrap(from_fn(finish)).wrap(
        DefaultHeaders::new()
            .add(("Strict-Transport-Security", "max-age=31536000; includeSubDomains"))
            .add(("X-Content-Type-Options", "nosniff"))
            .add(("Referrer-Policy", "no-referrer"))
            .add(("Cache-Control", "no-store")),
    );
    let app = if prefix.is_empty() { app } else { app.service(web::scope(&prefix).configure(public_routes)) };
    app.configure(public_routes)
}

/// Serves the operator's routes.
///
/// # Errors
/// When the address is taken.
pub fn serve_operator(listen: SocketAddr, state: Data<State>) -> io::Result<RunningServer> {
    let listener = bind(listen)?;
    let address = listener.local_addr()?;
    let server = HttpServer::new(move || {
        App::new()
            .app_data(state.clone())
            .wrap(from_fn(expect_own_host))
            .wrap(from_fn(finish))
            .configure(operator_routes)
    });
    let server = server
        .workers(1)
        .max_connections(OPERATOR_CONNECTIONS)
        .shutdown_timeout(1)
        .disable_signals()
        .listen(listener)?
        .run();
    Ok(RunningServer::start(server, address))
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // So that a restart need not wait for the connections of the process before it.
    socket.set_reuseaddr(true)?;
    // Accepted connections inherit it.
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}
