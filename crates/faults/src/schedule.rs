//! The faults of a run and their times, chosen by the seed: the same seed gives the same schedule.

use std::fmt;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use crate::proxy::Network;
use crate::services::{self, DELAYED, PUBLISHERS};

/// How long the workload of a run lasts; every fault begins within this time.
pub(crate) const LENGTH: Duration = Duration::from_secs(8);

/// The number of brokers of a run, and the faults that are injected.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    pub(crate) seed: u64,
    pub(crate) brokers: usize,
    pub(crate) injections: Vec<Injection>,
}

/// A fault, when it begins after the start of the run, and how long it lasts.
#[derive(Clone, Debug)]
pub(crate) struct Injection {
    pub(crate) at: Duration,
    pub(crate) duration: Duration,
    pub(crate) fault: Fault,
}

/// What fails. An instance is an index into [`services::instances`].
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    KillInstance(usize),
    PauseInstance(usize),
    RestartInstance(usize),
    KillBroker(usize),
    PauseBroker(usize),
    KillDatabase,
    PauseDatabase,
    /// The network between an instance and its brokers.
    BrokerNetwork(usize, Network, Recovery),
    /// The network between an instance and its database.
    DatabaseNetwork(usize, Network, Recovery),
}

/// What happens to the open connections when a fault of the network ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recovery {
    /// They go on.
    Resume,
    /// They are closed, and what is in flight is lost.
    Reset,
}

impl Schedule {
    /// One of eight runs has a cluster of three brokers, the others a single broker.
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let brokers = if seed % 8 == 3 { 3 } else { 1 };
        let mut injections = Vec::new();
        let mut inject = |at: u64, duration: u64, fault| {
            let [at, duration] = [at, duration].map(Duration::from_millis);
            injections.push(Injection { at, duration, fault });
        };
        // Two faults that only together can lose something: a process dies that has events to publish while the broker is
        // away, and a connection is reset while acks are delayed.
        let (at, broker) = (random.random_range(500..2500), random.random_range(0..brokers));
        inject(at, 1500, Fault::KillBroker(broker));
        for instance in PUBLISHERS.map(|service| one_of(&mut random, service)) {
            inject(at + random.random_range(400..1200), random.random_range(50..800), Fault::KillInstance(instance));
        }
        for service in DELAYED {
            let (at, delay) = (random.random_range(2500..6000), Duration::from_millis(random.random_range(150..500)));
            let instance = one_of(&mut random, service);
            let fault = Fault::BrokerNetwork(instance, Network::Delayed(delay), Recovery::Reset);
            inject(at, random.random_range(800..1500), fault);
        }
        for _ in 0..random.random_range(5..9) {
            let (at, duration) = (random.random_range(0..6500), random.random_range(50..1500));
            inject(at, duration, any(&mut random, brokers));
        }
        injections.sort_by_key(|injection| injection.at);
        Self { seed, brokers, injections }
    }
}

fn one_of(random: &mut StdRng, service: &str) -> usize {
    let all = services::instances();
    let indexes: Vec<_> = (0..all.len()).filter(|index| all[*index].0.name == service).collect();
    *indexes.choose(random).unwrap()
}

fn any(random: &mut StdRng, brokers: usize) -> Fault {
    let count = services::instances().len();
    let (instance, broker) = (random.random_range(0..count), random.random_range(0..brokers));
    let network = match random.random_range(0..4) {
        0 => Network::Cut,
        1 => Network::Delayed(Duration::from_millis(random.random_range(20..400))),
        2 => Network::HalfOpen,
        _ => Network::Slow(random.random_range(500..20_000)),
    };
    let recovery = if random.random_bool(0.5) { Recovery::Reset } else { Recovery::Resume };
    match random.random_range(0..12) {
        0..3 => Fault::KillInstance(instance),
        3 => Fault::PauseInstance(instance),
        4 => Fault::RestartInstance(instance),
        5 => Fault::KillBroker(broker),
        6 => Fault::PauseBroker(broker),
        7 => Fault::KillDatabase,
        8 => Fault::PauseDatabase,
        9 => Fault::DatabaseNetwork(instance, network, recovery),
        _ => Fault::BrokerNetwork(instance, network, recovery),
    }
}

impl fmt::Display for Injection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, duration, fault } = self;
        write!(f, "{:>6} for {} ms: {fault}", at.as_millis(), duration.as_millis())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |instance: usize| {
            let (program, number) = services::instances()[instance];
            format!("{}-{number}", program.name)
        };
        match *self {
            Self::KillInstance(instance) => write!(f, "kill {}", name(instance)),
            Self::PauseInstance(instance) => write!(f, "pause {}", name(instance)),
            Self::RestartInstance(instance) => write!(f, "restart {}", name(instance)),
            Self::KillBroker(number) => write!(f, "kill broker {number}"),
            Self::PauseBroker(number) => write!(f, "pause broker {number}"),
            Self::KillDatabase => write!(f, "kill the database"),
            Self::PauseDatabase => write!(f, "pause the database"),
            Self::BrokerNetwork(instance, network, recovery) => {
                write!(f, "network of {} to the broker {network}{recovery}", name(instance))
            }
            Self::DatabaseNetwork(instance, network, recovery) => {
                write!(f, "network of {} to the database {network}{recovery}", name(instance))
            }
        }
    }
}

impl fmt::Display for Recovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resume => Ok(()),
            Self::Reset => write!(f, ", then reset"),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fine => write!(f, "fine"),
            Self::Cut => write!(f, "cut"),
            Self::Delayed(delay) => write!(f, "delayed by {} ms", delay.as_millis()),
            Self::HalfOpen => write!(f, "half open"),
            Self::Slow(bytes) => write!(f, "limited to {bytes} bytes per second"),
        }
    }
}
