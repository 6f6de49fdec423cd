//! What the operating system says about this process: read from `/proc` when somebody asks.
//!
//! On systems without `/proc` there are no such metrics. Must not fail a scrape.

use std::fmt;
use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use rustix::process::{Resource, getrlimit};

/// Clock ticks in a second, in `/proc`: the same on every architecture that this program is built for.
const TICKS: f64 = 100.0;

#[derive(Debug)]
pub(super) struct Process;

/// The names of these metrics, and what each is.
pub(super) const NAMES: [(&str, &str); 4] = [
    ("process_cpu_seconds", "CPU time spent, in seconds"),
    ("process_resident_memory_bytes", "Memory in use, in bytes"),
    ("process_open_fds", "Open file descriptors"),
    ("process_max_fds", "Most file descriptors that may be open"),
];

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let [cpu, memory, open, most] = NAMES;
        if let Some(seconds) = read_cpu_seconds() {
            let counter = ConstCounter::new(seconds);
            counter.encode(encoder.encode_descriptor(cpu.0, cpu.1, None, counter.metric_type())?)?;
        }
        let limit = getrlimit(Resource::Nofile).current;
        for ((name, help), value) in [(memory, read_memory()), (open, count_open_files()), (most, limit)] {
            if let Some(value) = value {
                let gauge = ConstGauge::new(value);
                gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
            }
        }
        Ok(())
    }
}

fn read_cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The program's name may hold spaces and parentheses; nothing after it does.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / TICKS)
}

fn read_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes.saturating_mul(1024))
}

fn count_open_files() -> Option<u64> {
    u64::try_from(fs::read_dir("/proc/self/fd").ok()?.count()).ok()
}
