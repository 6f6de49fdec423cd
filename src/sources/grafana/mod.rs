//! Grafana: IRM incidents, alert groups of IRM and OnCall, and Alerting's contact points.
//!
//! One source takes the webhooks of all three and distinguishes them by their shape. Each has its own proof
//! of origin: IRM's `Gi-Signature`, Alerting's HMAC, and for alert groups, which are not signed, a shared
//! secret. Sources of the facts: Grafana's documentation, its published IRM client and its published sources
//! of OnCall and Alerting. None of them has post-incident reviews. Must not decide anything about Jira.

mod irm;
mod mapper;
mod oncall;
mod poll;

use std::sync::Arc;

use base64::Engine;
use sha2::{Digest, Sha256};
use url::Url;

use self::mapper::{Mapper, Options};
use self::poll::GrafanaPoller;
use crate::config::SourceConfig;
use crate::sources::kit::alert_groups::{self, receipt_id};
use crate::sources::kit::encoding::BASE64;
use crate::sources::kit::json::Fields;
use crate::sources::kit::options;
use crate::sources::kit::shared_secret::{SharedSecret, unconfigured};
use crate::sources::kit::signature::HmacScheme;
use crate::sources::{
    BuildContext, BuildError, Capability, Findings, InboundWebhook, Kind, Memory, Poller, Rejection, Source,
    Unmappable, VerifiedWebhook,
};

pub(super) const KIND: Kind = Kind {
    name: "grafana",
    build,
    option_names: &[
        "signature_header",
        "timestamp_header",
        "component_labels",
        "components",
        "drills",
        "incidents",
        "oncall_url",
    ],
    capabilities: &[Capability::Webhooks, Capability::Polling],
    page: include_str!("../../../docs/sources/grafana.md"),
};

const IRM_SIGNATURE: &str = "Gi-Signature";
/// Of Alerting's message.
const VERSION: &str = "1";

struct Grafana {
    config: SourceConfig,
    shared: SharedSecret,
    irm: HmacScheme,
    alerting: HmacScheme,
    alerts: alert_groups::mapper::Mapper,
    mapper: Arc<Mapper>,
    poller: Option<GrafanaPoller>,
}

fn build(context: BuildContext) -> Result<Arc<dyn Source>, BuildError> {
    let BuildContext { config, http } = context;
    let options: Options = options::parse(&config)?;
    let irm = HmacScheme {
        signed: "{body}:{timestamp}:v1".to_owned(),
        timestamp_entry: Some("t=".to_owned()),
        ..HmacScheme::sha256_hex(IRM_SIGNATURE, "v1=")
    };
    let signed = if options.timestamp_header.is_some() { "{timestamp}:{body}" } else { "{body}" };
    let alerting = HmacScheme {
        signed: signed.to_owned(),
        timestamp_header: options.timestamp_header.clone(),
        ..HmacScheme::sha256_hex(&options.signature_header, "")
    };
    let home = config.workspace_url.as_ref().or(config.api_url.as_ref());
    let home = home.map_or("https://grafana.com", |url| url.as_str()).trim_end_matches('/').to_owned();
    let link = Url::parse(&home).map_or_else(|_| home.clone(), String::from);
    let alerts = alert_groups::mapper::Mapper::new(&config, link, options.component_labels.clone());
    let mapper = Arc::new(Mapper { config: config.clone(), options, home });
    let poller = GrafanaPoller::find(&config, &http, &mapper)?;
    let shared = SharedSecret::new(&config);
    Ok(Arc::new(Grafana { config, shared, irm, alerting, alerts, mapper, poller }))
}

impl Source for Grafana {
    fn challenges(&self) -> Vec<String> {
        let secrets = self.config.webhook_secrets.first().into_iter();
        let signatures = secrets.flat_map(|_| [&self.irm, &self.alerting]).flat_map(HmacScheme::challenges);
        signatures.chain(self.shared.challenges()).collect()
    }

    fn verify(&self, webhook: InboundWebhook) -> Result<VerifiedWebhook, Rejection> {
        let verified_by = self.authenticate(&webhook)?;
        let receipt = receipt_id(&webhook);
        let mut verified = VerifiedWebhook::new(webhook, None, verified_by);
        let irm = verified.json().ok().filter(|body| body.get("incident").is_some());
        verified.delivery_id = Some(irm.and_then(|body| body.find_id("/id")).unwrap_or(receipt));
        Ok(verified)
    }

    fn recall(&self, webhook: &VerifiedWebhook) -> Vec<String> {
        let Ok(body) = webhook.json() else { return Vec::new() };
        let labels = body.find_id("/alert_group/id").map(|id| oncall::labels_key(&id));
        self.alerts.recall(body, VERSION).into_iter().chain(labels).collect()
    }

    fn parse(&self, webhook: &VerifiedWebhook, memory: &mut Memory) -> Result<Findings, Unmappable> {
        let (body, now) = (webhook.json()?, webhook.received_at);
        if body.get("alert_group").is_some() {
            self.mapper.alert_group_event(body, now, memory)
        } else if body.get("alerts").is_some() && body.text("/version") == VERSION {
            self.alerts.parse(body, VERSION, now, memory)
        } else if let Some(incident) = body.get("incident") {
            let told_at = body.find_time("/time").unwrap_or(now);
            if incident.is_null() {
                return Ok(Findings::ignored("event without an incident"));
            }
            self.mapper.incident(incident, told_at)
        } else {
            Err(Unmappable::Malformed(
                "the body is not a webhook of IRM, OnCall or Alerting: let the webhook forward all of its data, \
                 without a template"
                    .to_owned(),
            ))
        }
    }

    fn poller(&self) -> Option<&dyn Poller> {
        self.poller.as_ref().map(|poller| poller as &dyn Poller)
    }

    fn home_url(&self) -> String {
        self.mapper.home.clone()
    }
}

impl Grafana {
    /// The key of the configuration that proves the webhook's origin.
    fn authenticate(&self, webhook: &InboundWebhook) -> Result<String, Rejection> {
        let by_shared = self.shared.is_configured().then(|| self.shared.verify(webhook));
        if let Some(Ok(key)) = by_shared {
            return Ok(key.to_owned());
        }
        let secrets = &self.config.webhook_secrets;
        if secrets.is_empty() {
            let keys = "`webhook_secrets`, `webhook_token` or `webhook_basic`";
            return by_shared.unwrap_or_else(|| Err(unconfigured(&self.config, keys))).map(str::to_owned);
        }
        if webhook.headers.get(IRM_SIGNATURE).is_none() {
            return self.alerting.verify(secrets, webhook);
        }
        // IRM signs the body's hash instead of the body.
        let digest = BASE64.encode(Sha256::digest(&webhook.body));
        let hashed = InboundWebhook {
            headers: webhook.headers.clone(),
            path_token: None,
            body: digest.into_bytes(),
            received_at: webhook.received_at,
        };
        self.irm.verify(secrets, &hashed)
    }
}

#[cfg(test)]
mod tests;
