//! `config/default.toml` read as what it is: the defaults, and the manual of every key.
//!
//! The lists of tables are there as comments, since a live table would be a source. With one `# ` less they
//! are tables like the others: what is a comment even then has no default. Knows no key and no kind.

use config::{FileFormat, Map, Value};

use super::error::ConfigError;
use super::section::Key;

/// The defaults and the reference manual in one file.
pub const DEFAULT_TOML: &str = include_str!("../../config/default.toml");

/// What the manual says of one key, or of a section when there is no key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub section: String,
    pub key: Option<String>,
    pub about: String,
}

/// Every section and key that the manual describes, in its order. A key without a comment of its own shares
/// the comment of the key above it.
pub(super) fn entries() -> Vec<Entry> {
    let (mut entries, mut section, mut comment) = (Vec::new(), String::new(), Vec::new());
    let text = with_examples();
    for line in text.lines() {
        let bare = line.strip_prefix("# ").unwrap_or(line);
        let key = if let Some(header) = line.strip_prefix('[') {
            let name = header.trim_matches(['[', ']']);
            let (table, key) = name.split_once('.').map_or((name, None), |(table, key)| (table, Some(key)));
            table.clone_into(&mut section);
            key
        } else if let Some(key) = find_key(bare) {
            Some(key)
        } else {
            match line.strip_prefix('#') {
                Some(words) => comment.push(words.trim()),
                None if line.trim().is_empty() => comment.clear(),
                None => {}
            }
            continue;
        };
        let about = match entries.last() {
            Some(Entry { key: Some(_), about, .. }) if comment.is_empty() => about.clone(),
            _ => comment.join(" "),
        };
        comment.clear();
        entries.push(Entry { section: section.clone(), key: key.map(str::to_owned), about });
    }
    entries
}

/// The defaults of all sections, without the lists of tables.
pub(super) fn defaults() -> Result<Value, ConfigError> {
    parse(DEFAULT_TOML)
}

/// The defaults of one table of the list `name`; required keys have none.
pub(super) fn list_defaults(name: &str, keys: &[Key]) -> Result<Map<String, Value>, ConfigError> {
    let whole = parse(&with_examples())?;
    let list = whole.into_table().ok().and_then(|mut parts| parts.remove(name));
    let tables = list.and_then(|list| list.into_array().ok()).unwrap_or_default();
    let mut values = tables.into_iter().next().and_then(|it| it.into_table().ok()).unwrap_or_default();
    values.retain(|name, _| !keys.iter().any(|key| key.name == name && key.required));
    Ok(values)
}

/// The file with its lists of tables taken out of their comments.
fn with_examples() -> String {
    let mut is_example = false;
    let mut lines = Vec::new();
    for line in DEFAULT_TOML.lines() {
        is_example = line.starts_with("# [[") || (is_example && line.starts_with('#'));
        let bare = line.strip_prefix("# ").unwrap_or_else(|| line.trim_start_matches('#'));
        lines.push(if is_example { bare } else { line });
    }
    lines.join("\n")
}

fn parse(text: &str) -> Result<Value, ConfigError> {
    let file = config::File::from_str(text, FileFormat::Toml);
    let built = config::Config::builder().add_source(file).build();
    built.map(|built| built.cache).map_err(|fault| ConfigError { problems: vec![fault.to_string()] })
}

/// The key of a line such as `key = value`.
fn find_key(line: &str) -> Option<&str> {
    let (key, _) = line.split_once(" = ")?;
    (!key.is_empty() && key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')).then_some(key)
}
