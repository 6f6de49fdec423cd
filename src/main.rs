//! The program `incident-bridge`. Everything is in the library; this file only starts it.

use std::process::ExitCode;

use clap::Parser;
use incident_bridge::cli::{Cli, run};

#[tokio::main]
async fn main() -> ExitCode {
    run(Cli::parse()).await
}
