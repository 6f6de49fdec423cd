//! Log lines on standard error, for people or for machines.

use std::error::Error as _;
use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{Directive, ParseError};

use crate::config::{Log, LogFormat};

#[derive(Debug, thiserror::Error)]
#[error("{key}: {fault}")]
pub struct LoggingError {
    /// Where the filter comes from.
    key: &'static str,
    fault: String,
}

/// Whether [`init_logging`] takes the level.
///
/// # Errors
/// When it is neither a level nor a filter.
pub fn check_level(level: &str) -> Result<(), LoggingError> {
    filter(level).map(drop)
}

/// Starts logging for the whole process; a second call has no effect. The environment variable `RUST_LOG` wins over
/// `log.level`.
///
/// # Errors
/// When either is neither a level nor a filter.
pub fn init_logging(log: &Log) -> Result<(), LoggingError> {
    init(log, &log.level)
}

/// The same for a command that does its work and ends: its output tells what it did, its log only what is unusual.
///
/// # Errors
/// As for [`init_logging`].
pub fn init_command_logging(log: &Log) -> Result<(), LoggingError> {
    init(log, "warn")
}

fn init(log: &Log, level: &str) -> Result<(), LoggingError> {
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter(level)?)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    // Fails only when logging was started before, which keeps the first settings.
    let _already_started = match log.format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    Ok(())
}

fn filter(level: &str) -> Result<EnvFilter, LoggingError> {
    let refuse = |key, fault: &dyn std::error::Error| LoggingError { key, fault: fault.to_string() };
    let filter = match EnvFilter::try_from_default_env() {
        Ok(filter) => filter,
        Err(fault) if fault.source().is_some_and(<dyn std::error::Error>::is::<ParseError>) => {
            return Err(refuse(EnvFilter::DEFAULT_ENV, &fault));
        }
        Err(_) => EnvFilter::try_new(level).map_err(|fault| refuse("log.level", &fault))?,
    };
    // Anybody can send bytes that are no request, and the server library logs each time as an error.
    let quiet: Directive =
        "actix_http=off".parse().map_err(|fault: ParseError| refuse("log.level", &fault))?;
    Ok(filter.add_directive(quiet))
}
