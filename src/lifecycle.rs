//! Graceful shutdown: the first signal asks everything to finish, the second ends the process at once.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Exit code of a process that was told twice to stop.
const TOLD_TWICE: i32 = 130;

/// A token that is cancelled by SIGTERM or SIGINT. A second signal ends the process; interrupted work is
/// repeated after the next start.
///
/// # Errors
/// When the signal handlers cannot be installed.
pub fn stop_on_signal() -> std::io::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = CancellationToken::new();
    let asked = stop.clone();
    tokio::spawn(async move {
        for nth in 0.. {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if nth > 0 {
                std::process::exit(TOLD_TWICE);
            }
            tracing::info!("stopping; a second signal stops at once");
            asked.cancel();
        }
    });
    Ok(stop)
}
