//! What the code under test logs on the test's own thread, which is where the bridge's work runs.
//!
//! Handlers of HTTP requests run on other threads; their answers show what they have to say.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

type Lines = Arc<Mutex<Vec<(Level, String)>>>;

/// The log since its start; shown when the test fails.
pub struct Capture {
    lines: Lines,
    _guard: DefaultGuard,
}

impl Capture {
    pub fn start() -> Self {
        let lines = Lines::default();
        let subscriber = tracing_subscriber::registry().with(Recorder(lines.clone()));
        Self { _guard: tracing::subscriber::set_default(subscriber), lines }
    }

    /// Removes the errors that contain `text`; there must be at least one.
    pub fn expect_error(&self, text: &str) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let before = lines.len();
        lines.retain(|(level, line)| *level != Level::ERROR || !line.contains(text));
        assert!(lines.len() < before, "no error says {text:?}: {lines:?}");
    }

    pub fn errors(&self) -> Vec<String> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().filter(|(level, _)| *level == Level::ERROR).map(|(_, line)| line.clone()).collect()
    }

    /// Whether any line contains the text.
    pub fn contains(&self, text: &str) -> bool {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().any(|(_, line)| line.contains(text))
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for (level, line) in self.lines.lock().unwrap_or_else(PoisonError::into_inner).iter() {
                eprintln!("{level} {line}");
            }
        }
    }
}

struct Recorder(Lines);

impl<S: Subscriber> Layer<S> for Recorder {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let ours = event.metadata().target().starts_with("incident_bridge");
        if ours && *event.metadata().level() <= Level::DEBUG {
            let mut line = Line(String::new());
            event.record(&mut line);
            let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            lines.push((*event.metadata().level(), line.0));
        }
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let _infallible = match field.name() {
            "message" => write!(self.0, "{value:?} "),
            name => write!(self.0, "{name}={value:?} "),
        };
    }
}
