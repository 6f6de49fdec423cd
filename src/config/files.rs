//! Where the configuration is: the variables that concern it, and its files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Begins the name of a variable that sets a key.
pub(super) const PREFIX: &str = "BRIDGE__";
/// The variable that names the files, separated as in `PATH`.
const BRIDGE_CONFIG: &str = "BRIDGE_CONFIG";
/// Where the configuration is when nothing names another file.
const USUAL_FILE: &str = "/etc/incident-bridge/bridge.toml";

/// The environment variables that concern the configuration: `BRIDGE_CONFIG`, and `BRIDGE__…` by name.
#[derive(Debug, Clone, Default)]
pub struct Environment(pub BTreeMap<String, String>);

impl Environment {
    /// Those of this process.
    #[must_use]
    pub fn of_process() -> Self {
        Self(
            std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                .filter(|(name, _)| name.starts_with(PREFIX) || name == BRIDGE_CONFIG)
                .collect(),
        )
    }

    /// Whether nothing may be coloured on the terminal: <https://no-color.org>, or a terminal without colours.
    #[must_use]
    pub fn refuses_colors() -> bool {
        let says =
            |name, test: fn(&std::ffi::OsStr) -> bool| std::env::var_os(name).is_some_and(|it| test(&it));
        says("NO_COLOR", |it| !it.is_empty()) || says("TERM", |it| it == "dumb")
    }
}

/// The files to read: those of the command line, else those of `BRIDGE_CONFIG`, else the usual one if it
/// exists.
#[must_use]
pub fn find_files(given: Vec<PathBuf>, environment: &Environment) -> Vec<PathBuf> {
    choose(given, environment, Path::new(USUAL_FILE))
}

fn choose(given: Vec<PathBuf>, environment: &Environment, usual: &Path) -> Vec<PathBuf> {
    if !given.is_empty() {
        return given;
    }
    let named = environment.0.get(BRIDGE_CONFIG).into_iter().flat_map(std::env::split_paths);
    let named: Vec<_> = named.filter(|path| !path.as_os_str().is_empty()).collect();
    if named.is_empty() && usual.exists() { vec![usual.to_owned()] } else { named }
}

/// What to do about a configuration that is missing as a whole.
pub(super) fn nothing_given() -> String {
    format!(
        "no configuration file was given: name one with --config FILE or in {BRIDGE_CONFIG}, or write {USUAL_FILE}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_comes_before_the_variable_and_the_variable_before_the_usual_file() {
        let usual = tempfile::NamedTempFile::new().unwrap();
        let variable = |text: &str| Environment([(BRIDGE_CONFIG.to_owned(), text.to_owned())].into());
        let chosen = |given: &[&str], environment: &Environment, usual: &Path| {
            let found = choose(given.iter().map(PathBuf::from).collect(), environment, usual);
            found.iter().map(|path| path.display().to_string()).collect::<Vec<_>>()
        };
        assert_eq!(chosen(&["a", "b"], &variable("c"), usual.path()), ["a", "b"]);
        assert_eq!(chosen(&[], &variable("c:d"), usual.path()), ["c", "d"]);
        let path = usual.path().display().to_string();
        for unset in [variable(""), Environment::default()] {
            assert_eq!(chosen(&[], &unset, usual.path()), std::slice::from_ref(&path));
        }
        assert!(chosen(&[], &Environment::default(), Path::new("/no/such/file")).is_empty());
    }
}
