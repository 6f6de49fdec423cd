//! Valid entities for this module's own tests.

use serde_json::{Value, json};

pub fn incident(id: &str, sequence: i64) -> Value {
    json!({
        "schemaVersion": "1.0",
        "id": id,
        "updateSequenceNumber": sequence,
        "affectedComponents": ["svc-checkout"],
        "summary": "Checkout latency above 4 s",
        "description": "Started after the rollout. *Rollback running.*",
        "url": "https://tool.example.com/incidents/4711",
        "createdDate": "2026-04-03T09:12:00.000Z",
        "lastUpdated": "2026-04-03T09:15:00.000Z",
        "severity": { "level": "P2" },
        "status": "open",
    })
}

pub fn review(id: &str, sequence: i64) -> Value {
    json!({
        "schemaVersion": "1.0",
        "id": id,
        "updateSequenceNumber": sequence,
        "reviews": ["inc-1"],
        "summary": "PIR: checkout latency",
        "description": "Draft. Two follow-ups open.",
        "url": "https://tool.example.com/reviews/88",
        "createdDate": "2026-04-04T10:53:20.000Z",
        "lastUpdated": "2026-04-04T10:53:20.000Z",
        "status": "in progress",
    })
}

pub fn component(id: &str, sequence: i64) -> Value {
    json!({
        "schemaVersion": "1.0",
        "id": id,
        "updateSequenceNumber": sequence,
        "name": "Checkout API",
        "providerName": "Example Tool",
        "description": "",
        "url": "https://tool.example.com/services/svc-checkout",
        "avatarUrl": "https://bridge.example.com/static/service.png",
        "tier": "Tier 1",
        "componentType": "Service",
        "lastUpdated": "2026-04-03T09:15:00.000Z",
    })
}

/// A descriptor with one absolute and otherwise relative action URLs.
pub fn descriptor(base_url: &str) -> Value {
    json!({
        "key": "com.example.incident-bridge",
        "name": "Incident Bridge",
        "baseUrl": base_url,
        "authentication": { "type": "jwt" },
        "apiMigrations": { "signed-install": true },
        "lifecycle": {
            "installed": "/connect/installed",
            "uninstalled": "/connect/uninstalled",
            "enabled": "/connect/enabled",
            "disabled": "/connect/disabled",
        },
        "scopes": ["READ", "WRITE", "DELETE"],
        "modules": {
            "jiraOperationsInfoProvider": {
                "key": "incident-bridge-operations",
                "name": { "value": "Incident Bridge" },
                "homeUrl": "https://bridge.example.com",
                "actions": {
                    "fetchWorkspaces": { "templateUrl": format!("{base_url}/jira/workspaces/fetch") },
                    "searchContainers": { "templateUrl": "/jira/containers/search" },
                    "onEntityAssociated": { "templateUrl": "/jira/entities/associated" },
                    "onEntityDisassociated": { "templateUrl": "/jira/entities/disassociated" },
                    "createPostIncidentReview": { "url": format!(
                        "{base_url}/jira/reviews/create?affected-component={{component-id}}&incident={{incident-id}}"
                    ) },
                },
            },
            "jiraDevOpsComponentProvider": {
                "key": "incident-bridge-components",
                "name": { "value": "Incident Bridge" },
                "homeUrl": "https://bridge.example.com",
                "actions": {
                    "associate": { "templateUrl": "/jira/components/associate" },
                    "disassociate": { "templateUrl": "/jira/components/disassociate" },
                },
            },
        },
    })
}
