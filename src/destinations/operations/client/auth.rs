//! Proves to Jira who is calling.
//!
//! One trait, so that the rest of the client does not change when Connect's tokens are replaced by another
//! scheme. Must never log or return a secret.

use chrono::TimeDelta;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::connect::{jwt, qsh};
use crate::domain::{ClientKey, Shift, Timestamp};

/// Why a request could not be signed. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the request to Jira could not be signed: {0}")]
pub struct AuthError(pub String);

/// Makes the `Authorization` header of requests to one site.
pub trait SiteAuth: Send + Sync {
    /// The header's value for one attempt of exactly this request.
    ///
    /// # Errors
    /// When no valid value can be made, for example because the secret is empty.
    fn authorization(&self, method: &str, target_url: &Url, now: Timestamp) -> Result<String, AuthError>;
}

/// Lifetime of a token to Jira: the default of Atlassian's frameworks.
const LIFETIME: TimeDelta = TimeDelta::seconds(180);

/// Atlassian Connect: `JWT <token>`, signed HS256 with the installation's shared secret and bound to the
/// request by its query string hash.
#[derive(Debug, Clone)]
pub struct ConnectAuth {
    pub app_key: String,
    pub client_key: ClientKey,
    pub secret: SecretString,
    /// Context path of the site, which the hash leaves out; empty in the cloud.
    pub base_path: String,
}

impl SiteAuth for ConnectAuth {
    fn authorization(&self, method: &str, target_url: &Url, now: Timestamp) -> Result<String, AuthError> {
        let claims = jwt::Claims {
            iss: self.app_key.clone(),
            iat: now.timestamp(),
            exp: now.later_by(LIFETIME).timestamp(),
            qsh: Some(qsh::hash(method, target_url.as_str(), &self.base_path)),
            aud: vec![self.client_key.0.clone()],
            sub: None,
        };
        let token = jwt::sign_hs256(&claims, self.secret.expose_secret().as_bytes());
        token.map(|token| format!("JWT {token}")).map_err(|error| AuthError(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::jwt::Claims;
    use crate::domain::parse_timestamp;

    fn auth(base_path: &str) -> ConnectAuth {
        ConnectAuth {
            app_key: "incident-bridge".to_owned(),
            client_key: ClientKey("client-1".to_owned()),
            secret: SecretString::from("shared-secret"),
            base_path: base_path.to_owned(),
        }
    }

    fn claims(base_path: &str, url: &str) -> Claims {
        let now = parse_timestamp("2026-04-03T09:12:00Z").unwrap();
        let header = auth(base_path).authorization("GET", &Url::parse(url).unwrap(), now).unwrap();
        jsonwebtoken::dangerous::insecure_decode(header.strip_prefix("JWT ").unwrap()).unwrap().claims
    }

    #[test]
    fn the_token_is_bound_to_the_request_below_the_context_path() {
        let with_context = claims("/jira", "https://acme.example/jira/rest/x?workspaceId=a%3Ab");
        let in_the_cloud = claims("", "https://acme.atlassian.net/rest/x?workspaceId=a%3Ab");
        assert_eq!(with_context.qsh, Some(qsh::hash("GET", "/rest/x?workspaceId=a%3Ab", "")));
        assert_eq!(with_context.qsh, in_the_cloud.qsh);
        assert_eq!(with_context.exp - with_context.iat, 180);
    }

    #[test]
    fn the_secret_does_not_show_in_debug_output() {
        assert!(!format!("{:?}", auth("")).contains("shared-secret"));
    }
}
