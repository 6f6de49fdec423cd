//! What only the generic source does: mappings in both forms, envelopes that are wrong, filters.

use crate::domain::{Incident, IncidentStatus, Severity};
use crate::sources::tests::prelude::*;
use crate::sources::{Findings, Rejection, Unmappable};

fn with_options(more: Value) -> Arc<dyn Source> {
    source("generic", |config| {
        config.options = options(json!({ "mapping": sample_mapping() }));
        config.options.append(&mut options(more));
    })
}

fn parse(source: &dyn Source, headers: &[(&str, &str)], body: &Value) -> Result<Findings, Unmappable> {
    let webhook = verified(headers, body.to_string().as_bytes(), time("2026-11-20T10:01:00Z"));
    source.parse(&webhook, &mut Memory::default())
}

fn only(findings: &Findings) -> &Incident {
    assert_eq!(findings.observations.len(), 1);
    incident(&findings.observations[0])
}

fn sample() -> Value {
    read_json("generic", "mapping-cases.json")["input"].clone()
}

#[test]
fn paths_and_jmespath_give_the_expected_incident() {
    let cases = read_json("generic", "mapping-cases.json");
    let levels = json!({"1": "P1", "2": "P2", "3": "P3", "4": "P4", "5": "P5"});
    let queries = cases["mappings"]["jmespath"].as_object().expect("a mapping").iter();
    let queries = queries.map(|(target, query)| {
        let mut expression = json!({ "jmespath": query });
        if target == "severity" {
            expression["values"] = levels.clone();
        }
        (target.clone(), expression)
    });
    let expected = &cases["expected"];
    for mapping in [sample_mapping(), Value::Object(queries.collect())] {
        let source =
            with_options(json!({ "mapping": mapping, "mapping_sample": cases["input"].to_string() }));
        let found = parse(&*source, &[], &cases["input"]).expect("mapped");
        let incident = only(&found);
        assert_eq!(expected["id"], incident.provider_id);
        assert_eq!(expected["summary"], incident.summary);
        assert_eq!(expected["description"], incident.description);
        assert_eq!(expected["status"], incident.status.as_str());
        assert_eq!(expected["severity"], incident.severity.as_str());
        assert_eq!(expected["affectedComponents"], json!(incident.components));
        assert_eq!(expected["url"], incident.url);
        assert_eq!(time(expected["createdDate"].as_str().expect("text")), incident.created_at);
        assert_eq!(time(expected["lastUpdated"].as_str().expect("text")), incident.updated_at);
        assert_eq!(expected["updateSequenceNumber"], found.observations[0].sequence);
    }
}

#[test]
fn what_jira_requires_must_be_there() {
    let source = with_options(json!({}));
    for field in ["id", "link", "created"] {
        let mut body = sample();
        body[field] = Value::Null;
        let fault = parse(&*source, &[], &body).expect_err("incomplete");
        assert!(matches!(fault, Unmappable::Incomplete(why) if why.contains("mapping.")), "{field}");
    }
    let mut body = sample();
    body["link"] = json!("javascript:alert(1)");
    assert!(matches!(parse(&*source, &[], &body), Err(Unmappable::Incomplete(_))));
    let mut told = sample_mapping();
    told.as_object_mut().expect("object").remove("url");
    let told = try_source("generic", |config| config.options = options(json!({ "mapping": told })));
    assert!(told.err().expect("refused").to_string().contains("`mapping.url` is missing"));
}

#[test]
fn the_sequence_falls_back_from_version_to_update_to_envelope_to_receipt() {
    let mut mapping = sample_mapping();
    let source = with_options(json!({ "mapping": mapping }));
    let mut body = sample();
    let sequence = |source: &dyn Source, headers: &[(&str, &str)], body: &Value| {
        parse(source, headers, body).expect("mapped").observations[0].sequence
    };
    assert_eq!(sequence(&*source, &[], &body), 7);
    body["rev"] = Value::Null;
    assert_eq!(sequence(&*source, &[], &body), time("2026-11-20T10:00:05Z").timestamp_millis());
    mapping.as_object_mut().expect("object").remove("lastUpdated");
    let source = with_options(json!({ "mapping": mapping }));
    let headers = [
        ("ce-specversion", "1.0"),
        ("ce-id", "1"),
        ("ce-source", "/s"),
        ("ce-type", "t"),
        ("ce-time", "2026-11-20T10:00:09Z"),
    ];
    assert_eq!(sequence(&*source, &headers, &body), time("2026-11-20T10:00:09Z").timestamp_millis());
    let envelope = json!({"type": "t", "timestamp": "2026-11-20T10:00:08Z", "data": body});
    let signed = [("webhook-id", "msg_1"), ("webhook-timestamp", "1795169999")];
    assert_eq!(sequence(&*source, &signed, &envelope), time("2026-11-20T10:00:08Z").timestamp_millis());
    assert_eq!(sequence(&*source, &[], &body), time("2026-11-20T10:01:00Z").timestamp_millis());
}

