//! Lists incidents as people look for them, and the reviews that cover one.

use super::Entities;
use super::lookup::StoredEntity;
use crate::store::db::args;
use crate::store::error::StoreError;

/// Which incidents to list; the default is all.
#[derive(Debug, Clone, Default)]
pub struct IncidentFilter {
    pub open: bool,
    /// Only those of this source.
    pub source: Option<String>,
    /// Only those that this destination holds or is to hold: host of a site, or name of another destination.
    pub site: Option<String>,
}

/// A query over incidents. Its conditions are those of an index, word for word, so that both databases use it.
macro_rules! incidents {
    ($condition:literal) => {
        concat!(
            r#"
            SELECT kind, id, source, provider_id, version, content, number, updated_at
            FROM entities
            WHERE kind = 'incident' AND content IS NOT NULL"#,
            $condition,
            r#"
              AND ($1 = '' OR source = $1)
              AND (
                $2 = ''
                OR EXISTS (
                    SELECT 1
                    FROM destinations s
                    JOIN deliveries d ON d.destination = s.id
                    WHERE s.site = $2 AND d.kind = 'incident' AND d.entity_id = entities.id
                )
              )
            ORDER BY updated_at DESC, entities.id DESC
            LIMIT $3"#
        )
    };
}

impl Entities<'_> {
    /// Present incidents, the last changed first.
    pub async fn list_incidents(
        self,
        filter: &IncidentFilter,
        limit: usize,
    ) -> Result<Vec<StoredEntity>, StoreError> {
        let sql =
            if filter.open { incidents!(" AND SUBSTR(standing, 1, 5) = 'open/'") } else { incidents!("") };
        let [source, site] = [&filter.source, &filter.site].map(|text| text.clone().unwrap_or_default());
        self.db.list(sql, &args![source, site, limit]).await
    }

    /// Present reviews of a source that may cover the incident with this id of the tool.
    pub async fn list_reviews_naming(
        self,
        source: &str,
        incident: &str,
    ) -> Result<Vec<StoredEntity>, StoreError> {
        let sql = r#"
            SELECT kind, id, source, provider_id, version, content, number, updated_at
            FROM entities
            WHERE source = $1
              AND kind = 'review'
              AND content IS NOT NULL
              AND REPLACE(content, $2, '') <> content
            ORDER BY id"#;
        let quoted = serde_json::Value::from(incident).to_string();
        self.db.list(sql, &args![source, quoted]).await
    }
}
