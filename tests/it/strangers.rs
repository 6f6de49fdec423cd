//! What strangers may cost: nobody without a credential keeps a genuine sender or the operator waiting.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use incident_bridge::connect::jwt::{Claims, sign_rs256};
use incident_bridge::connect::qsh;
use reqwest::Method;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use secrecy::ExposeSecret as _;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wiremock::{MockServer, ResponseTemplate};

use crate::attack::{Attack, Strangers};
use crate::harness::place::{Place, read};
use crate::harness::{Bridge, Setup, install_key};

const SOURCES: &str = r#"
[[sources]]
id = "pd"
type = "pagerduty"
webhook_secrets = ["pagerduty-signs-with-this"]
[[sources]]
id = "am"
type = "alertmanager"
webhook_token = "alertmanager-token"
"#;

/// How long a stranger's request may last in these tests.
const SHORT: &str = "[server]\nrequest_timeout = \"3s\"";

/// Strangers of these tests need files, too.
fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let wanted = Rlimit { current: limit.maximum.map_or(Some(8192), |most| Some(most.min(8192))), ..limit };
    if limit.current < wanted.current {
        setrlimit(Resource::Nofile, wanted).expect("the limit of open files can be raised");
    }
}

fn address(base_url: &str) -> SocketAddr {
    base_url.trim_start_matches("http://").parse().expect("an address")
}

/// Sends bytes on a connection of its own and never ends them; returns everything that is answered.
async fn hear(base_url: &str, sent: &[u8], drip: Option<u8>) -> String {
    let mut stream = TcpStream::connect(address(base_url)).await.expect("a connection");
    stream.write_all(sent).await.expect("it takes bytes");
    let (mut reader, mut writer) = stream.split();
    let dripping = async {
        let mut beat = tokio::time::interval(Duration::from_millis(100));
        loop {
            beat.tick().await;
            if let Some(byte) = drip
                && writer.write_all(&[byte]).await.is_err()
            {
                return std::future::pending::<()>().await;
            }
        }
    };
    let mut answer = Vec::new();
    tokio::select! {
        read = reader.read_to_end(&mut answer) => drop(read),
        () = dripping => {}
    }
    String::from_utf8_lossy(&answer).into_owned()
}

fn head(method: &str, target: &str, fields: &str) -> String {
    format!(
        "{method} {target} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n{fields}\r\n"
    )
}

#[tokio::test]
async fn a_body_that_stalls_or_drips_is_answered_408_and_the_connection_ends() {
    let bridge = Setup::default().config(SHORT).start().await;
    let signature = format!("X-PagerDuty-Signature: v1={}\r\n", "00".repeat(32));
    for (target, fields) in [
        ("/webhooks/pd", signature.as_str()),
        ("/webhooks/am", "Authorization: Bearer alertmanager-token\r\n"),
    ] {
        let sent = head("POST", target, fields);
        let chunked = sent.replace("Content-Length: 1000000", "Transfer-Encoding: chunked");
        for (sent, drip) in [(&sent, None), (&sent, Some(b'a')), (&chunked, None)] {
            let answer = hear(&bridge.base_url, sent.as_bytes(), drip).await;
            assert!(answer.starts_with("HTTP/1.1 408"), "{target}: {answer}");
            assert!(answer.contains("application/problem+json") && answer.contains("problems#body-too-slow"));
            assert!(answer.to_ascii_lowercase().contains("connection: close"), "{answer}");
        }
    }
    bridge.finish().await;
}

#[tokio::test]
async fn a_head_that_never_ends_is_given_up() {
    let bridge = Bridge::start().await;
    let dripping = b"POST /webhooks/pd HTTP/1.1\r\nX-";
    let answer = hear(&bridge.base_url, dripping, Some(b'a')).await;
    assert!(answer.starts_with("HTTP/1.1 408") || answer.is_empty(), "{answer}");
    let large = [dripping.as_slice(), &vec![b'a'; 64 * 1024]].concat();
    let answer = hear(&bridge.base_url, &large, None).await;
    assert!(!answer.starts_with("HTTP/1.1 2"), "{answer}");
    bridge.finish().await;
}

