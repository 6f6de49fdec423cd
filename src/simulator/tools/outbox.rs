//! Posts webhooks as PagerDuty does: signed, in order, and again after a temporary failure. The status page's go the
//! same way without a signature, because Statuspage does not sign.
//!
//! Source: PagerDuty's webhook documentation (behaviour, signatures). Any 2xx within 5 s is a success;
//! timeouts, 5xx and 429 are tried again, other answers drop the webhook. Must not look into bodies.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::hmac;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use tokio::sync::mpsc;
use url::Url;

use crate::simulator::calls::build_client;

const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Where a tool posts its webhooks, and the secret that signs them.
#[derive(Debug, Clone)]
pub struct Subscription {
    pub url: Url,
    pub secret: Option<SecretString>,
}

/// One webhook, ready to be signed and posted.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// `X-Webhook-Id`, equal on every attempt.
    pub id: String,
    pub body: Vec<u8>,
}

/// The outcome of the webhooks so far.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Delivered {
    pub attempts: u64,
    /// Answered with 2xx.
    pub accepted: u64,
    /// Given up after an answer that no retry can fix.
    pub dropped: u64,
}

impl Delivered {
    /// Webhooks that need no further attempt.
    #[must_use]
    pub fn settled(self) -> u64 {
        self.accepted + self.dropped
    }
}

/// The running subscription. Cheap to clone; the task ends when nothing can send it webhooks.
#[derive(Debug, Clone)]
pub struct Outbox {
    client: reqwest::Client,
    subscription: Subscription,
    delivered: Arc<Mutex<Delivered>>,
}

impl Outbox {
    pub(super) fn start(
        subscription: Subscription,
        webhooks: mpsc::UnboundedReceiver<Webhook>,
    ) -> reqwest::Result<Self> {
        let client = build_client()?;
        let outbox = Self { client, subscription, delivered: Arc::default() };
        tokio::spawn(outbox.clone().work(webhooks));
        Ok(outbox)
    }

    #[must_use]
    pub fn delivered(&self) -> Delivered {
        *self.lock()
    }

    /// Posts a webhook with a wrong signature, as a stranger would, and returns the answer's status. It is
    /// not counted.
    ///
    /// # Errors
    /// When the bridge cannot be reached.
    pub async fn post_forged(&self, webhook: &Webhook) -> reqwest::Result<u16> {
        self.post(webhook, Some(b"not the subscription's secret")).await
    }

    async fn work(self, mut webhooks: mpsc::UnboundedReceiver<Webhook>) {
        while let Some(webhook) = webhooks.recv().await {
            let mut wait = FIRST_WAIT;
            while !self.try_once(&webhook).await && !webhooks.is_closed() {
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(LONGEST_WAIT);
            }
        }
    }

    /// Whether the webhook needs no further attempt.
    async fn try_once(&self, webhook: &Webhook) -> bool {
        let secret = self.subscription.secret.as_ref().map(|secret| secret.expose_secret().as_bytes());
        let answer = self.post(webhook, secret).await;
        let mut delivered = self.lock();
        delivered.attempts += 1;
        match answer {
            Ok(200..300) => delivered.accepted += 1,
            Err(_) | Ok(429 | 500..) => return false,
            Ok(status) => {
                delivered.dropped += 1;
                tracing::warn!(status, "the webhook of a simulated tool was refused for good");
            }
        }
        true
    }

    async fn post(&self, webhook: &Webhook, secret: Option<&[u8]>) -> reqwest::Result<u16> {
        let mut request = self
            .client
            .post(self.subscription.url.clone())
            .timeout(ANSWER_TIMEOUT)
            .header("Content-Type", "application/json")
            .body(webhook.body.clone());
        if let Some(secret) = secret {
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), &webhook.body);
            request = request
                .header("User-Agent", "PagerDuty-Webhook/V3.0")
                .header("X-Webhook-Id", &webhook.id)
                .header("X-PagerDuty-Signature", format!("v1={}", hex::encode(tag)));
        }
        Ok(request.send().await?.status().as_u16())
    }

    fn lock(&self) -> MutexGuard<'_, Delivered> {
        self.delivered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use wiremock::matchers::{header, method};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;

    async fn post_through(answers: &[u16]) -> (Delivered, Vec<wiremock::Request>) {
        let bridge = MockServer::start().await;
        for status in answers {
            let answer = ResponseTemplate::new(*status);
            Mock::given(method("POST")).respond_with(answer).up_to_n_times(1).mount(&bridge).await;
        }
        let subscription = Subscription { url: bridge.uri().parse().unwrap(), secret: Some("s3cret".into()) };
        let (sender, webhooks) = mpsc::unbounded_channel();
        let outbox = Outbox::start(subscription, mpsc::unbounded_channel().1).unwrap();
        sender.send(Webhook { id: "w-1".into(), body: b"{\"event\":1}".to_vec() }).unwrap();
        // The sender stays alive, so a webhook is tried until it is settled.
        let work = tokio::spawn(outbox.clone().work(webhooks));
        while outbox.delivered().settled() == 0 {
            tokio::task::yield_now().await;
        }
        drop(sender);
        work.await.unwrap();
        (outbox.delivered(), bridge.received_requests().await.unwrap())
    }

    #[tokio::test]
    async fn a_webhook_is_posted_again_after_a_passing_failure_under_the_same_id_and_signature() {
        let (delivered, requests) = post_through(&[503, 429, 202]).await;
        assert_eq!(delivered, Delivered { attempts: 3, accepted: 1, dropped: 0 });
        let of = |name: &str| requests.iter().map(|r| r.headers[name].clone()).collect::<Vec<_>>();
        assert!(of("x-webhook-id").iter().all(|id| id == "w-1"));
        // Computed with OpenSSL: printf '{"event":1}' | openssl dgst -sha256 -hmac s3cret
        let expected = "v1=4b89345c926cf627e3228210b0e56be6c80de0d161a726dfc0e1a392ed88b800";
        assert!(of("x-pagerduty-signature").iter().all(|signature| signature == expected));
    }

    #[tokio::test]
    async fn a_webhook_that_is_refused_is_dropped_at_once() {
        let (delivered, _) = post_through(&[401]).await;
        assert_eq!(delivered, Delivered { attempts: 1, accepted: 0, dropped: 1 });
    }

    #[tokio::test]
    async fn a_forged_webhook_has_another_signature_and_is_not_counted() {
        let bridge = MockServer::start().await;
        let refuse = ResponseTemplate::new(401);
        Mock::given(header("x-webhook-id", "w-2")).respond_with(refuse).expect(1).mount(&bridge).await;
        let subscription = Subscription { url: bridge.uri().parse().unwrap(), secret: Some("s3cret".into()) };
        let outbox = Outbox::start(subscription, mpsc::unbounded_channel().1).unwrap();
        let webhook = Webhook { id: "w-2".into(), body: b"{\"event\":1}".to_vec() };
        assert_eq!(outbox.post_forged(&webhook).await.unwrap(), 401);
        assert_eq!(outbox.delivered(), Delivered::default());
        let request = bridge.received_requests().await.unwrap().remove(0);
        assert_ne!(
            request.headers["x-pagerduty-signature"],
            "v1=4b89345c926cf627e3228210b0e56be6c80de0d161a726dfc0e1a392ed88b800"
        );
    }
}
