//! Log lines on standard error, for people or for machines.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};

#[derive(Debug, thiserror::Error)]
#[error("log.level: {0}")]
pub struct LoggingError(String);

/// Whether [`init_logging`] takes the level.
///
/// # Errors
/// When it is neither a level nor a filter.
pub fn check_level(level: &str) -> Result<(), LoggingError> {
    EnvFilter::try_new(level).map(drop).map_err(|fault| LoggingError(fault.to_string()))
}

/// Starts logging for the whole process; a second call has no effect.
///
/// # Errors
/// When `log.level` is neither a level nor a filter.
pub fn init_logging(log: &Log) -> Result<(), LoggingError> {
    // Anybody can send bytes that are no request, and the server library logs each time as an error.
    let filter = EnvFilter::try_new(format!("actix_http=off,{}", log.level))
        .map_err(|fault| LoggingError(fault.to_string()))?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    // Fails only when logging was started before, which keeps the first settings.
    let _already_started = match log.format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    Ok(())
}
