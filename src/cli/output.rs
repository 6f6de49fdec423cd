//! Printing: tables for people, JSON for programs. The only place that writes to standard output.
//!
//! What is printed was often written by somebody else: a tool, Jira, a sender of webhooks. Control characters
//! are therefore shown instead of sent to the terminal, which would obey them.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use clap::builder::styling::{AnsiColor, Style};
use serde::Serialize;

use crate::config::Environment;

/// Whether lines are printed over earlier ones.
static REDRAWS: AtomicBool = AtomicBool::new(false);

/// What a piece of text means, which a terminal shows as a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Plain,
    Good,
    Warning,
    Bad,
    /// Of less interest than the rest.
    Quiet,
    Heading,
}

impl Tone {
    fn style(self) -> Style {
        match self {
            Self::Plain => Style::new(),
            Self::Good => AnsiColor::Green.on_default(),
            Self::Warning => AnsiColor::Yellow.on_default().bold(),
            Self::Bad => AnsiColor::Red.on_default().bold(),
            Self::Quiet => Style::new().dimmed(),
            Self::Heading => Style::new().bold(),
        }
    }
}

/// Writes one line of pieces, each in the colour of its tone: on a terminal only, and not where `NO_COLOR` is
/// set.
pub fn toned(pieces: &[(Tone, &str)]) {
    let colored = std::io::stdout().is_terminal() && !Environment::refuses_colors();
    write(&paint(pieces, colored));
}

fn paint(pieces: &[(Tone, &str)], colored: bool) -> String {
    let mut line = String::new();
    for (tone, text) in pieces {
        let (style, text) = (if colored { tone.style() } else { Style::new() }, escape(text, |_| false));
        let _infallible = write!(line, "{style}{text}{style:#}");
    }
    line
}

/// Writes one line to standard output. A line break within it is shown like any other control character.
pub fn line(text: impl AsRef<str>) {
    write(&escape(text.as_ref(), |_| false));
}

/// Writes several lines to standard output.
pub fn text(text: impl AsRef<str>) {
    write(&escape(text.as_ref(), |c| matches!(c, '\n' | '\t')));
}

/// Writes bytes to standard output as they are, for another program.
pub fn raw(bytes: &[u8]) {
    let _closed = std::io::stdout().write_all(bytes);
}

/// Writes lines that were laid out before.
pub fn lines(lines: impl IntoIterator<Item = String>) {
    lines.into_iter().for_each(line);
}

/// Writes an error to standard error.
pub fn error(fault: &anyhow::Error) {
    let _closed = writeln!(std::io::stderr(), "error: {}", escape(&format!("{fault:#}"), |c| c == '\n'));
}

fn write(text: &str) {
    // ANSI: erase what an earlier line has left.
    let end = if REDRAWS.load(Ordering::Relaxed) { "\u{1b}[K" } else { "" };
    // `incident-bridge … | head` closes the pipe early, and that is fine.
    let _closed = writeln!(std::io::stdout(), "{text}{end}");
}

/// Prints over what the last call printed, without clearing the terminal first, which would flicker; elsewhere
/// than on a terminal it just prints. `is_first` clears what other programs have left.
pub fn redraw(is_first: bool, print: impl FnOnce()) {
    if !std::io::stdout().is_terminal() {
        return print();
    }
    // ANSI: erase the display; the cursor to its top left corner; erase from the cursor on.
    send(if is_first { "\u{1b}[2J\u{1b}[H" } else { "\u{1b}[H" });
    REDRAWS.swap(true, Ordering::Relaxed);
    print();
    REDRAWS.swap(false, Ordering::Relaxed);
    send("\u{1b}[J");
}

fn send(sequence: &str) {
    let mut out = std::io::stdout();
    let _closed = out.write_all(sequence.as_bytes()).and_then(|()| out.flush());
}

/// Writes a value as JSON.
pub fn json(value: &impl Serialize) -> anyhow::Result<()> {
    let json = serde_json::to_string_pretty(value)?;
    // JSON itself escapes the control characters of ASCII. The others occur in strings only.
    write(&escape_as(
        &json,
        |c| c == '\n',
        |c, out| {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _infallible = write!(out, "\\u{unit:04x}");
            }
        },
    ));
    Ok(())
}

/// Writes rows below their headings, each column as wide as its widest cell.
pub fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) {
    let rows: Vec<[String; N]> =
        rows.iter().map(|row| row.each_ref().map(|cell| escape(cell, |_| false))).collect();
    let mut widths = headings.map(|heading| heading.chars().count());
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let print = |cells: Vec<&str>| {
        let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        line(padded.collect::<Vec<_>>().join("  ").trim_end());
    };
    print(headings.to_vec());
    for row in &rows {
        print(row.iter().map(String::as_str).collect());
    }
}

/// The text with control characters as `\u{1b}`, but for those that are `allowed`.
fn escape(text: &str, allowed: impl Fn(char) -> bool) -> String {
    escape_as(text, allowed, |c, out| out.extend(c.escape_unicode()))
}

fn escape_as(text: &str, allowed: impl Fn(char) -> bool, write: impl Fn(char, &mut String)) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if is_control(c) && !allowed(c) {
            write(c, &mut escaped);
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// What a terminal may obey or use to reorder what it shows: the control characters of Unicode, its line and
/// paragraph separators, and the marks that change the direction of text.
fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown() {
        let shown = escape("a\u{1b}[31mb\u{9b}2Jc\rd\u{202e}e\n", |_| false);
        assert_eq!(shown, "a\\u{1b}[31mb\\u{9b}2Jc\\u{d}d\\u{202e}e\\u{a}");
        assert_eq!(escape("Überfall – 日本語 👩\u{200d}🚒", |_| false), "Überfall – 日本語 👩\u{200d}🚒");
        assert_eq!(escape("a\tb\nc\u{7f}", |c| matches!(c, '\n' | '\t')), "a\tb\nc\\u{7f}");
    }

    #[test]
    fn a_colour_surrounds_its_text_and_no_text_brings_its_own() {
        let pieces = [(Tone::Bad, "FIX"), (Tone::Plain, " a\u{1b}[32mb")];
        assert_eq!(paint(&pieces, false), "FIX a\\u{1b}[32mb");
        assert_eq!(paint(&pieces, true), "\u{1b}[1m\u{1b}[31mFIX\u{1b}[0m a\\u{1b}[32mb");
    }

    proptest::proptest! {
        #[test]
        fn nothing_that_is_printed_controls_a_terminal(text in proptest::collection::vec(proptest::char::any(), 0..80)) {
            let text: String = text.into_iter().collect();
            proptest::prop_assert!(!escape(&text, |_| false).chars().any(is_control));
        }
    }
}
