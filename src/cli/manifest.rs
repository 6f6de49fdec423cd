//! `descriptor` and `forge-manifest`: what Atlassian is told about the app.

use std::process::ExitCode;

use super::output;
use super::usage::Usage;
use crate::app;
use crate::config::Config;
use crate::connect::forge_manifest;

/// Stands in the manifest until `forge register` has given the app its own id.
const UNREGISTERED: &str = "ari:cloud:ecosystem::app/REPLACE-WITH-YOUR-APP-ID";

pub fn descriptor(config: &Config) -> anyhow::Result<ExitCode> {
    output::json(&app::descriptor(config))?;
    Ok(ExitCode::SUCCESS)
}

pub fn forge_manifest(config: &Config, json: bool) -> anyhow::Result<ExitCode> {
    let app_id = config.connect.forge_app_id.as_deref().unwrap_or(UNREGISTERED);
    let manifest = forge_manifest::render(&app::descriptor_settings(config), app_id);
    let manifest = manifest.map_err(|fault| Usage(fault.to_string()))?;
    if json {
        output::json(&serde_json::json!({ "manifest.yml": manifest }))?;
    } else {
        output::text(manifest.trim_end());
    }
    Ok(ExitCode::SUCCESS)
}
