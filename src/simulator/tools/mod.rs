//! Two incident tools in memory: the other end of the bridge's sources.
//!
//! [`Pager`] behaves like PagerDuty and posts signed webhooks; [`Alerts`] behaves like Alertmanager and is
//! polled. Both follow the tools' own documentation. Jira is compared with what they hold, so they must not
//! import the bridge's sources, mapping or client: they would repeat the bridge's mistakes.

mod alerts;
mod outbox;
mod pager;
mod server;

use std::io;
use std::net::SocketAddr;

use actix_web::dev::ServerHandle;
use tokio::sync::mpsc;

use crate::clock::Clock;

pub use alerts::{Alerts, Episode, Rule};
pub use outbox::{Delivered, Subscription, Webhook};
pub use pager::{Change, Incident, Pager, Priority, Service, Status};

use outbox::Outbox;

/// Both tools with their listener. Dropping it closes the listener and ends the posting.
#[derive(Debug)]
pub struct Tools {
    pub pager: Pager,
    pub alerts: Alerts,
    pub outbox: Outbox,
    addr: SocketAddr,
    handle: ServerHandle,
}

impl Tools {
    /// Starts both tools on `listen`; port 0 picks one. Needs a running tokio runtime.
    ///
    /// # Errors
    /// When the address cannot be bound, or the TLS backend does not start.
    pub fn start(clock: &Clock, listen: SocketAddr, subscription: Subscription) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(listen)?;
        let addr = listener.local_addr()?;
        let (sender, webhooks) = mpsc::unbounded_channel();
        let outbox = Outbox::start(subscription, webhooks).map_err(io::Error::other)?;
        let pager = Pager::new(clock.clone(), format!("http://{addr}/pager"), sender);
        let alerts = Alerts::new(clock.clone(), format!("http://{addr}/prometheus"));
        let handle = server::serve(listener, pager.clone(), alerts.clone())?;
        Ok(Self { pager, alerts, outbox, addr, handle })
    }

    /// The pager's home page.
    #[must_use]
    pub fn pager_url(&self) -> String {
        format!("http://{}/pager", self.addr)
    }

    /// The base address of the Alertmanager API, without `/api/v2`.
    #[must_use]
    pub fn alerts_url(&self) -> String {
        format!("http://{}/alertmanager", self.addr)
    }
}

impl Drop for Tools {
    fn drop(&mut self) {
        // The command is sent at once; only waiting for it would need a future.
        drop(self.handle.stop(false));
    }
}
