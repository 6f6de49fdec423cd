//! The names in the demo: services, incident titles, alerting rules. Only data.

use crate::simulator::tools::{Notice, Rule, Service};

pub(super) const SERVICES: [Service; 8] = [
    service("PCHKOUT1", "Checkout API", "PTEAMPAY", "Payments"),
    service("PLEDGER2", "Ledger", "PTEAMPAY", "Payments"),
    service("PSEARCH3", "Search", "PTEAMCAT", "Catalogue"),
    service("PIMAGES4", "Image resizing", "PTEAMCAT", "Catalogue"),
    service("PLOGIN05", "Single sign-on", "PTEAMIDN", "Identity"),
    service("PMOBILE6", "Mobile gateway", "PTEAMEDG", "Edge"),
    service("PMAILER7", "Mail delivery", "PTEAMMSG", "Messaging"),
    service("PSTOCK08", "Warehouse stock", "PTEAMLOG", "Logistics"),
];

pub(super) const CHECKOUT: Service = SERVICES[0];
pub(super) const LEDGER: Service = SERVICES[1];
pub(super) const GATEWAY: Service = SERVICES[5];

/// What people first call an incident, and what they call it once they know more; service by position.
pub(super) const TITLES: [(usize, &str, &str); 16] = [
    (0, "Checkout 5xx rate above 4%", "Checkout fails for customers with saved cards"),
    (1, "Ledger postings are late", "Ledger postings are late: replica 2 is 40 minutes behind"),
    (2, "Search answers in more than 3 s", "Search is slow: one shard rebuilds its index"),
    (3, "Image resizing queue above 50,000", "Product images missing since the 14:00 import"),
    (4, "Sign-in fails for some companies", "Sign-in fails: SAML certificate of one company expired"),
    (5, "Mobile gateway drops connections", "Android 15 clients cannot hold a connection"),
    (6, "Order mails are not sent", "Mails bounce: our sender address is on a blocklist"),
    (7, "Stock counts differ from the warehouse", "Stock feed of warehouse Leipzig stopped at 03:10"),
    (0, "Payment provider times out", "Payments by direct debit unavailable"),
    (1, "Daily settlement did not balance", "Settlement off by one batch of refunds"),
    (2, "No results for <accented> & \"quoted\" words", "Search ignores accents since release 2026.11"),
    (3, "Thumbnails are rotated", "Thumbnails of phone uploads are rotated"),
    (4, "Second factor codes arrive late", "Codes by text message arrive after they expired"),
    (5, "Latency above 800 ms in São Paulo", "Traffic of São Paulo is routed through Virginia"),
    (6, "Newsletter sent twice", "Newsletter job ran on both schedulers"),
    (7, "Label printers offline 📦", "Label printers of hall 3 offline after the switch change"),
];

pub(super) const RULES: [Rule; 6] = [
    rule("HighErrorRate", "checkout-api", "Checkout 5xx ratio above 4%", "job:http_errors:ratio5m"),
    rule("DiskWillFillSoon", "ledger-db", "Ledger database disk full within 4 hours", "node:disk_hours_left"),
    rule("ConsumerLag", "stock-feed", "Stock feed is 10,000 messages behind", "kafka:consumer_lag"),
    rule(
        "CertificateExpires",
        "single-sign-on",
        "A certificate expires within 3 days",
        "probe:cert_days_left",
    ),
    rule("PodCrashLooping", "image-resizing", "Pods restart again and again", "kube:pod_restarts:rate10m"),
    rule("LatencyP99", "search", "99th percentile of search above 3 s", "job:http_latency:p99"),
];

/// What customers are told; issue keys in the titles become links to issues.
pub(super) const NOTICES: [Notice; 5] = [
    notice(
        "PAY-381 Card payments are delayed",
        "major",
        ("zcardpay0001", "Card payments"),
        "A queue in front of the payment provider was full for 40 minutes. It now alerts at 60 %.",
    ),
    notice(
        "Sign-in with company accounts fails (IDN-77)",
        "critical",
        ("zcompany0002", "Company sign-in"),
        "A certificate of an identity provider had expired. Expiry dates are now watched.",
    ),
    notice(
        "Photos load slowly in the app",
        "minor",
        ("zphotos00003", "Mobile app"),
        "One region served photos without its cache after a restart.",
    ),
    notice(
        "Order e-mails arrive late, see MSG-12",
        "minor",
        ("zmails000004", "E-mail"),
        "A newsletter shared the queue of order e-mails. They have separate queues now.",
    ),
    notice(
        "Delivery dates are missing (LOG-204 LOG-209)",
        "major",
        ("zdeliver0005", "Delivery estimates"),
        "The warehouse's feed stopped over night, and nothing noticed until the morning.",
    ),
];

const fn notice(
    title: &'static str,
    impact: &'static str,
    component: (&'static str, &'static str),
    postmortem: &'static str,
) -> Notice {
    Notice { title, impact, component, postmortem }
}

const fn service(id: &'static str, name: &'static str, team_id: &'static str, team: &'static str) -> Service {
    Service { id, name, team_id, team }
}

const fn rule(
    name: &'static str,
    service: &'static str,
    summary: &'static str,
    expression: &'static str,
) -> Rule {
    Rule { name, service, summary, expression }
}