#[tokio::test]
async fn who_has_no_credential_is_refused_before_any_body_is_sent() {
    let bridge = Bridge::start().await;
    bridge.install().await;
    let wrong = "Authorization: Bearer a-wrong-token\r\n";
    let basic = "Authorization: Basic d3Jvbmc6d3Jvbmc=\r\n";
    let jwt = "Authorization: JWT eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJub2JvZHkifQ.c2lnbmF0dXJl\r\n";
    for (method, target, fields) in [
        ("POST", "/webhooks/am", wrong),
        ("PUT", "/webhooks/am", basic),
        ("POST", "/webhooks/am/a-wrong-token", ""),
        ("POST", "/webhooks/gen", ""),
        ("POST", "/webhooks/pd", ""),
        ("POST", "/webhooks/pd", wrong),
        ("POST", "/webhooks/pd", "X-PagerDuty-Signature: nonsense\r\n"),
        ("POST", "/connect/installed", jwt),
        ("POST", "/connect/uninstalled", ""),
        ("POST", "/connect/enabled", jwt),
        ("POST", "/connect/disabled", jwt),
        ("POST", "/jira/workspaces/fetch", jwt),
        ("PUT", "/jira/entities/associated", jwt),
        ("POST", "/jira/entities/disassociated", jwt),
        ("POST", "/jira/reviews/create", jwt),
    ] {
        let answer = hear(&bridge.base_url, head(method, target, fields).as_bytes(), None).await;
        assert!(answer.starts_with("HTTP/1.1 401"), "{method} {target} {fields}: {answer}");
        assert!(answer.to_ascii_lowercase().contains("connection: close"), "{answer}");
    }
    bridge.finish().await;
}

/// A token for `installed` whose signature nobody can confirm.
fn unconfirmed(bridge: &Bridge, kid: &str, audience: &str) -> String {
    let now = bridge.clock.now().timestamp();
    let claims = Claims {
        iss: "somebody".to_owned(),
        iat: now,
        exp: now + 180,
        qsh: Some(qsh::hash("POST", "/connect/installed", "")),
        aud: vec![audience.to_owned()],
        sub: None,
    };
    sign_rs256(&claims, kid, install_key().private_pem.expose_secret()).expect("a token")
}

async fn install_as(bridge: &Bridge, from: &str, token: &str) -> u16 {
    let request = bridge.request(Method::POST, "/connect/installed").header("X-Forwarded-For", from);
    let request = request.header("Authorization", format!("JWT {token}")).json(&json!({}));
    crate::harness::send(request).await.status
}

#[tokio::test]
async fn strangers_cannot_use_up_the_look_ups_of_install_keys() {
    let keys = MockServer::start().await;
    let mock = wiremock::Mock::given(wiremock::matchers::any());
    mock.respond_with(ResponseTemplate::new(404)).mount(&keys).await;
    let file = format!(
        "[server]\ntrusted_proxies = [\"127.0.0.0/8\"]\n[connect]\ninstall_key_urls = [\"{}\"]",
        keys.uri()
    );
    let bridge = Setup::default().config(&file).start().await;
    let asked = async || keys.received_requests().await.expect("it records").len();
    // What would be refused whatever the key costs no look-up.
    for n in 0..40 {
        let elsewhere = unconfirmed(&bridge, &format!("made-up-{n}"), "https://elsewhere.example");
        assert_eq!(install_as(&bridge, "192.0.2.1", &elsewhere).await, 401);
        let bent = unconfirmed(&bridge, "../made-up", &bridge.base_url);
        assert_eq!(install_as(&bridge, "192.0.2.1", &bent).await, 401);
    }
    assert_eq!(asked().await, 0);
    // Others cost a few for each address, which the next address does not feel.
    let mut answers = Vec::new();
    for n in 0..40 {
        let token = unconfirmed(&bridge, &format!("made-up-{n}"), &bridge.base_url);
        answers.push(install_as(&bridge, "192.0.2.2", &token).await);
    }
    assert_eq!((answers.iter().filter(|status| **status == 401).count(), asked().await), (10, 10));
    assert_eq!(answers.iter().filter(|status| **status == 429).count(), 30);
    let other = unconfirmed(&bridge, "made-up-once-more", &bridge.base_url);
    assert_eq!(install_as(&bridge, "192.0.2.3", &other).await, 401);
    bridge.advance(60);
    let later = unconfirmed(&bridge, "made-up-later", &bridge.base_url);
    assert_eq!(install_as(&bridge, "192.0.2.2", &later).await, 401);
    bridge.finish().await;
}