#[test]
fn headers_and_attributes_are_mapped_and_credentials_are_not() {
    let mut mapping = sample_mapping();
    mapping["description"] = json!("headers.X-Note");
    mapping["summary"] = json!("ce.subject");
    mapping["workspaces"] = json!({"jmespath": "[body.state, headers.authorization]", "from": "all"});
    mapping["componentNames"] = json!("services.*.name");
    let source = with_options(json!({ "mapping": mapping }));
    let headers = [
        ("ce-specversion", "1.0"),
        ("ce-id", "1"),
        ("ce-source", "/s"),
        ("ce-type", "t"),
        ("ce-subject", "\"Euro%20%E2%82%AC \\\"quoted\\\"\""),
        ("x-note", "from a header"),
        ("authorization", "Bearer secret"),
    ];
    let found = parse(&*source, &headers, &sample()).expect("mapped");
    assert_eq!(only(&found).summary, "Euro € \"quoted\"");
    assert_eq!(only(&found).description, "from a header");
    assert_eq!(only(&found).workspaces, ["active"]);
    assert_eq!(
        (found.mentioned[0].provider_id.as_str(), found.mentioned[0].name.as_str()),
        ("svc-1", "checkout")
    );
}

#[test]
fn the_operators_words_come_before_the_table() {
    let source = source("generic", |config| {
        config.options = options(json!({ "mapping": sample_mapping() }));
        config.status.insert("active".to_owned(), IncidentStatus::Resolved);
        config.severity.insert("2".to_owned(), Severity::P4);
    });
    let found = parse(&*source, &[], &sample()).expect("mapped");
    assert_eq!((only(&found).status, only(&found).severity), (IncidentStatus::Resolved, Severity::P4));
    let mut odd = sample();
    (odd["state"], odd["sev"]) = (json!("dancing"), json!("9"));
    let found = parse(&*source, &[], &odd).expect("mapped");
    assert_eq!((only(&found).status, only(&found).severity), (IncidentStatus::Unknown, Severity::Unknown));
}

#[test]
fn a_cloud_event_that_breaks_the_rules_is_refused_as_a_whole() {
    let source = with_options(json!({}));
    let good = json!({"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "subject": null, "data": sample()});
    let structured = [("content-type", "application/cloudevents+json")];
    let batch = [("content-type", "application/cloudevents-batch+json")];
    assert!(parse(&*source, &structured, &good).is_ok());
    assert_eq!(parse(&*source, &batch, &json!([])).expect("legal").observations.len(), 0);
    for (field, value) in [
        ("id", json!("")),
        ("source", json!(null)),
        ("specversion", json!("0.3")),
        ("data_base64", json!("e30=")),
    ] {
        let mut bad = good.clone();
        bad[field] = value;
        assert!(matches!(parse(&*source, &structured, &bad), Err(Unmappable::Malformed(_))), "{field}");
        assert!(parse(&*source, &batch, &json!([good, bad])).is_err(), "{field}");
    }
    let mut text = good.clone();
    text["data"] = json!(sample().to_string());
    assert!(parse(&*source, &structured, &text).is_err(), "a text in `data` stays a text");
    let binary = [("ce-specversion", "1.0"), ("ce-id", "%C0%A0"), ("ce-source", "/s"), ("ce-type", "t")];
    assert!(matches!(parse(&*source, &binary, &sample()), Err(Unmappable::Malformed(_))));
}

#[test]
fn a_format_other_than_json_is_an_unsupported_media_type() {
    let source = source("generic", |config| {
        config.webhook_token = Some("t".into());
        config.options = options(json!({ "mapping": sample_mapping() }));
    });
    let headers = [("authorization", "Bearer t"), ("content-type", "application/cloudevents+avro")];
    let webhook = inbound(&headers, b"x", time("2026-11-20T10:01:00Z"));
    assert!(matches!(source.verify(webhook), Err(Rejection::UnsupportedMediaType(_))));
}

#[test]
fn only_the_wanted_event_types_are_taken() {
    let source = with_options(json!({ "event_types": ["incident.*"] }));
    let envelope = |kind: &str| json!({"type": kind, "timestamp": "2026-11-20T10:00:08Z", "data": sample()});
    let signed = [("svix-id", "msg_1")];
    assert!(parse(&*source, &signed, &envelope("incident.updated")).expect("mapped").ignored.is_none());
    let other = parse(&*source, &signed, &envelope("user.created")).expect("ignored");
    assert_eq!(other.ignored.as_deref(), Some("event type user.created"));
}

#[test]
fn a_sample_that_the_mapping_cannot_fill_stops_the_start() {
    let told = try_source("generic", |config| {
        config.options = options(json!({ "mapping": sample_mapping(), "mapping_sample": {"id": "x"} }));
    });
    let told = told.err().expect("refused").to_string();
    assert!(told.contains("mapping_sample") && told.contains("mapping.createdDate"), "{told}");
    let mut typo = sample_mapping();
    typo["sumary"] = json!("/title");
    let told = try_source("generic", |config| config.options = options(json!({ "mapping": typo })));
    assert!(told.err().expect("refused").to_string().contains("did you mean `summary`"));
}

#[test]
fn a_handshake_is_answered_only_to_listed_origins() {
    let source = with_options(json!({ "allowed_origins": ["events.example.com"] }));
    let ask = |origin: &str| source.handshake(&[("webhook-request-origin", origin)].into_iter().collect());
    assert_eq!(ask("evil.example.com"), None);
    assert_eq!(ask("events.example.com").expect("agreed")[1], ("WebHook-Allowed-Rate", "*".to_owned()));
}

#[test]
fn deep_nesting_is_malformed() {
    let source = with_options(json!({}));
    let body = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let webhook = verified(&[], body.as_bytes(), time("2026-11-20T10:01:00Z"));
    assert!(matches!(source.inspect(&webhook), Err(Unmappable::Malformed(_))));
}
