//! Printing: tables for people, JSON for programs.

use std::io::{IsTerminal, Write};

use serde::Serialize;

use crate::domain::{Timestamp, format_timestamp};

/// Writes one line to standard output. A reader that has gone away is no error.
pub fn line(text: impl AsRef<str>) {
    // `incident-bridge … | head` closes the pipe early, and that is fine.
    let _closed = writeln!(std::io::stdout(), "{}", text.as_ref());
}

/// Clears the terminal; does nothing when standard output is not a terminal.
pub fn clear() {
    if std::io::stdout().is_terminal() {
        // ANSI: erase the display, then the cursor to its top left corner.
        line("\u{1b}[2J\u{1b}[H");
    }
}

/// Writes a value as JSON.
pub fn json(value: &impl Serialize) -> anyhow::Result<()> {
    line(serde_json::to_string_pretty(value)?);
    Ok(())
}

/// Writes rows below their headings, each column as wide as its widest cell.
pub fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) {
    let mut widths = headings.map(|heading| heading.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let print = |cells: Vec<&str>| {
        let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        line(padded.collect::<Vec<_>>().join("  ").trim_end());
    };
    print(headings.to_vec());
    for row in rows {
        print(row.iter().map(String::as_str).collect());
    }
}

/// An instant, or a dash.
pub fn instant(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "-".to_owned(), format_timestamp)
}
