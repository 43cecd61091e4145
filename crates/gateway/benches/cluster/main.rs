//! How long a cluster is without numbers: `cargo bench -p gateway` prints it for a leader that stops, and for twenty that are
//! killed in a row, over the mesh and over NATS.
//!
//! Each node is a process, and the number server sends fifty numbers a second. No term may come back, none may be skipped, and
//! numbers never come faster than the server sends them, or the bench fails.
#![expect(clippy::unwrap_used, reason = "a bench that cannot go on should say where")]
#![expect(clippy::print_stdout, reason = "a bench is run for its numbers")]
#![allow(dead_code, reason = "the tests use more of what they share with it")]

#[path = "../../tests/it/cluster/relay.rs"]
mod relay;
#[path = "../../tests/it/cluster/site.rs"]
mod site;

use std::fs;
use std::time::{Duration, Instant};

use site::{Bus, LEASE, NumberReader, Site};

/// How many leaders are killed.
const KILLED: usize = 20;

/// How many leaders are stopped.
const STOPPED: usize = 5;

/// For how long the rate of the numbers is measured.
const MEASURED: Duration = Duration::from_secs(2);

#[tokio::main]
async fn main() {
    println!("a lease of {} ms; 50 numbers a second; on {} processors", LEASE.as_millis(), processors());
    println!();
    println!("bus    what                  times  median ms  most ms  epochs risen by  MiB of a member");
    for bus in [Bus::Mesh, Bus::Nats] {
        let mut site = Site::three(bus).await;
        let memory = (0..3).map(|node| site.memory_of(node)).fold(0.0, f64::max);
        for (what, times) in [("the leader stops", STOPPED), ("the leader is killed", KILLED)] {
            let (mut gaps, mut rises) = (Vec::new(), Vec::new());
            for _ in 0..times {
                let (gap, rise) = gap(&mut site, what == "the leader stops").await;
                gaps.push(gap);
                rises.push(rise);
            }
            gaps.sort_unstable();
            let (median, most) = (gaps[gaps.len() / 2].as_millis(), gaps[gaps.len() - 1].as_millis());
            let (least, greatest) = (rises.iter().min().unwrap(), rises.iter().max().unwrap());
            println!(
                "{:<5}  {what:<20}  {times:>5}  {median:>9}  {most:>7}  {:>15}  {memory:>15.1}",
                format!("{bus:?}").to_lowercase(),
                format!("{least} to {greatest}")
            );
        }
        site.end().await;
    }
}

/// For how long no number comes when the leader goes, and by how much the epoch rises.
async fn gap(site: &mut Site, stops: bool) -> (Duration, u64) {
    let (leader, epoch) = site.agreed().await;
    let mut reader = site.numbers_at((leader + 1) % 3).await;
    assert_eq!(reader.next().await, epoch);
    let gone = Instant::now();
    if stops {
        site.stop(leader).await;
    } else {
        site.kill(leader);
    }
    let later = reader.later(epoch).await;
    let gap = gone.elapsed();
    let rate = rate(&mut reader).await;
    assert!(rate < 75.0, "{rate} numbers a second from a server that sends 50");
    site.start(leader);
    site.agreed().await;
    (gap, later - epoch)
}

/// How many numbers come in a second.
async fn rate(reader: &mut NumberReader) -> f64 {
    let (begin, mut count) = (Instant::now(), 0.0);
    while begin.elapsed() < MEASURED {
        reader.next().await;
        count += 1.0;
    }
    count / begin.elapsed().as_secs_f64()
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

impl Site {
    /// What a node occupies, in mebibytes (Linux).
    fn memory_of(&self, node: usize) -> f64 {
        let status =
            fs::read_to_string(format!("/proc/{}/status", self.places[node].process.as_ref().unwrap().id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    }
}
