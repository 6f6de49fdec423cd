//! A handle on the simulated site: the state behind its lock, and what never changes.
//!
//! Must not know HTTP, nor how the site behaves.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::calls::build_client;
use super::gate::Gate;
use super::options::SimulatorOptions;
use super::schema::Schemas;
use super::state::State;
use crate::clock::Clock;
use crate::connect::jwt::InstallKeyPair;

/// A handle on one simulated site. Cheap to clone.
#[derive(Clone)]
pub struct Simulator(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub clock: Clock,
    pub state: Mutex<State>,
    pub gate: Gate,
    pub schemas: Schemas,
    pub install_key: InstallKeyPair,
    pub client: reqwest::Client,
    pub url: OnceLock<String>,
}

impl std::fmt::Debug for Simulator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Simulator").field("url", &self.url()).finish_non_exhaustive()
    }
}

impl Simulator {
    pub(super) fn new(clock: Clock, options: SimulatorOptions) -> io::Result<Self> {
        let install_key = match &options.install_key {
            Some(key) => key.clone(),
            None => InstallKeyPair::generate(&clock.new_id()).map_err(io::Error::other)?,
        };
        Ok(Self(Arc::new(Inner {
            state: Mutex::new(State::new(options, &clock)),
            gate: Gate::new(),
            schemas: Schemas::load().map_err(io::Error::other)?,
            client: build_client().map_err(io::Error::other)?,
            url: OnceLock::new(),
            install_key,
            clock,
        })))
    }

    /// The site's base URL without a trailing slash, as the app receives it.
    pub fn url(&self) -> &str {
        self.0.url.get().map_or("", String::as_str)
    }

    /// Base address for `connect.install_key_urls`.
    pub fn install_keys_url(&self) -> String {
        format!("{}/install-keys", self.url())
    }

    /// The key pair that signs lifecycle calls.
    pub fn install_key(&self) -> &InstallKeyPair {
        &self.0.install_key
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // The state is only ever replaced as a whole field, so a panic elsewhere leaves it usable.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state, with everything that is due applied.
    pub(super) fn settled(&self) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        state.site.settle(self.0.clock.now());
        state
    }
}
