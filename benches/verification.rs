//! How many incoming tokens one core can verify per second: what every call from Jira costs, and what a
//! stranger can make this program spend.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot set itself up should stop")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use incident_bridge::clock::{Timestamp, from_millis};
use incident_bridge::connect::jwt::{
    Claims, InstallKeyPair, SignedRequest, parse_authorization, sign_hs256, sign_rs256, verify_hs256,
    verify_rs256,
};
use incident_bridge::connect::qsh;
use secrecy::ExposeSecret;

const SECRET: &[u8] = b"a shared secret that is as long as Atlassian's usually are, about seventy";
const BASE: &str = "https://bridge.example.com";
const SEARCH: &str = "/jira/containers/search?searchQuery=check%20out&workspaceId=acct-19f2&limit=50";
const REQUEST: SignedRequest<'_> = SignedRequest { method: "GET", target: SEARCH, base_path: "" };
const LEEWAY: Duration = Duration::from_secs(5);
const NOW: i64 = 1_775_203_920;

fn now() -> Timestamp {
    from_millis(NOW * 1000)
}

fn claims() -> Claims {
    let qsh = Some(qsh::hash(REQUEST.method, REQUEST.target, REQUEST.base_path));
    Claims { iss: "client-key-1".into(), iat: NOW, exp: NOW + 180, qsh, aud: vec![BASE.into()], sub: None }
}

fn verification(c: &mut Criterion) {
    let mut group = c.benchmark_group("verification");
    group.throughput(Throughput::Elements(1));

    let header = format!("JWT {}", sign_hs256(&claims(), SECRET).unwrap());
    group.bench_function("HS256 header to proof", |b| {
        b.iter(|| {
            let token = parse_authorization(black_box(&header)).unwrap();
            verify_hs256(&token, &[SECRET], &REQUEST, now(), LEEWAY).unwrap()
        });
    });

    let forged = format!("JWT {}", sign_hs256(&claims(), b"a guess").unwrap());
    group.bench_function("HS256 forged, two secrets tried", |b| {
        b.iter(|| {
            let token = parse_authorization(black_box(&forged)).unwrap();
            verify_hs256(&token, &[SECRET, b"the previous one"], &REQUEST, now(), LEEWAY).unwrap_err()
        });
    });

    let keys = InstallKeyPair::generate("key-1").unwrap();
    let signed = sign_rs256(&claims(), &keys.kid, keys.private_pem.expose_secret()).unwrap();
    let header = format!("JWT {signed}");
    group.bench_function("RS256 header to proof", |b| {
        b.iter(|| {
            let token = parse_authorization(black_box(&header)).unwrap();
            verify_rs256(&token, &keys.public_pem, BASE, &REQUEST, now(), LEEWAY).unwrap()
        });
    });

    let claimed = qsh::hash("GET", SEARCH, "");
    group.bench_function("qsh alone", |b| {
        b.iter(|| assert!(qsh::matches(&claimed, "GET", black_box(SEARCH), "")));
    });
    group.finish();
}

criterion_group!(benches, verification);
criterion_main!(benches);
