//! `import-alertmanager`: an Alertmanager or jiralert configuration as ours, with what cannot be carried over.
//!
//! Reads one file and prints text: it asks no server and opens no database. Must never print a secret of the file.

mod credentials;
mod document;
mod jiralert;
mod print;
mod routes;
mod table;
mod toml;
mod translate;

#[cfg(test)]
mod tests;

use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;

use super::output;
use super::usage::Usage;
use document::Document;
use print::Imported;

/// Larger files are no configuration.
const LARGEST: u64 = 4 << 20;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    incident-bridge import-alertmanager /etc/alertmanager/alertmanager.yml\n  \
    incident-bridge import-alertmanager alertmanager.yml >> bridge.toml\n  \
    incident-bridge import-alertmanager --jiralert jiralert.yml\n  \
    kubectl get secret … | incident-bridge import-alertmanager -")]
pub struct Arguments {
    /// The configuration file of Alertmanager, or - for standard input
    #[arg(value_name = "FILE")]
    file: String,
    /// The file is one of jiralert
    #[arg(long)]
    jiralert: bool,
}

pub fn main(arguments: &Arguments, json: bool) -> anyhow::Result<ExitCode> {
    let text = read(&arguments.file)?;
    let document = if arguments.jiralert { jiralert::read(&text) } else { Document::read(&text) };
    let imported = document.map(|document| Imported::of(&document));
    let imported = imported.map_err(|fault| Usage(format!("{}: {fault}", name(&arguments.file))))?;
    if json {
        output::json(&imported)?;
    } else {
        output::text(imported.configuration.trim_end());
    }
    Ok(ExitCode::SUCCESS)
}

fn name(file: &str) -> &str {
    if file == "-" { "standard input" } else { file }
}

fn read(file: &str) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    let read = if file == "-" {
        std::io::stdin().take(LARGEST + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(Path::new(file)).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
    };
    read.with_context(|| format!("{} cannot be read", name(file)))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > LARGEST) {
        anyhow::bail!("{} is larger than 4 MiB: it is no configuration of Alertmanager", name(file));
    }
    let text = String::from_utf8(bytes);
    Ok(text.map_err(|_| Usage(format!("{} is not text in UTF-8", name(file))))?)
}
