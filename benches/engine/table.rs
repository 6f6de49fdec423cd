//! Prints a table in the format of the documentation.

/// Rows of text under a head; the first column is wide.
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(head: &[&str]) -> Self {
        let rule = (0..head.len()).map(|n| if n < 2 { "---" } else { "---:" });
        Self { rows: vec![texts(head), rule.map(str::to_owned).collect()] }
    }

    pub fn add(&mut self, row: &[&str]) {
        self.rows.push(texts(row));
    }

    pub fn print(&self) {
        for row in &self.rows {
            println!("| {} |", row.join(" | "));
        }
        println!();
    }
}

fn texts(row: &[&str]) -> Vec<String> {
    row.iter().map(|text| (*text).to_owned()).collect()
}

/// A whole number with commas.
pub fn count(number: usize) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
    groups.collect::<Vec<_>>().join(",")
}
