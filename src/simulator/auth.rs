//! Whether a REST call carries a token that Jira would accept.
//!
//! Pure. Only the log says why a token is refused: Jira's 401 has no body.

use std::time::Duration;

use super::exchange::Call;
use super::site::Installation;
use crate::clock::Timestamp;
use crate::connect::jwt::{JwtError, SignedRequest, parse_authorization, verify_hs256};

/// Jira's own leeway is not documented; Atlassian's example app allows this much.
const LEEWAY: Duration = Duration::from_secs(3);

/// Why a call was answered with 401.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("there is no Authorization header")]
    NoToken,
    #[error(transparent)]
    Token(#[from] JwtError),
    #[error("`iss` is not the key of the installed app")]
    ForeignApp,
}

/// Checks HS256 with the installation's secret, `iss`, lifetime, and the hash of this very request.
pub fn check(installation: &Installation, call: &Call<'_>, now: Timestamp) -> Result<(), Refusal> {
    let token = parse_authorization(call.authorization.ok_or(Refusal::NoToken)?)?;
    let target =
        if call.query.is_empty() { call.path.to_owned() } else { format!("{}?{}", call.path, call.query) };
    let request = SignedRequest { method: call.method, target: &target, base_path: "" };
    let proven = verify_hs256(&token, &[installation.shared_secret.as_bytes()], &request, now, LEEWAY)?;
    if proven.claims().iss == installation.app_key { Ok(()) } else { Err(Refusal::ForeignApp) }
}
