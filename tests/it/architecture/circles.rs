//! Files that import each other, directly or around others.
//!
//! Knows neither layers nor folders: a circle is a circle inside a module too.

use std::collections::{BTreeMap, BTreeSet};

use super::imports::Crate;

/// Which file imports which, each with the first line that does.
type Graph = BTreeMap<usize, BTreeMap<usize, usize>>;

/// One text per circle: its files, and every import between them as `file:line -> file`.
pub fn describe_circles(code: &Crate<'_>) -> Vec<String> {
    let graph = read_graph(code);
    find_circles(&graph).iter().map(|circle| describe(code, &graph, circle)).collect()
}

fn read_graph(code: &Crate<'_>) -> Graph {
    let mut graph = Graph::new();
    for file in 0..code.files.len() {
        let edges = graph.entry(file).or_default();
        for import in code.list_imports(file) {
            if let Some(target) = import.file().filter(|target| *target != file) {
                edges.entry(target).or_insert(import.line);
            }
        }
    }
    graph
}

/// The strongly connected components of more than one file, the largest first.
fn find_circles(graph: &Graph) -> Vec<BTreeSet<usize>> {
    let reach: BTreeMap<usize, BTreeSet<usize>> =
        graph.keys().map(|file| (*file, list_reachable(graph, *file))).collect();
    let mut circles: Vec<BTreeSet<usize>> = graph
        .keys()
        .map(|file| reach[file].iter().filter(|other| reach[other].contains(file)).copied().collect())
        .filter(|circle: &BTreeSet<usize>| circle.len() > 1)
        .collect();
    circles.sort_by(|one, other| (other.len(), one).cmp(&(one.len(), other)));
    circles.dedup();
    circles
}

/// Includes the file itself only if a path leads back to it.
fn list_reachable(graph: &Graph, start: usize) -> BTreeSet<usize> {
    let mut reached = BTreeSet::new();
    let mut open = vec![start];
    while let Some(file) = open.pop() {
        open.extend(graph[&file].keys().filter(|next| reached.insert(**next)));
    }
    reached
}

fn describe(code: &Crate<'_>, graph: &Graph, circle: &BTreeSet<usize>) -> String {
    let path = |file: usize| code.files[file].path.as_str();
    let files: Vec<&str> = circle.iter().map(|file| path(*file)).collect();
    let mut lines = vec![format!("{} files import each other: {}", files.len(), files.join(", "))];
    for file in circle {
        for (target, line) in graph[file].iter().filter(|(target, _)| circle.contains(target)) {
            lines.push(format!("  {}:{line} -> {}", path(*file), path(*target)));
        }
    }
    lines.join("\n")
}
