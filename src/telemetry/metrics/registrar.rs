//! Makes metrics and registers them, so that each name is written once.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry};
use std::fmt::Debug;
use std::hash::Hash;

use super::gauges::Gauges;
use super::labels::BuildLabel;
use super::process;

const PREFIX: &str = "incident_bridge";

/// A histogram with labels.
pub type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// What a label set must be able to do.
pub(super) trait Labels: EncodeLabelSet + Debug + Clone + Hash + Eq + Send + Sync + 'static {}

impl<L: EncodeLabelSet + Debug + Clone + Hash + Eq + Send + Sync + 'static> Labels for L {}

#[derive(Debug)]
pub(super) struct Registrar {
    registry: Registry,
    names: Vec<String>,
}

impl Registrar {
    /// With what is known of every process.
    pub fn new() -> Self {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(process::Process));
        let names = process::NAMES.iter().map(|(name, _)| *name);
        let names =
            names.map(|name| if name == "process_cpu_seconds" { "process_cpu_seconds_total" } else { name });
        let mut registrar = Self { names: names.map(str::to_owned).collect(), registry };
        let build = Info::new(BuildLabel { version: env!("CARGO_PKG_VERSION") });
        registrar.add("build", "_info", "Version of the program", build);
        registrar
    }

    fn add(&mut self, name: &str, suffix: &str, help: &str, metric: impl Metric) {
        let name = format!("{PREFIX}_{name}");
        self.names.push(format!("{name}{suffix}"));
        self.registry.register(name, help, metric);
    }

    /// A metric of the process itself, which has no prefix by convention.
    pub fn process_gauge(&mut self, name: &'static str, help: &str) -> Gauge {
        let gauge = Gauge::default();
        self.names.push(name.to_owned());
        self.registry.register(name, help, gauge.clone());
        gauge
    }

    /// The name gets the suffix `_total`.
    pub fn counters<L: Labels>(&mut self, name: &str, help: &str) -> Family<L, Counter> {
        let family = Family::default();
        self.add(name, "_total", help, family.clone());
        family
    }

    /// The name gets the suffix `_total`.
    pub fn counter(&mut self, name: &str, help: &str) -> Counter {
        let counter = Counter::default();
        self.add(name, "_total", help, counter.clone());
        counter
    }

    pub fn histogram(&mut self, name: &str, help: &str, new: fn() -> Histogram) -> Histogram {
        let histogram = new.new_metric();
        self.add(name, "", help, histogram.clone());
        histogram
    }

    pub fn histograms<L: Labels>(&mut self, name: &str, help: &str, new: fn() -> Histogram) -> Histograms<L> {
        let family = Family::new_with_constructor(new);
        self.add(name, "", help, family.clone());
        family
    }

    /// Gauges that are replaced all at once.
    pub fn gauges<L: Labels>(&mut self, name: &str, help: &str) -> Gauges<L> {
        let gauges = Gauges::default();
        self.add(name, "", help, gauges.clone());
        gauges
    }

    /// Gauges that are set one by one and stay.
    pub fn lasting<L: Labels>(&mut self, name: &str, help: &str) -> Family<L, Gauge> {
        let family = Family::default();
        self.add(name, "", help, family.clone());
        family
    }

    pub fn gauge<G: Metric + Clone + Default>(&mut self, name: &str, help: &str) -> G {
        let gauge = G::default();
        self.add(name, "", help, gauge.clone());
        gauge
    }

    /// Everything that was registered, and the names as Prometheus stores them.
    pub fn finish(self) -> (Registry, Vec<String>) {
        (self.registry, self.names)
    }
}
