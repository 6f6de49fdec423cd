//! Asks a tool, and survives what its source's code does with the answer.

use std::panic::AssertUnwindSafe;

use futures::FutureExt;

use super::Inbound;
use crate::sources::{PARSER_PANICKED, PollError};
use crate::sync::registry::SourceRuntime;
use crate::sync::tasks::describe_panic;

impl Inbound {
    /// What the tool answers; a panic counts as an answer that cannot be read, which is asked for again later.
    pub(super) async fn ask<T>(
        &self,
        source: &SourceRuntime,
        request: impl Future<Output = Result<T, PollError>>,
    ) -> Result<T, PollError> {
        let answer = AssertUnwindSafe(request).catch_unwind().await;
        answer.unwrap_or_else(|panic| {
            let why = describe_panic(&*panic);
            self.core.metrics.note_panic(&format!("poll {}", source.id()), why);
            Err(PollError::Unreadable {
                message: format!("an answer of the tool: {PARSER_PANICKED} ({why})"),
            })
        })
    }
}
