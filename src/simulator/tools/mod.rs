//! Three incident tools in memory: the other end of the bridge's sources.
//!
//! [`Pager`] behaves like PagerDuty and posts signed webhooks; [`Alerts`] behaves like Alertmanager and is
//! polled; [`StatusPage`] behaves like Statuspage and has postmortems. All follow the tools' own documentation. Jira is compared with what they hold, so they must not
//! import the bridge's sources, mapping or client: they would repeat the bridge's mistakes.

mod alerts;
mod outbox;
mod pager;
mod pages;
mod server;
mod status_page;

use std::io;
use std::net::SocketAddr;

use actix_web::dev::ServerHandle;
use tokio::sync::mpsc;

use crate::clock::Clock;

pub use alerts::{Alerts, Episode, Rule};
pub use outbox::{Delivered, Subscription, Webhook};
pub use pager::{Change, Incident, Pager, Priority, Service, Status};
pub use status_page::{Notice, Report, StatusPage};

use outbox::Outbox;

/// All tools with their listener. Dropping it closes the listener and ends the posting.
#[derive(Debug)]
pub struct Tools {
    pub pager: Pager,
    pub alerts: Alerts,
    pub status_page: StatusPage,
    /// Of the pager.
    pub outbox: Outbox,
    status_outbox: Outbox,
    addr: SocketAddr,
    handle: ServerHandle,
}

impl Tools {
    /// Starts all tools on `listen`; port 0 picks one. The pager and the status page post to their subscriptions.
    /// Needs a running tokio runtime.
    ///
    /// # Errors
    /// When the address cannot be bound, or the TLS backend does not start.
    pub fn start(
        clock: &Clock,
        listen: SocketAddr,
        pager: Subscription,
        status_page: Subscription,
    ) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(listen)?;
        let addr = listener.local_addr()?;
        let post = |subscription| {
            let (sender, webhooks) = mpsc::unbounded_channel();
            let outbox = Outbox::start(subscription, webhooks).map_err(io::Error::other)?;
            io::Result::Ok((outbox, sender))
        };
        let (outbox, sender) = post(pager)?;
        let pager = Pager::new(clock.clone(), format!("http://{addr}/pager"), sender);
        let (status_outbox, sender) = post(status_page)?;
        let status_page = StatusPage::new(clock.clone(), format!("http://{addr}/status"), sender);
        let alerts = Alerts::new(clock.clone(), format!("http://{addr}/prometheus"));
        let handle = server::serve(listener, pager.clone(), alerts.clone(), status_page.clone())?;
        Ok(Self { pager, alerts, status_page, outbox, status_outbox, addr, handle })
    }

    /// Webhooks that were handed out to be posted, repeats included.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.pager.sent() + self.status_page.changes()
    }

    /// The outcome of these webhooks so far.
    #[must_use]
    pub fn delivered(&self) -> Delivered {
        let (pager, status_page) = (self.outbox.delivered(), self.status_outbox.delivered());
        Delivered {
            attempts: pager.attempts + status_page.attempts,
            accepted: pager.accepted + status_page.accepted,
            dropped: pager.dropped + status_page.dropped,
        }
    }

    /// The pager's home page.
    #[must_use]
    pub fn pager_url(&self) -> String {
        format!("http://{}/pager", self.addr)
    }

    /// The status page.
    #[must_use]
    pub fn status_url(&self) -> String {
        format!("http://{}/status", self.addr)
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
