//! Who may call: accounts with an API token, and on which host it is accepted.
//!
//! A token without scopes is accepted on the site's own host, one with scopes on the gateway.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::operation::{Host, Operation};
use super::permissions::Permission;

/// What a token may be used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// Without scopes.
    Site,
    /// With these scopes.
    Scoped(BTreeSet<String>),
}

/// Somebody with an API token.
#[derive(Clone, Debug)]
pub struct Account {
    pub email: String,
    pub token: String,
    pub kind: TokenKind,
    pub expired: bool,
    pub name: String,
    /// In every project.
    pub permissions: BTreeSet<Permission>,
}

/// Why a call is refused before anything is done.
#[derive(Debug, PartialEq, Eq)]
pub enum NotAdmitted {
    Unauthorized,
    ScopeMissing,
}

impl Account {
    /// Of a person: without scopes, with every permission in projects.
    pub fn of_user(email: &str, token: &str) -> Self {
        Self {
            email: email.to_owned(),
            token: token.to_owned(),
            kind: TokenKind::Site,
            expired: false,
            name: email.split('@').next().unwrap_or(email).to_owned(),
            permissions: Permission::PROJECT.into(),
        }
    }

    /// Of a service account: with the scopes that work items need.
    pub fn of_service(email: &str, token: &str) -> Self {
        let scopes = ["read:jira-work", "write:jira-work"].map(str::to_owned);
        Self { kind: TokenKind::Scoped(scopes.into()), ..Self::of_user(email, token) }
    }

    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.contains(&permission)
    }
}

/// The account that a call's `Authorization` names, if the host accepts its token for the operation.
pub fn admit<'a>(
    accounts: &'a [Account],
    host: Host,
    operation: &Operation,
    authorization: Option<&str>,
) -> Result<&'a Account, NotAdmitted> {
    let encoded = authorization.and_then(|value| value.strip_prefix("Basic "));
    let decoded = encoded.and_then(|text| STANDARD.decode(text.trim()).ok());
    let pair = decoded.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    let (email, token) = pair.split_once(':').unwrap_or_default();
    let account = accounts
        .iter()
        .find(|it| it.email == email && it.token == token && !it.expired)
        .ok_or(NotAdmitted::Unauthorized)?;
    match (&account.kind, host) {
        (TokenKind::Site, Host::Site) => Ok(account),
        (TokenKind::Scoped(scopes), Host::Gateway) => {
            let scope = operation.scope();
            if scope.is_none_or(|scope| scopes.contains(scope)) {
                Ok(account)
            } else {
                Err(NotAdmitted::ScopeMissing)
            }
        }
        _ => Err(NotAdmitted::Unauthorized),
    }
}
