//! Keeps answers back until a test lets them go, so that it sees which requests are on their way together.
//!
//! Must not know what is asked.

use tokio::sync::{Semaphore, watch};

/// Where requests wait, in the order in which they came.
#[derive(Debug)]
pub(super) struct Gate {
    crowd: watch::Sender<Crowd>,
    open: Semaphore,
}

/// How many wait, and how many have waited at the same time.
#[derive(Debug, Clone, Copy, Default)]
struct Crowd {
    now: usize,
    most: usize,
}

impl Gate {
    pub fn new() -> Self {
        Self { crowd: watch::Sender::default(), open: Semaphore::new(0) }
    }

    /// Waits to be let go.
    pub async fn pass(&self) {
        self.crowd.send_modify(|crowd| {
            crowd.now += 1;
            crowd.most = crowd.most.max(crowd.now);
        });
        if let Ok(permit) = self.open.acquire().await {
            permit.forget();
        }
    }

    pub async fn wait_for(&self, count: usize) {
        let mut crowd = self.crowd.subscribe();
        // An error would mean that the sender is gone, which is part of `self`.
        let _seen = crowd.wait_for(|crowd| crowd.now >= count).await;
    }

    pub fn release(&self, count: usize) {
        self.crowd.send_modify(|crowd| crowd.now = crowd.now.saturating_sub(count));
        self.open.add_permits(count);
    }

    pub fn most(&self) -> usize {
        self.crowd.borrow().most
    }
}
