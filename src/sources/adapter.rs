//! What every source can do: the traits [`Source`] and [`Poller`].
//!
//! `verify`, `inspect` and `parse` are pure: no I/O, and no clock but the webhook's own `received_at`. Only a
//! [`Poller`] talks to its tool. Must not know any tool.

use async_trait::async_trait;

use super::findings::Findings;
use super::memory::Memory;
use super::polling::{Catalogue, Page, PollError, PollRequest};
use super::webhook::{HeadProof, Headers, InboundWebhook, Rejection, Unmappable, VerifiedWebhook};
use crate::config::PageAddress;
use crate::domain::Timestamp;

/// A connection to one incident tool.
#[async_trait]
pub trait Source: Send + Sync {
    /// Checks on the raw bytes, before anything is parsed, that the webhook comes from the tool.
    ///
    /// # Errors
    /// A [`Rejection`] with the answer that makes this tool behave best.
    fn verify(&self, webhook: InboundWebhook) -> Result<VerifiedWebhook, Rejection>;

    /// Checks a webhook whose body has not been read and is still empty, so that nobody without a credential
    /// can send one.
    ///
    /// # Errors
    /// As for [`Source::verify`], when no body could change that.
    fn check_head(&self, head: &InboundWebhook) -> Result<HeadProof, Rejection> {
        match self.verify(head.clone()) {
            Ok(_) => Ok(HeadProof::Complete),
            Err(Rejection::Mismatch(_)) => Ok(HeadProof::NeedsBody),
            Err(refused) => Err(refused),
        }
    }

    /// How a sender can prove who it is, each as in the field `WWW-Authenticate`: `Bearer`, `Basic realm="…"`, or the
    /// name of the header field that carries a signature or a token. Shows which kinds of credentials the configuration
    /// has, and none of them.
    fn challenges(&self) -> Vec<String>;

    /// Says, without any state, whether `parse` can map the body. A refused webhook is kept for the operator
    /// and answered with the refusal's status. The default parses it.
    ///
    /// # Errors
    /// [`Unmappable`] with the reason and what to do about it.
    fn inspect(&self, webhook: &VerifiedWebhook) -> Result<(), Unmappable> {
        self.parse(webhook, &mut Memory::default()).map(|_| ())
    }

    /// The keys of [`Memory`] that `parse` needs for this webhook. Most tools need none.
    fn recall(&self, _webhook: &VerifiedWebhook) -> Vec<String> {
        Vec::new()
    }

    /// Whether `inspect`, `recall` or `parse` read the header field of this name, in small letters, besides
    /// `content-type`. Only such fields are stored with a webhook.
    fn keeps_header(&self, _name: &str) -> bool {
        false
    }

    /// What the webhook says. Event types without an incident give empty findings, never an error.
    ///
    /// # Errors
    /// [`Unmappable`] when a required value is missing or unusable; the webhook is then kept and can be
    /// replayed after a fix.
    fn parse(&self, webhook: &VerifiedWebhook, memory: &mut Memory) -> Result<Findings, Unmappable>;

    /// Answers a sender's `OPTIONS` handshake with headers, if this source agrees to it.
    fn handshake(&self, _request: &Headers) -> Option<Vec<(&'static str, String)>> {
        None
    }

    /// The part that asks the tool, if the configuration has what that needs.
    fn poller(&self) -> Option<&dyn Poller> {
        None
    }

    /// Where people open an incident in the tool, if that follows from the configuration and the tool's id alone.
    /// No tool documents an address for writing a new review.
    fn incident_page(&self) -> Option<PageAddress> {
        None
    }

    /// The tool's home page: the link of the workspace for the whole account.
    fn home_url(&self) -> String;
}

/// The part of a source that asks its tool.
#[async_trait]
pub trait Poller: Send + Sync {
    /// Reads one page, starting where `request.cursor` says. The caller applies the page, stores `next` in
    /// the same transaction, and calls again until `done`.
    ///
    /// # Errors
    /// A [`PollError`] that says whether to retry, when, or that a person must act.
    async fn poll(&self, request: PollRequest<'_>) -> Result<Page, PollError>;

    /// All services and workspaces of the tool, as they are now.
    ///
    /// # Errors
    /// As for [`Poller::poll`].
    async fn catalogue(&self, now: Timestamp) -> Result<Catalogue, PollError>;

    /// One incident by the tool's id, as it is now; `None` when the tool has no incident of that id.
    ///
    /// # Errors
    /// As for [`Poller::poll`].
    async fn fetch_incident(&self, provider_id: &str, now: Timestamp) -> Result<Option<Findings>, PollError>;
}
