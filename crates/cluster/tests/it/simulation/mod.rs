//! Clusters in a simulated world: the same node as in the real one, with a network, clocks, files and faults from a seed.
//!
//! The events are a list by time, and each changes one node; nothing runs in parallel. So a run takes milliseconds, and is the
//! same each time.

mod bug;
mod clock;
mod fault;
mod host;
mod judge;
mod network;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use self::bug::Bug;
use self::judge::Invariant;
use self::world::{BOUND, Report, run};

/// Runs seeds from 1 on, on all processors.
fn run_all(seeds: u64) -> Vec<Report> {
    let next = AtomicU64::new(1);
    let some = || {
        let mut reports = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed > seeds {
                return reports;
            }
            reports.push(run(seed, None, false).unwrap_or_else(|violation| panic!("seed {seed}: {violation}")));
        }
    };
    thread::scope(|scope| {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(some)).collect();
        running.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

fn show(reports: &[Report]) {
    let mut waits: Vec<_> = reports.iter().map(|report| report.led_after).collect();
    waits.sort_unstable();
    let at = |share: f64| waits[((waits.len() - 1) as f64 * share) as usize];
    let terms: usize = reports.iter().map(|report| report.terms).sum();
    let delivered: usize = reports.iter().map(|report| report.delivered).sum();
    println!("{} seeds, {terms} terms, {delivered} publications delivered", reports.len());
    println!("a leader after the last fault: half within {:?}, 99 % {:?}, all {:?}", at(0.5), at(0.99), at(1.0));
}

#[test]
fn two_hundred_clusters_survive_their_faults() {
    let reports = run_all(200);
    show(&reports);
    assert!(reports.iter().all(|report| report.led_after <= BOUND && report.terms > 0 && report.delivered > 0));
}

#[test]
#[ignore = "half a minute in a release build"]
fn ten_thousand_clusters_survive_their_faults() {
    show(&run_all(10_000));
}

#[test]
fn a_seed_that_runs_twice_runs_through_the_same_events() {
    for seed in 1..=10 {
        let (once, twice) = (run(seed, None, true).unwrap().trace, run(seed, None, true).unwrap().trace);
        assert!(once.len() > 1000);
        assert_eq!(once, twice);
    }
    assert_ne!(run(1, None, true).unwrap().trace, run(2, None, true).unwrap().trace);
}

/// The first seed that finds the bug, within the first thousand.
fn found(bug: Bug) -> (u64, Invariant) {
    let found = (1..=1000).find_map(|seed| Some((seed, run(seed, Some(bug), false).err()?.invariant)));
    let (seed, invariant) = found.unwrap_or_else(|| panic!("no seed finds {bug:?}"));
    println!("{bug:?} is found by seed {seed}: {invariant:?}");
    (seed, invariant)
}

#[test]
fn readers_without_a_fence_are_found() {
    assert_eq!(found(Bug::NoFence).1, Invariant::TermsInOrder);
}

#[test]
fn an_election_by_a_stale_roster_is_found() {
    assert!(matches!(found(Bug::StaleRoster).1, Invariant::OneTermAnEpoch | Invariant::OneLeader));
}

#[test]
fn a_lease_that_is_renewed_after_its_end_is_found() {
    assert_eq!(found(Bug::LeaseFromAnswer).1, Invariant::OneLeader);
}

#[test]
fn a_vote_that_is_not_saved_is_found() {
    assert!(matches!(found(Bug::VoteNotSaved).1, Invariant::OneTermAnEpoch | Invariant::EpochsGrow));
}

#[test]
fn clocks_read_what_they_must() {
    let second = Duration::from_secs;
    let mut clock = clock::Clock::new(second(10), -10_000);
    assert_eq!(clock.read(second(110)), second(1099));
    clock.stop(second(110));
    assert_eq!(clock.read(second(200)), second(1099));
    clock.go_on(second(200));
    clock.jump(second(200), -99_000);
    assert_eq!(clock.read(second(300)), second(1099));
}
