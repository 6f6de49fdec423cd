//! Until when a token of a tool is valid, where the token itself says so.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::clock::from_millis;
use crate::domain::Timestamp;

/// The end of a JSON Web Token (`exp` of RFC 7519, in seconds). Every other token keeps it to itself. Proves
/// nothing: only the tool knows whether the token is good.
#[must_use]
pub fn find_token_end(token: &SecretString) -> Option<Timestamp> {
    let mut parts = token.expose_secret().trim().split('.');
    let (_, claims) = (parts.next()?, parts.next()?);
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    let seconds = claims.get("exp")?.as_i64()?;
    Some(from_millis(seconds.checked_mul(1_000)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_web_token_says_when_it_ends() {
        let claims = URL_SAFE_NO_PAD.encode(br#"{"sub":"bridge","exp":1789374067}"#);
        let end = find_token_end(&format!("eyJhbGciOiJIUzI1NiJ9.{claims}.c2ln\n").into());
        assert_eq!(end, Some(from_millis(1_789_374_067_000)));
        for other in ["", "u+123", "a.b.c", "fhb-1234.5678", "pdus+_.e30.x"] {
            assert_eq!(find_token_end(&other.into()), None, "{other}");
        }
    }
}
