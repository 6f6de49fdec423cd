//! Signals: the first one to stop asks everything to finish, the second ends the process at once; SIGHUP asks a
//! service to reload. No signal that a person or a supervisor usually sends ends the process without grace.

use futures::future::select_all;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Exit code of a process that was told twice to stop.
const TOLD_TWICE: i32 = 130;

/// A token that is cancelled by SIGTERM, SIGINT, SIGQUIT or SIGHUP, which a closed terminal sends. A second
/// signal ends the process; interrupted work is repeated after the next start.
///
/// # Errors
/// When the signal handlers cannot be installed.
pub fn stop_on_signal() -> std::io::Result<CancellationToken> {
    stop_on([SignalKind::terminate(), SignalKind::interrupt(), SignalKind::quit(), SignalKind::hangup()])
}

/// The same for a service, which SIGHUP does not stop.
///
/// # Errors
/// As for [`stop_on_signal`].
pub fn stop_service_on_signal() -> std::io::Result<(CancellationToken, HangUps)> {
    let hang_ups = HangUps(signal(SignalKind::hangup())?);
    Ok((stop_on([SignalKind::terminate(), SignalKind::interrupt(), SignalKind::quit()])?, hang_ups))
}

/// SIGHUP, which asks for a reload. One that comes before anybody waits for it is kept.
#[derive(Debug)]
pub struct HangUps(Signal);

impl HangUps {
    /// Returns at the next one.
    pub async fn next(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

fn stop_on(kinds: impl IntoIterator<Item = SignalKind>) -> std::io::Result<CancellationToken> {
    let mut signals: Vec<Signal> = kinds.into_iter().map(signal).collect::<Result<_, _>>()?;
    let stop = CancellationToken::new();
    let asked = stop.clone();
    tokio::spawn(async move {
        for nth in 0.. {
            select_all(signals.iter_mut().map(|signal| Box::pin(signal.recv()))).await;
            if nth > 0 {
                std::process::exit(TOLD_TWICE);
            }
            tracing::info!("stopping; a second signal stops at once");
            asked.cancel();
        }
    });
    Ok(stop)
}
