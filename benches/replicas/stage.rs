//! Several programs with one configuration on one new database, a simulated Jira, and triggers that note which program
//! takes a lease and stores an answer of Jira.
//!
//! Must not start a program by itself: which roles run, and when, is what is measured.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use incident_bridge::clock::Clock;
use incident_bridge::connect::jwt::InstallKeyPair;
use incident_bridge::simulator::{RunningSimulator, Simulator, SimulatorOptions};
use incident_bridge::store::Vault;
use sqlx::{Connection as _, PgConnection};

use crate::bridge::{Bridge, Ground, Shared};
use crate::database::Database;

pub const ALL_ROLES: &str = "web,sync";
const PATIENCE: Duration = Duration::from_mins(1);

const NOTES: &str = "
    CREATE TABLE takings (lease TEXT PRIMARY KEY, program TEXT NOT NULL);
    CREATE FUNCTION note_taking() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO takings VALUES (NEW.owner, current_setting('application_name')) ON CONFLICT DO NOTHING;
        RETURN NULL;
    END $$;
    CREATE TRIGGER note_taking AFTER INSERT OR UPDATE OF owner ON leases
    FOR EACH ROW EXECUTE FUNCTION note_taking();
    CREATE TABLE answers (program TEXT NOT NULL);
    CREATE FUNCTION note_answer() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO answers VALUES (current_setting('application_name'));
        RETURN NULL;
    END $$;
    CREATE TRIGGER note_answer AFTER UPDATE ON deliveries FOR EACH ROW
    WHEN (NEW.acknowledged > OLD.acknowledged) EXECUTE FUNCTION note_answer();";

/// What there is before any program runs.
pub struct Stage {
    pub url: String,
    pub jira: RunningSimulator,
    pub grounds: Vec<Ground>,
}

/// Does `work` on a new database, which is dropped however it ends.
pub async fn on_new_database<T>(cluster: &str, work: impl AsyncFnOnce(&str) -> T) -> T {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let name = format!("replicas_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let database = Database::create(cluster, &name).await.expect("a database");
    let done = AssertUnwindSafe(work(&database.url)).catch_unwind().await;
    database.drop().await.expect("it is dropped");
    done.unwrap_or_else(|panic| resume_unwind(panic))
}

impl Stage {
    /// For `programs` processes. Jira answers at once.
    pub fn new(url: &str, programs: usize, sources: &str) -> Self {
        let install_key = Some(InstallKeyPair::generate("bench").expect("a key"));
        let options = SimulatorOptions { install_key, ..SimulatorOptions::default() };
        let address = "127.0.0.1:0".parse().expect("an address");
        let jira = Simulator::start(Clock::system(), address, options).expect("a site");
        let (vault_key, mut grounds): (_, Vec<Ground>) = (Vault::generate_key(), Vec::new());
        for nth in 0..programs {
            let base_url = grounds.first().map(Ground::base_url);
            let store = format!("{url}?application_name={}", name(nth));
            let shared = Shared { store: &store, vault_key: &vault_key, base_url: base_url.as_deref() };
            grounds.push(Ground::sharing(&shared, &[jira.url()], &jira.install_keys_url(), sources));
        }
        Self { url: url.to_owned(), jira, grounds }
    }

    pub async fn start(&self, nth: usize, roles: &str) -> Bridge {
        self.grounds.get(nth).expect("one of them").start_as(roles).await.0
    }

    /// Installs the app on the site; the first program takes the call.
    pub async fn install(&self) {
        let base_url = self.grounds.first().expect("a program").base_url();
        self.jira.install(&base_url).await.expect("an installation");
    }

    /// From now on it is noted who does what. The tables exist once a program has started.
    pub async fn take_notes(&self) {
        let mut admin = self.connect().await;
        sqlx::raw_sql(NOTES).execute(&mut admin).await.expect("triggers");
    }

    pub async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.url).await.expect("PostgreSQL")
    }

    /// The share of Jira's answers, 0 to 1, that one program stored.
    pub async fn share_of_answers(&self, nth: usize) -> f64 {
        let sql = "SELECT COALESCE(AVG(CASE WHEN program = $1 THEN 1 ELSE 0 END), 0)::FLOAT8 FROM answers";
        let query = sqlx::query_scalar(sql).bind(name(nth));
        query.fetch_one(&mut self.connect().await).await.expect("a share")
    }

    /// The program that holds a lease whose name is like `pattern`, as soon as one does.
    pub async fn wait_for_holder(&self, pattern: &str) -> usize {
        let (mut admin, start) = (self.connect().await, Instant::now());
        loop {
            if let Some(program) = find_holder(&mut admin, pattern).await {
                return (0..self.grounds.len()).find(|nth| name(*nth) == program).expect("one of them");
            }
            assert!(start.elapsed() < PATIENCE, "nobody holds {pattern}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Whether this program holds such a lease, dead or alive.
    pub async fn is_holder(&self, nth: usize, pattern: &str) -> bool {
        find_holder(&mut self.connect().await, pattern).await == Some(name(nth))
    }
}

async fn find_holder(admin: &mut PgConnection, pattern: &str) -> Option<String> {
    let sql = "SELECT program FROM leases JOIN takings ON lease = owner
               WHERE name LIKE $1 AND until > EXTRACT(EPOCH FROM clock_timestamp()) * 1000";
    sqlx::query_scalar(sql).bind(pattern).fetch_optional(admin).await.expect("the leases")
}

fn name(nth: usize) -> String {
    format!("program{nth}")
}
