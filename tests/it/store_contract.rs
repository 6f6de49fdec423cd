//! What the store guarantees, tested on both databases by the same functions.

mod deliveries;
mod first_sync;
mod inbox;
mod ledger;
mod sites;
mod sources;
mod turns;

use std::time::Duration;

use chrono::TimeDelta;
use incident_bridge::clock::Clock;
use incident_bridge::domain::{
    BatchSizes, ClientKey, Component, DeliveryState, DestinationId, Entity, EntityId, EntityOutcome,
    Incident, IncidentStatus, Observation, Severity, SourceId, ToolWords, Verdict,
};
use incident_bridge::store::{
    Applied, BatchRules, CallStanding, Claim, DestinationRef, InboxEntry, LedgerRow, LifecycleCall,
    NewInstallation, Origin, Pace, Report, SourceScope, Store, StoreError, Turn, Vault,
};
use sqlx::Connection as _;

use crate::harness::{fresh_postgres, start_time};

const SITE: &str = "acme.atlassian.net";

/// A fresh store and its clock.
struct World {
    store: Store,
    clock: Clock,
    url: String,
    vault_key: secrecy::SecretString,
    _folder: tempfile::TempDir,
}

impl World {
    async fn list_with_work(&self) -> Vec<DestinationId> {
        let found = self.store.deliveries().list_destinations_with_work().await.expect("it lists");
        found.into_iter().map(|it| it.id).collect()
    }

    async fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self::open(format!("sqlite://{}", folder.path().join("store.db").display()), folder).await
    }

    async fn postgres() -> Self {
        Self::open(fresh_postgres().await, tempfile::tempdir().expect("a temporary folder")).await
    }

    async fn open(url: String, folder: tempfile::TempDir) -> Self {
        let clock = Clock::manual(start_time());
        let vault_key = Vault::generate_key();
        let vault = Vault::new(&vault_key, &[]).expect("a key");
        let store = Store::open(&url.clone().into(), vault, clock.clone()).await.expect("it opens");
        store.migrate().await.expect("it migrates");
        Self { store, clock, url, vault_key, _folder: folder }
    }

    async fn apply(&self, observations: &[Observation]) -> Applied {
        self.apply_of(source(), observations).await
    }

    async fn apply_of(&self, source: SourceId, observations: &[Observation]) -> Applied {
        let sites = [SITE.to_owned()];
        let scope = SourceScope { source: &source, teams: false, sites: &sites };
        let report = Report { observations, ..Report::new(Origin::Fetch) };
        self.store.apply(&scope, &[report]).await.expect("it applies")
    }

    /// A lifecycle call of the site: a new one each time.
    fn call(&self, key: &str) -> LifecycleCall {
        LifecycleCall {
            client_key: ClientKey(key.to_owned()),
            token_hash: self.clock.new_id(),
            body_hash: "body".to_owned(),
            issued_at: self.clock.now(),
        }
    }

    async fn install(&self, key: &str, secret: &str) -> DestinationId {
        let new = NewInstallation {
            client_key: ClientKey(key.to_owned()),
            shared_secret: secret.into(),
            base_url: format!("https://{SITE}"),
            site: SITE.to_owned(),
            display_url: Some("https://jira.acme.example".to_owned()),
        };
        let standing = self.store.install(&self.call(key), &new, &[source()]).await.expect("it is stored");
        assert_eq!(standing, CallStanding::First);
        DestinationId::from(&new.client_key)
    }

    /// Delivers what is due and takes it as accepted; returns the ids in the order of sending.
    async fn deliver(&self, site: &DestinationId, read_back: bool) -> Vec<String> {
        let mut sent = Vec::new();
        while let Some(batch) = self
            .store
            .deliveries()
            .find_next_batch(site, &rules(1000, Pace::Everything))
            .await
            .expect("it finds")
        {
            let outcomes: Vec<_> =
                batch.entities.iter().map(|it| outcome(&it.id, it.version, Verdict::Accepted)).collect();
            sent.extend(outcomes.iter().map(|it| it.id.to_string()));
            let at = read_back.then(|| self.clock.now());
            let site = since_start(site);
            let kept = self.store.deliveries().record_outcomes(&site, batch.kind, &outcomes, at).await;
            assert!(kept.expect("it records"));
        }
        sent
    }

    async fn state_of(&self, id: &str) -> DeliveryState {
        let rows =
            self.store.deliveries().list_of(&EntityId::from_text(id.to_owned())).await.expect("it lists");
        assert_eq!(rows.len(), 1, "{id}: {rows:?}");
        rows[0].state
    }
}

