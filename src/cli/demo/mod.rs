//! placeholder until the demo is merged
#[derive(Debug, clap::Args)]
pub struct Arguments {}
pub async fn main(_: Arguments, _: bool) -> anyhow::Result<std::process::ExitCode> {
    anyhow::bail!("x")
}
