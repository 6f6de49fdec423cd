//! Every request to a destination passes here: its panic concerns that request alone, and a destination that
//! fails is not waited for long.
//!
//! Must not decide what a refusal means for the destination.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;

use super::Outbound;
use super::waits::{PATIENT_ANSWER, PATIENT_PROBE, PROBE_ANSWER};
use crate::destinations::{Refusal, Remedy};
use crate::domain::DestinationId;
use crate::sync::SyncError;
use crate::sync::directory::DestinationAccess;
use crate::sync::tasks::describe_panic;

/// What an operator reads of a request on which the program panicked.
const PANICKED: &str = "this program panicked on it, which is a bug: please report it with what the log says";

/// How a destination that has failed is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Failures(i64);

impl Failures {
    /// It answers.
    pub const NONE: Self = Self(0);

    /// Whether it may still fail, so that each request is an attempt.
    pub fn is_failing(self) -> bool {
        self.0 > 0
    }

    /// How long it is waited for, if not as long as any other.
    fn patience(self) -> Option<Duration> {
        let patience = if self.0 % PATIENT_PROBE == 0 { PATIENT_ANSWER } else { PROBE_ANSWER };
        self.is_failing().then_some(patience)
    }
}

impl Outbound {
    /// How often in a row the destination has failed.
    pub(super) async fn find_failures(&self, access: &DestinationAccess) -> Result<Failures, SyncError> {
        Ok(Failures(self.core.store.sites().find_failures(&access.id).await?))
    }

    /// Does what involves requests to a destination, of which one process at a time makes any. Returns `None`, with the
    /// work undone or half-done, while another process has to do with the destination.
    pub(super) async fn alone<T>(
        &self,
        id: &DestinationId,
        work: impl Future<Output = Result<T, SyncError>>,
    ) -> Result<Option<T>, SyncError> {
        self.core.store.leases().hold(&format!("site/{id}"), work).await?.transpose()
    }

    /// The destination's answer to one request. `on_panic` says what to do with one on which the program
    /// panics.
    pub(super) async fn ask<T>(
        &self,
        failures: Failures,
        on_panic: Remedy,
        request: impl Future<Output = Result<T, Refusal>>,
    ) -> Result<T, Refusal> {
        self.core.store.leases().wait_until_certain().await;
        let request = self.observer.watch(AssertUnwindSafe(request).catch_unwind());
        let answer = match failures.patience() {
            Some(patience) => {
                let answer = tokio::time::timeout(patience, request).await;
                answer.unwrap_or_else(|_| Ok(Err(no_answer(patience))))
            }
            None => request.await,
        };
        answer.unwrap_or_else(|panic| {
            self.core.metrics.note_panic("deliver", describe_panic(&*panic));
            Err(Refusal::new(on_panic, PANICKED.to_owned()))
        })
    }
}

fn no_answer(patience: Duration) -> Refusal {
    let message = format!("no answer within {} s, and it has failed before", patience.as_secs());
    Refusal::new(Remedy::Retry { not_before: None }, message)
}