/// What may go into a batch, with the waits of the program.
fn rules(size: usize, pace: Pace) -> BatchRules<'static> {
    let (longest_fill, stalled_after) = (TimeDelta::seconds(30), TimeDelta::seconds(10));
    BatchRules {
        sizes: BatchSizes::all(size),
        pace,
        longest_fill,
        stalled_after,
        turn: Turn::Others,
        beside: &[],
    }
}

/// The site as it was installed at the start.
fn since_start(site: &DestinationId) -> DestinationRef {
    DestinationRef { id: site.clone(), since: start_time() }
}

fn outcome(id: &EntityId, version: i64, verdict: Verdict) -> EntityOutcome {
    EntityOutcome { id: id.clone(), version, verdict }
}

fn source() -> SourceId {
    SourceId::parse("pd").expect("valid")
}

fn incident(id: &str, summary: &str, seconds: i64) -> Observation {
    let at = start_time() + TimeDelta::seconds(seconds);
    let incident = Incident {
        provider_id: id.to_owned(),
        summary: summary.to_owned(),
        description: String::new(),
        url: "https://tool.example.com/".to_owned(),
        status: IncidentStatus::Open,
        severity: Severity::P2,
        created_at: start_time(),
        updated_at: at,
        components: vec!["S1".to_owned()],
        workspaces: Vec::new(),
        associations: Vec::new(),
        words: ToolWords::default(),
    };
    Observation::present(Entity::Incident(incident), at)
}

fn component(id: &str, seconds: i64) -> Observation {
    let at = start_time() + TimeDelta::seconds(seconds);
    Observation::present(Entity::Component(service(id, seconds)), at)
}

pub(crate) fn service(id: &str, seconds: i64) -> Component {
    Component {
        provider_id: id.to_owned(),
        name: format!("Service {id}"),
        description: String::new(),
        url: "https://tool.example.com/".to_owned(),
        avatar_url: None,
        tier: None,
        component_type: None,
        updated_at: start_time() + TimeDelta::seconds(seconds),
        workspaces: Vec::new(),
    }
}

fn entry(key: &str, quarantine: Option<&str>) -> InboxEntry {
    InboxEntry {
        source: source(),
        delivery_key: key.to_owned(),
        delivery_id: Some(key.to_owned()),
        received_at: start_time(),
        verified_by: "webhook_secrets[0]".to_owned(),
        headers: "[]".to_owned(),
        body: b"{\"a\":\"\xc3\xa4\"}".to_vec().into(),
        quarantine: quarantine.map(str::to_owned),
    }
}

/// Each guarantee once per database.
macro_rules! contract {
    ($($group:ident { $($promise:ident)* })*) => {
        mod sqlite {
            $($(#[tokio::test]
            async fn $promise() {
                super::$group::$promise(super::World::sqlite().await).await;
            })*)*
        }
        mod postgres {
            $($(#[tokio::test]
            async fn $promise() {
                super::$group::$promise(super::World::postgres().await).await;
            })*)*
        }
    };
}