#[tokio::test]
async fn who_was_refused_too_often_is_still_served_with_a_valid_credential() {
    let bridge = Bridge::installed().await;
    let site = bridge.jira().find_installation().expect("it is installed");
    for _ in 0..65 {
        let answer = bridge.post_webhook("am", "{}", &[("Authorization", "Bearer wrong")]).await;
        assert_eq!(answer.status, 401);
        let answer = crate::harness::send(bridge.request(Method::HEAD, "/jira/containers/search")).await;
        assert_eq!(answer.status, 401, "HEAD counts like any other");
    }
    let unknown = unconfirmed(&bridge, "made-up", &bridge.base_url);
    let answer = bridge.call_with_token(&unknown, Method::POST, "/connect/installed", Some(&json!({}))).await;
    assert_eq!((answer.status, answer.problem()), (429, "too-many-refused"));
    assert_eq!(answer.headers["retry-after"], "60");
    assert_eq!(bridge.call(&site, Method::GET, "/jira/containers/search", None).await.status, 200);
    bridge.jira().reinstall().await.expect("a known key needs no look-up");
    bridge.tell_generic("7", "Disk full").await;
    bridge.finish().await;
}

/// Genuine webhooks and the operator beside an attack on the real program.
async fn stand(place: &Place, attack: Attack, strangers: usize) {
    let strangers = Strangers::start(attack, address(&place.base_url), strangers).await;
    for n in 0..10 {
        let start = Instant::now();
        let answer = tokio::time::timeout(Duration::from_secs(10), place.post(&format!("Q{n}"))).await;
        assert_eq!(answer.ok(), Some(202), "{attack:?}, after {:?}", start.elapsed());
        let health = tokio::time::timeout(Duration::from_secs(10), place.ask_operator("/healthz")).await;
        assert_eq!(health.ok().map(|(status, _)| status), Some(200), "{attack:?}");
    }
    drop(strangers);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_who_hold_every_connection_keep_nobody_out() {
    raise_open_files();
    let place = Place::with(&[], SOURCES);
    let mut program = place.serve_under("ulimit -n 1024").await;
    for attack in Attack::ALL {
        let strangers = if attack.is_flood() { 4 } else { attack.strangers().min(1100) };
        stand(&place, attack, strangers).await;
        assert!(program.is_running(), "{attack:?}");
    }
    assert_eq!(place.readiness().await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_refusals_is_counted_whole_and_logged_in_part() {
    let place = Place::with(&[], SOURCES);
    let _program = place.serve().await;
    let client = reqwest::Client::new();
    for _ in 0..200 {
        let request = client.post(format!("{}/webhooks/am", place.base_url)).bearer_auth("wrong");
        assert_eq!(request.send().await.expect("it answers").status(), 401);
        let request = client.get(format!("{}/jira/containers/search", place.base_url));
        assert_eq!(request.send().await.expect("it answers").status(), 401);
    }
    let (_, metrics) = place.ask_operator("/metrics").await;
    for problem in ["webhook-refused", "token-refused"] {
        let counted = format!("incident_bridge_problems_total{{problem=\"{problem}\"}} 200");
        assert!(metrics.contains(&counted), "{metrics}");
        // The flood may have lasted longer than the period in which ten lines are written.
        let lines = read(&place.log()).lines().filter(|line| line.contains(problem)).count();
        assert!((1..100).contains(&lines), "{lines} lines of {problem}");
    }
}
