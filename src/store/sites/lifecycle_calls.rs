//! Which lifecycle calls of Jira had an effect: a call that is repeated has none, and one that is older than
//! what was accepted since is refused.
//!
//! Must not judge tokens: only calls whose token was verified come here.

use chrono::TimeDelta;

use super::Sites;
use crate::clock::{Timestamp, from_millis};
use crate::domain::ClientKey;
use crate::store::db::{Tx, args};
use crate::store::error::StoreError;

/// How long a call is remembered: several times as long as its token, or any token older than it, is
/// accepted, so that a clock that is set back by minutes does not make a token new again.
const REMEMBERED: TimeDelta = TimeDelta::hours(1);

/// A verified call of Jira: what tells it from every other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LifecycleCall {
    pub client_key: ClientKey,
    /// SHA-256 of the part of the token that its signature covers, in hex.
    pub token_hash: String,
    /// SHA-256 of the body, in hex.
    pub body_hash: String,
    /// The token's `iat`, in whole seconds.
    pub issued_at: Timestamp,
}

/// What a call is, compared with those before it. Only the first has an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallStanding {
    First,
    /// The same token with the same body.
    Repeated,
    /// The same token with another body.
    Altered,
    /// Issued before the newest call that was accepted for the client key.
    Outdated,
}

impl Sites<'_> {
    /// Compares a call with those before it, and remembers it if it is the first of its kind. Calls of the
    /// same second are taken in the order in which they arrive: tokens carry whole seconds, and Jira sends
    /// `enabled` in the second of `installed`.
    pub(in crate::store) async fn receive_call(
        self,
        tx: &mut Tx,
        call: &LifecycleCall,
    ) -> Result<CallStanding, StoreError> {
        let sql = r#"
            SELECT body_hash
            FROM lifecycle_calls
            WHERE token_hash = $1"#;
        let before: Option<String> = tx.find_value(sql, &args![&call.token_hash]).await?;
        if let Some(body_hash) = before {
            let is_same = body_hash == call.body_hash;
            return Ok(if is_same { CallStanding::Repeated } else { CallStanding::Altered });
        }
        let sql = r#"
            SELECT issued_at
            FROM lifecycle_calls
            WHERE client_key = $1
            ORDER BY issued_at DESC
            LIMIT 1"#;
        let newest: Option<i64> = tx.find_value(sql, &args![&call.client_key]).await?;
        if newest.is_some_and(|newest| call.issued_at < from_millis(newest)) {
            return Ok(CallStanding::Outdated);
        }
        let sql = r#"
            INSERT INTO lifecycle_calls (token_hash, body_hash, client_key, issued_at, until)
            VALUES ($1, $2, $3, $4, $5)"#;
        let until = self.clock.now() + REMEMBERED;
        let args = args![&call.token_hash, &call.body_hash, &call.client_key, call.issued_at, until];
        tx.execute(sql, &args).await?;
        Ok(CallStanding::First)
    }

    /// Forgets calls whose tokens are no longer accepted. Returns how many.
    pub async fn forget_calls(self) -> Result<u64, StoreError> {
        let sql = r#"
            SELECT COUNT(*)
            FROM lifecycle_calls
            WHERE until <= $1"#;
        let now = self.clock.now();
        let (over,): (i64,) = self.db.get(sql, &args![now]).await?;
        if over == 0 {
            return Ok(0);
        }
        let sql = r#"
            DELETE FROM lifecycle_calls
            WHERE until <= $1"#;
        self.db.execute(sql, &args![now]).await
    }
}
