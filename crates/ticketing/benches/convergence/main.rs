//! How fast changes reach every copy: `cargo bench -p ticketing --bench convergence` prints the numbers.
//!
//! | part | what it measures |
//! | --- | --- |
//! | `bursts` | concurrent changes of one ticket, until the orders service's copy has the last one |
//! | `blocked` | events of other records, while some can't be handled |
//! | `listener` | events per second through a listener, with one worker and with eight, and whether any record is out of order |
//! | `relay` | from a commit to the broker, and a backlog of 100,000 events |
//! | `waiting` | 25,000 events that wait for what never comes, beside others |
//!
//! Without a name all parts run, which takes some minutes. Names choose: `… --bench convergence -- bursts relay`.
#![expect(clippy::unwrap_used, reason = "a bench that cannot go on should say where")]
#![expect(clippy::print_stdout, reason = "a bench is run for its numbers")]

mod blocked;
mod bursts;
mod listener;
mod relay;
mod shop;
mod waiting;

use std::time::Duration;

use service::Error;
use testkit::programs;

const PARTS: [&str; 5] = ["bursts", "blocked", "listener", "relay", "waiting"];

/// What builds the programs that are measured.
const BUILD: &str = "cargo build --release -p tickets -p orders";

#[tokio::main]
async fn main() -> Result<(), Error> {
    let names: Vec<_> = std::env::args().skip(1).filter(|name| !name.starts_with('-')).collect();
    for name in &names {
        anyhow::ensure!(PARTS.contains(&name.as_str()), "there is no part {name}; there are {}", PARTS.join(", "));
    }
    let is_chosen = |part: &str| names.is_empty() || names.iter().any(|name| name == part);
    if ["bursts", "blocked", "waiting"].into_iter().any(is_chosen) {
        for name in ["tickets", "orders"] {
            anyhow::ensure!(programs().join(name).exists(), "the program {name} is missing: {BUILD}");
        }
    }
    if is_chosen("bursts") {
        bursts::run().await;
    }
    if is_chosen("blocked") {
        blocked::run().await;
    }
    if is_chosen("listener") {
        listener::run().await;
    }
    if is_chosen("relay") {
        relay::run().await;
    }
    if is_chosen("waiting") {
        waiting::run().await;
    }
    Ok(())
}

/// Median, 99th percentile and maximum, in milliseconds.
fn summary(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |part: f64| times[((times.len() - 1) as f64 * part).round() as usize].as_secs_f64() * 1000.0;
    format!("median {:>7.1} ms   p99 {:>7.1} ms   max {:>7.1} ms", at(0.5), at(0.99), at(1.0))
}

/// The processor time that a process has used, in seconds.
fn cpu_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<_> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    let ticks = |index: usize| fields[index].parse::<f64>().unwrap(); // hundredths of a second
    (ticks(11) + ticks(12)) / 100.0
}

/// The memory of a process: now, and at most so far, in MiB.
fn memory(pid: u32) -> (f64, f64) {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1024.0
    };
    (field("VmRSS:"), field("VmHWM:"))
}
