//! Why there is no configuration: every mistake at once, so that one look at the file is enough.

/// Everything that is wrong with a configuration, one sentence each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the configuration has {} to fix:\n  {}", count(problems.len()), problems.join("\n  "))]
pub struct ConfigError {
    pub problems: Vec<String>,
}

fn count(n: usize) -> String {
    if n == 1 { "1 thing".to_owned() } else { format!("{n} things") }
}
