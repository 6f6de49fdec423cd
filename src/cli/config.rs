//! `config check`, `config show`, `config schema` and `config default`.

use std::path::PathBuf;
use std::process::ExitCode;

use super::output;
use crate::app::{build_registry, find_faults, list_exposed_secrets, list_warnings, read_configuration};
use crate::config::{DEFAULT_TOML, Draft, Environment, Loaded, TypeKeys, schema, show};
use crate::sources::KINDS;

#[derive(Debug, clap::Subcommand)]
pub enum Subcommand {
    /// Reads everything that `serve` would read, and builds every source; opens no database
    #[command(after_help = "Example:\n  incident-bridge config check --config bridge.toml")]
    Check,
    /// Prints every value with where it came from; secrets are hidden, and so is what is no key. A configuration
    /// with mistakes is printed too
    #[command(after_help = "Example:\n  incident-bridge config show --config bridge.toml --json")]
    Show,
    /// Prints a JSON Schema of the configuration, for editors
    #[command(after_help = "Example:\n  incident-bridge config schema > bridge.schema.json\n  \
                            and as first line of bridge.toml: #:schema ./bridge.schema.json")]
    Schema,
    /// Prints the defaults, with a comment for every key; always TOML
    #[command(after_help = "Example:\n  incident-bridge config default | less")]
    Default,
}

pub fn main(
    files: &[PathBuf],
    environment: &Environment,
    subcommand: &Subcommand,
    json: bool,
) -> anyhow::Result<ExitCode> {
    match subcommand {
        Subcommand::Check => check(&read_configuration(files, environment)?, json)?,
        Subcommand::Show => show_all(Draft::read(files, environment), json)?,
        Subcommand::Schema => output::json(&schema(&list_type_keys())?)?,
        Subcommand::Default => output::text(DEFAULT_TOML.trim_end()),
    }
    Ok(ExitCode::SUCCESS)
}

/// A configuration with mistakes is shown too, and then what is wrong with it.
fn show_all(draft: Draft, json: bool) -> anyhow::Result<()> {
    let faults = find_faults(&draft.readable);
    let shown = show(&draft, &list_type_keys(), faults.is_empty());
    if json {
        output::json(&shown)?;
    } else {
        let rows: Vec<_> = shown.into_iter().map(|row| [row.key, row.value, row.origin]).collect();
        output::table(["KEY", "VALUE", "FROM"], &rows);
    }
    draft.finish(faults)?;
    Ok(())
}

fn list_type_keys() -> Vec<TypeKeys<'static>> {
    let pages = KINDS.iter().map(|kind| (kind, kind.page_path()));
    let keys = pages.map(|(kind, page)| TypeKeys {
        list: "sources",
        name: kind.name,
        keys: kind.option_names,
        page,
    });
    keys.collect()
}

fn check(loaded: &Loaded, json: bool) -> anyhow::Result<()> {
    let config = &loaded.config;
    let registry = build_registry(config)?;
    let sources: Vec<String> =
        registry.iter().map(|source| format!("{} ({})", source.id(), source.config.kind)).collect();
    let destinations: Vec<String> =
        config.destinations.iter().map(|it| format!("{} ({})", it.id, it.type_name)).collect();
    let mut warnings = list_warnings(config, &registry);
    warnings.extend(list_exposed_secrets(loaded));
    if json {
        return output::json(&serde_json::json!({
            "valid": true, "sources": sources, "destinations": destinations, "sites": config.connect.sites,
            "warnings": warnings,
        }));
    }
    output::line(format!("the configuration is valid; sources: {}", list(&sources)));
    output::line(format!("destinations of the configuration: {}", list(&destinations)));
    output::line(format!("sites that may install: {}", list(&config.connect.sites)));
    for warning in warnings {
        output::line(format!("warning: {warning}"));
    }
    Ok(())
}

fn list(items: &[String]) -> String {
    if items.is_empty() { "none yet".to_owned() } else { items.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_on_every_types_page_fits_the_schema() {
        let schema = schema(&list_type_keys()).unwrap();
        let validator = jsonschema::draft202012::new(&schema).unwrap();
        for kind in KINDS {
            let file = config::File::from_str(kind.example(), config::FileFormat::Toml);
            let built = config::Config::builder().add_source(file).build().unwrap();
            let block = built.try_deserialize::<serde_json::Value>().unwrap();
            let faults: Vec<_> = validator.iter_errors(&block).map(|fault| fault.to_string()).collect();
            assert_eq!(faults, [""; 0], "{}", kind.name);
        }
    }
}
