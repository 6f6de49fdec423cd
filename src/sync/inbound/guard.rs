//! Asks a tool, and survives what its source's code does with the answer.

use std::panic::AssertUnwindSafe;

use futures::FutureExt;

use super::Inbound;
use crate::http::Observer;
use crate::sources::{PARSER_PANICKED, PollError};
use crate::sync::registry::SourceRuntime;
use crate::sync::tasks::describe_panic;
use crate::telemetry::RequestMade;

impl Inbound {
    /// What the tool answers; a panic counts as an answer that cannot be read, which is asked for again later.
    pub(super) async fn ask<T>(
        &self,
        source: &SourceRuntime,
        request: impl Future<Output = Result<T, PollError>>,
    ) -> Result<T, PollError> {
        self.core.store.leases().wait_until_certain().await;
        let (metrics, id) = (self.core.metrics.clone(), source.id().to_string());
        let observer = Observer::new(self.core.clock.clone(), move |seen| {
            let made = RequestMade { endpoint: &seen.endpoint, outcome: seen.outcome, took: seen.took };
            metrics.count_tool_request(&id, made);
        });
        let answer = observer.watch(AssertUnwindSafe(request).catch_unwind()).await;
        answer.unwrap_or_else(|panic| {
            let why = describe_panic(&*panic);
            self.core.metrics.note_panic(&format!("poll {}", source.id()), why);
            Err(PollError::Unreadable {
                message: format!("an answer of the tool: {PARSER_PANICKED} ({why})"),
            })
        })
    }
}
