//! `/jira/reviews/create`: where people write a post-incident review.
//!
//! `GET` is a link that Jira shows to people. Anybody can follow it, so its answer depends on the configuration
//! and on the query alone: the store is not asked, and an incident that exists is answered like one that does
//! not. `POST` is signed, and may know what its site may see.

use std::sync::Arc;

use actix_web::http::header;
use actix_web::web::{Data, Json, Query};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use crate::connect::routes::CREATE_REVIEW;
use crate::domain::EntityId;
use crate::sources::{Kind, find_kind};
use crate::sync::SourceRuntime;
use crate::web::State;
use crate::web::auth::authenticate_action;
use crate::web::problem::Problem;

/// Characters of an id that the page repeats; Jira's longest has as many.
const LONGEST_ID: usize = 255;

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::web) struct Asked {
    affected_component: Option<String>,
    incident: Option<String>,
}

#[derive(Template)]
#[template(path = "review.html")]
struct Page<'a> {
    /// As the caller wrote it.
    incident: &'a str,
    /// The tool's own name.
    tool: Option<&'static str>,
}

/// 302 to the page that the configuration names, or 200 with a page that says where reviews are written.
pub(in crate::web) async fn open_review_page(state: Data<State>, asked: Query<Asked>) -> HttpResponse {
    let source = find_source(&state, &asked);
    let source = source.as_deref();
    let (mut answer, page) = match source.and_then(|source| asked.find_configured(source)) {
        Some(address) => {
            let mut answer = HttpResponse::Found();
            answer.insert_header((header::LOCATION, address.as_str()));
            (answer, String::new())
        }
        None => (HttpResponse::Ok(), asked.describe(source)),
    };
    answer
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        ))
        .content_type("text/html; charset=utf-8");
    answer.body(page)
}

/// 200 `{"url": …}`; 404 if the site may not see the source, as if there were none.
pub(in crate::web) async fn find_review_page(
    state: Data<State>,
    request: HttpRequest,
    asked: Query<Asked>,
) -> Result<Json<Value>, Problem> {
    let site = authenticate_action(&state, &request).await?;
    let source = find_source(&state, &asked).filter(|source| site.sees(source.id().as_str()));
    let source = source.ok_or_else(Problem::not_found)?;
    if let Some(address) = asked.fill_review_url(&source) {
        return Ok(Json(json!({ "url": address })));
    }
    let known = match asked.incident() {
        Some(incident) => state.engine.find_incident_page(&site.id, &incident).await?,
        None => None,
    };
    let known = known.and_then(|address| Url::parse(&address).ok());
    let address = known.filter(|address| matches!(address.scheme(), "http" | "https"));
    let address = address.or_else(|| asked.find_configured(&source));
    Ok(Json(json!({ "url": address.map_or_else(|| own_page(&state, &asked), String::from) })))
}

impl Asked {
    fn incident(&self) -> Option<EntityId> {
        self.incident.as_deref().filter(|id| !id.is_empty()).map(EntityId::from_text)
    }

    fn component(&self) -> Option<EntityId> {
        self.affected_component.as_deref().filter(|id| !id.is_empty()).map(EntityId::from_text)
    }

    /// What follows from the configuration and from the ids alone.
    fn find_configured(&self, source: &SourceRuntime) -> Option<Url> {
        let incident = self.incident();
        self.fill_review_url(source)
            .or_else(|| source.adapter.incident_page()?.fill(incident.as_ref()?.provider_id(), None))
    }

    fn fill_review_url(&self, source: &SourceRuntime) -> Option<Url> {
        let (incident, component) = (self.incident(), self.component());
        let component = component.filter(|id| id.source() == source.id().as_str());
        source.config.review_url.as_ref()?.fill(
            incident.as_ref().and_then(EntityId::provider_id),
            component.as_ref().and_then(EntityId::provider_id),
        )
    }

    fn describe(&self, source: Option<&SourceRuntime>) -> String {
        let kind = source.and_then(|source| find_kind(&source.config.kind).ok());
        let incident = self.incident.as_deref().filter(|id| id.chars().count() <= LONGEST_ID);
        let page = Page { incident: incident.unwrap_or_default(), tool: kind.map(Kind::title) };
        // Writing into a text cannot fail.
        page.render().unwrap_or_default()
    }
}

fn find_source(state: &State, asked: &Asked) -> Option<Arc<SourceRuntime>> {
    let id = asked.incident().or_else(|| asked.component())?;
    state.engine.registry().find(id.source())
}

/// The address of the page that [`open_review_page`] shows.
fn own_page(state: &State, asked: &Asked) -> String {
    let mut address = state.base_url.clone();
    address.set_path(&format!("{}{CREATE_REVIEW}", state.base_path()));
    let ids = [("affected-component", &asked.affected_component), ("incident", &asked.incident)];
    let ids = ids.into_iter().filter_map(|(name, id)| Some((name, id.as_deref()?)));
    address.query_pairs_mut().extend_pairs(ids);
    address.into()
}
