//! The tables of `docs/ARCHITECTURE.md`, which say what the rules are.
//!
//! Must not know what a table means. Every error names the line to correct.

use std::fs;
use std::path::Path;

pub struct Document {
    /// From the repository's root.
    pub path: String,
    text: String,
}

/// A row of a table.
#[derive(Debug)]
pub struct Row {
    pub line: usize,
    pub cells: Vec<String>,
}

impl Document {
    pub fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    pub fn read(root: &Path, path: &str) -> Self {
        let text = fs::read_to_string(root.join(path)).unwrap_or_else(|fault| panic!("{path}: {fault}"));
        Self::new(path, &text)
    }

    pub fn at(&self, line: usize, what: &str) -> String {
        format!("{}:{line}: {what}", self.path)
    }

    /// The rows of the first table below a heading, without its head. `columns` are the names in that head.
    pub fn read_table(&self, heading: &str, columns: &[&str]) -> Result<Vec<Row>, String> {
        let lines: Vec<&str> = self.text.lines().map(str::trim).collect();
        let start = lines.iter().position(|line| *line == heading);
        let start = start.ok_or_else(|| self.at(1, &format!("has no heading `{heading}`")))?;
        let section = lines[start + 1..].iter().position(|line| line.starts_with('#'));
        let end = section.map_or(lines.len(), |length| start + 1 + length);
        let is_row = |line: &&str| line.starts_with('|');
        let mut rows = (start..end).filter(|at| is_row(&lines[*at]));
        let first = rows.next().ok_or_else(|| self.at(start + 1, &format!("no table below `{heading}`")))?;
        if split(lines[first]) != columns {
            return Err(self.at(first + 1, &format!("the columns must be {}", columns.join(", "))));
        }
        let table = lines[first..end].iter().take_while(|line| is_row(line)).count();
        let rows = (first + 2..first + table).map(|at| Row { line: at + 1, cells: split(lines[at]) });
        let rows: Vec<Row> = rows.collect();
        match rows.iter().find(|row| row.cells.len() != columns.len()) {
            Some(row) => Err(self.at(row.line, &format!("must have {} cells", columns.len()))),
            None if rows.is_empty() => Err(self.at(first + 1, "the table has no rows")),
            None => Ok(rows),
        }
    }
}

fn split(row: &str) -> Vec<String> {
    row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
}

/// The texts in backquotes.
pub fn list_names(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}
