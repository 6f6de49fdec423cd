//! ServiceNow: incidents from the Table API, and pushes from a business rule.
//!
//! ServiceNow has no incident webhook. The push contract `sidecar-servicenow-1` is this program's own; the
//! script for it is in `docs/sources/servicenow.md`. Source of the other facts: the Table API reference.
//! Where ServiceNow keeps a review, and its state, is not documented, so this source has none. Must not
//! decide anything about Jira.

mod payload;
mod poll;

use std::sync::Arc;

use url::Url;

use self::payload::{HOME, Mapper, sys_id};
use self::poll::{Options, ServiceNowPoller};
use crate::config::{PageAddress, SourceConfig};
use crate::sources::kit::json::Fields;
use crate::sources::kit::options;
use crate::sources::kit::signature::HmacScheme;
use crate::sources::{
    BuildContext, BuildError, Capability, Findings, InboundWebhook, Kind, Memory, Poller, Rejection, Source,
    Unmappable, VerifiedWebhook,
};

pub(super) const KIND: Kind = Kind {
    name: "servicenow",
    build,
    option_names: &["filter", "api_auth", "service_table"],
    capabilities: &[Capability::Webhooks, Capability::Polling],
    page: include_str!("../../../docs/sources/servicenow.md"),
};

const SCHEMA: &str = "sidecar-servicenow-1";

struct ServiceNow {
    config: SourceConfig,
    signature: HmacScheme,
    mapper: Arc<Mapper>,
    poller: Option<ServiceNowPoller>,
}

fn build(context: BuildContext) -> Result<Arc<dyn Source>, BuildError> {
    let BuildContext { config, http } = context;
    let options: Options = options::parse(&config)?;
    let mapper = Arc::new(Mapper { config: config.clone() });
    let poller = ServiceNowPoller::find(&config, http, &mapper, options)?;
    let signature = HmacScheme {
        signed: "{timestamp}.{body}".to_owned(),
        timestamp_header: Some("X-Sidecar-Timestamp".to_owned()),
        ..HmacScheme::sha256_hex("X-Sidecar-Signature", "sha256=")
    };
    Ok(Arc::new(ServiceNow { config, signature, mapper, poller }))
}

impl Source for ServiceNow {
    fn challenges(&self) -> Vec<String> {
        self.signature.challenges()
    }

    fn verify(&self, webhook: InboundWebhook) -> Result<VerifiedWebhook, Rejection> {
        self.signature.admit(&self.config, webhook)
    }

    fn parse(&self, webhook: &VerifiedWebhook, _memory: &mut Memory) -> Result<Findings, Unmappable> {
        let body = webhook.json()?;
        if body.text("/schema") != SCHEMA {
            let why = format!("the body's `schema` is not {SCHEMA}: use the script of this program's manual");
            return Err(Unmappable::Malformed(why));
        }
        if body.text("/table") != "incident" {
            return Ok(Findings::ignored("a record of another table than `incident`"));
        }
        let (record, instance) = (body.at("/record"), body.text("/instance"));
        if body.text("/operation") == "delete" {
            let at = body.find_time("/sent_at").unwrap_or(webhook.received_at);
            return Ok(Findings::gone(&sys_id(record)?, at));
        }
        self.mapper.incident(record, instance, webhook.received_at)
    }

    fn poller(&self) -> Option<&dyn Poller> {
        self.poller.as_ref().map(|poller| poller as &dyn Poller)
    }

    fn incident_page(&self) -> Option<PageAddress> {
        let mut page = self.config.api_url.clone()?;
        page.set_path("nav_to.do");
        page.set_query(None);
        PageAddress::parse(&format!("{page}?uri=incident.do%3Fsys_id%3D{{incident}}")).ok()
    }

    fn home_url(&self) -> String {
        self.config.api_url.as_ref().map_or(HOME, Url::as_str).to_owned()
    }
}

#[cfg(test)]
mod tests;