contract! {
    inbox {
        a_webhook_is_kept_once_however_often_it_comes
        a_body_is_read_as_it_arrived_however_it_is_kept
        a_webhook_is_done_in_the_transaction_of_its_effect
        a_webhook_that_is_done_is_not_applied_again
        a_panic_over_webhooks_writes_nothing_and_blames_them
        a_quarantined_webhook_keeps_its_reason_until_it_is_replayed
        old_webhooks_and_history_are_removed_in_steps
        a_receipt_says_how_often_a_webhook_came_until_it_is_removed
        the_quarantine_is_searched_to_its_end_and_nothing_else_is
        the_quarantine_is_bounded_in_rows_bytes_and_age
    }
    sources {
        only_changes_make_a_new_version
        order_within_a_millisecond_is_kept
        a_time_ahead_of_ours_holds_nothing_up
        what_was_refused_is_put_off_until_it_is_named_again
        failures_beside_pages_are_counted_apart
        a_mention_gives_way_to_first_hand_knowledge
        a_cursor_moves_with_its_page_and_survives
        memory_is_written_with_the_findings
        facts_that_have_changed_since_a_page_was_read_refuse_it
        what_was_named_is_fetched_until_it_is_stored
        a_refusal_is_waited_out_unless_a_person_may_have_fixed_it
        unknown_words_are_few_and_are_forgotten_when_they_do_not_come_back
        a_webhook_ends_the_quiet_even_during_a_poll
    }
    first_sync {
        what_it_finds_waits_until_it_fills_a_request
        what_it_finds_waits_for_no_page_that_does_not_come
    }
    deliveries {
        a_delivery_goes_from_waiting_to_confirmed
        a_change_on_the_way_keeps_its_delivery_waiting
        an_answer_to_an_earlier_installation_counts_for_nothing
        a_refusal_is_kept_until_retry_discard_or_change
        components_are_due_first_and_kinds_never_mix
        a_deletion_is_delivered_as_one
        one_confirmed_sample_confirms_its_batch
        a_backoff_holds_a_site_back_and_an_answer_ends_it
        a_lost_sample_has_its_whole_batch_read_back
        live_news_goes_first_and_refreshes_can_be_held_back
        a_clock_that_is_set_back_holds_nothing_up
        news_after_a_clock_was_set_back_is_not_stale
        an_answer_does_not_end_a_wait_that_began_while_it_was_on_its_way
        a_parked_site_is_tried_again_when_a_person_says_so
    }
    turns {
        incidents_wait_for_the_components_of_their_own_source_only
        nothing_is_found_of_sources_about_which_something_is_on_its_way
        with_very_many_components_all_incidents_wait_for_them
    }
    ledger {
        a_record_is_written_in_place_of_the_one_before_and_found
        an_installation_has_one_id_for_ever
        what_a_destination_puts_off_waits_for_its_time_or_for_news
    }
    sites {
        migrations_can_be_applied_again
        secrets_are_sealed_and_the_one_before_stays_good_for_a_while
        secrets_of_an_older_key_are_sealed_anew
        an_uninstall_leaves_a_line_without_secrets
        a_new_key_for_a_site_erases_the_old_one_once_it_is_confirmed
        a_lifecycle_call_has_its_effect_once
        a_previous_secret_is_erased_when_it_is_over
        links_and_associations_are_kept_per_site
        associations_are_bounded_and_need_an_entity
        the_directory_number_moves_with_every_change
        a_declared_destination_is_served_for_as_long_as_it_is_declared
        a_change_is_for_whoever_may_see_it_when_it_is_applied
        a_hold_concerns_destinations_of_one_type_only
    }
}

#[tokio::test]
async fn on_postgres_a_lease_belongs_to_one_process_until_it_ends() {
    let world = World::postgres().await;
    let claim =
        async || world.store.leases().claim("site/x", Duration::from_mins(1)).await.expect("it claims");
    let end = async |until: &str| {
        let mut admin = sqlx::PgConnection::connect(&world.url).await.expect("it can be reached");
        let sql = format!("UPDATE leases SET until = {until}");
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut admin).await.expect("it executes");
    };
    let first = claim().await.expect("it is free");
    assert!(claim().await.is_none());
    end("1").await;
    let second = claim().await.expect("it has ended");
    world.store.leases().release(first).await.expect("releasing a lost lease does nothing");
    assert!(claim().await.is_none(), "an old holder cannot give another's lease away");
    world.store.leases().release(second).await.expect("it releases");
    assert!(claim().await.is_some());
    end("until + 3600000").await;
    assert!(claim().await.is_some(), "the database's clock was an hour ahead when it was taken");
    assert!(claim().await.is_none());
}

#[tokio::test]
async fn on_postgres_a_refused_transaction_holds_no_lock_once_its_failure_is_told() {
    let world = World::postgres().await;
    let id = source();
    let refused = world.store.claim_webhooks(&id, |claim| async move {
        drop(claim);
        Err::<(Claim<'_>, ()), _>(StoreError::Panicked)
    });
    refused.await.expect_err("its work is refused");
    // Meanwhile nothing of this thread goes on.
    let locks = std::thread::scope(|scope| scope.spawn(|| count_locks(&world.url)).join());
    assert_eq!(locks.expect("it counts"), 0, "whoever tries again would find its own lock");
}

/// Looks from another process's point of view.
#[tokio::main(flavor = "current_thread")]
async fn count_locks(url: &str) -> i64 {
    let mut session = sqlx::PgConnection::connect(url).await.expect("it can be reached");
    let sql = "SELECT COUNT(*) FROM pg_locks JOIN pg_database d ON d.oid = database \
               WHERE locktype = 'advisory' AND d.datname = current_database()";
    sqlx::query_scalar(sql).fetch_one(&mut session).await.expect("it selects")
}

#[tokio::test]
async fn on_postgres_one_lease_goes_to_one_of_many() {
    let world = World::postgres().await;
    let claims = (0..20).map(|_| world.store.leases().claim("x", Duration::from_mins(1)));
    let got =
        futures::future::join_all(claims).await.into_iter().filter(|it| matches!(it, Ok(Some(_)))).count();
    assert_eq!(got, 1);
}
