//! What whoever serves a destination is told while it does.
//!
//! Must not know how a destination is served, nor who has seats.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// One of the seats of those that are served at once.
#[derive(Debug, Default)]
pub struct Seat {
    news: Notify,
    is_wanted: AtomicBool,
}

impl Seat {
    /// There may be something new to send.
    pub fn tell_news(&self) {
        self.news.notify_one();
    }

    /// Another destination waits for a seat.
    pub fn want(&self) {
        self.is_wanted.store(true, Ordering::SeqCst);
    }

    /// Returns once there may be something new to send.
    pub(in crate::sync) async fn news(&self) {
        self.news.notified().await;
    }

    /// Whether another destination waits for a seat.
    pub(in crate::sync) fn is_wanted(&self) -> bool {
        self.is_wanted.load(Ordering::SeqCst)
    }
}
