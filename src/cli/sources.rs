//! `sources`: which incident tools the bridge speaks.

use std::process::ExitCode;

use super::output;
use crate::sources::KINDS;

pub fn main(json: bool) -> anyhow::Result<ExitCode> {
    let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
    if json {
        output::json(&names)?;
    } else {
        names.iter().for_each(output::line);
    }
    Ok(ExitCode::SUCCESS)
}
