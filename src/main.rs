//! The program `incident-bridge`. Everything is in the library; this file only starts it.

use std::process::ExitCode;

use clap::Parser;
use incident_bridge::cli::{Cli, run};
use mimalloc::MiMalloc;

/// The system's allocator keeps freed memory once per thread: a first sync then holds twice of what it needs.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    run(Cli::parse()).await
}
