//! Figures of several rounds, printed as a table: lowest, middle, highest.

use std::collections::BTreeMap;

/// Figures by name, in the order in which they first came.
#[derive(Default)]
pub struct Report {
    order: Vec<&'static str>,
    figures: BTreeMap<&'static str, Vec<f64>>,
}

impl Report {
    pub fn add(&mut self, name: &'static str, value: f64) {
        if !self.order.contains(&name) {
            self.order.push(name);
        }
        self.figures.entry(name).or_default().push(value);
    }

    pub fn print(&self) {
        println!("| {:52} | rounds | {:>9} | {:>9} | {:>9} |", "figure", "min", "median", "max");
        println!("|{:-<54}|-------:|----------:|----------:|----------:|", "");
        for name in &self.order {
            let mut values = self.figures[name].clone();
            values.sort_by(f64::total_cmp);
            let places = usize::from(values.iter().any(|value| *value < 1000.0));
            println!(
                "| {name:52} | {:6} | {:9.places$} | {:9.places$} | {:9.places$} |",
                values.len(),
                values[0],
                values[values.len() / 2],
                values[values.len() - 1],
            );
        }
    }
}
