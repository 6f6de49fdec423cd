//! Connect's tokens: signing them, and proving that a received one is genuine.
//!
//! Two kinds arrive and neither may stand in for the other, so each proof is its own type:
//! [`LifecycleToken`] (RS256, signed by Atlassian) and [`SiteToken`] (HS256, shared secret). Reads no clock
//! and fetches no keys; both are arguments.

mod claims;
mod error;
mod key_pair;
mod limits;
mod sign;
mod token;
mod verify;

pub use claims::Claims;
pub use error::JwtError;
pub use key_pair::InstallKeyPair;
pub use limits::{MAX_LIFECYCLE_SECS, MAX_LIFETIME_SECS, MAX_TOKEN_BYTES};
pub use sign::{sign_hs256, sign_rs256};
pub use token::{ConnectJwt, Unverified, parse_authorization};
pub use verify::{
    CONTEXT_QSH, LifecycleToken, SignedRequest, SiteToken, check_lifecycle_lifetime, check_unproven_rs256,
    verify_hs256, verify_rs256,
};

#[cfg(test)]
mod tests;
