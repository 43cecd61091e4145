//! The faults of a run and their times, chosen by the seed: the same seed gives the same schedule.

use std::fmt;
use std::time::Duration;

use bus::crash::PAYMENT_POINTS;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use crate::faulty_bank::{BankFault, BankFaultKind, PATHS};
use crate::proxy::Network;
use crate::services::{self, BANK, DELAYED, PAYMENTS, PUBLISHERS};

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
    /// The instance is started again and killed at a point of its program, by its name.
    CrashInstance(usize, &'static str),
    KillBroker(usize),
    PauseBroker(usize),
    KillDatabase,
    PauseDatabase,
    /// The network between an instance and its brokers.
    BrokerNetwork(usize, Network, Recovery),
    /// The network between an instance and its database.
    DatabaseNetwork(usize, Network, Recovery),
    /// The network between an instance of the payments service and the bank.
    BankNetwork(usize, Network, Recovery),
    /// What the bank does to requests.
    Bank(BankFault),
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
        // The faults of payments have a source of their own, so that they leave the schedule of the others as it is.
        let mut random = StdRng::seed_from_u64(!seed);
        let crashed = Fault::CrashInstance(one_of(&mut random, PAYMENTS), PAYMENT_POINTS.choose(&mut random).unwrap());
        inject(random.random_range(0..4000), 4000, crashed);
        for _ in 0..random.random_range(5..9) {
            let (at, duration) = (random.random_range(0..6500), random.random_range(50..1500));
            inject(at, duration, any_of_payments(&mut random));
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

/// A fault of the brokers, the database, or an instance that has no money.
fn any(random: &mut StdRng, brokers: usize) -> Fault {
    let all = services::instances();
    let others: Vec<_> = (0..all.len()).filter(|index| ![PAYMENTS, BANK].contains(&all[*index].0.name)).collect();
    let (instance, broker) = (others[random.random_range(0..others.len())], random.random_range(0..brokers));
    let (network, recovery) = any_network(random);
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

/// A fault of the payments service or of the bank.
fn any_of_payments(random: &mut StdRng) -> Fault {
    let payments = one_of(random, PAYMENTS);
    let bank = one_of(random, BANK);
    let (network, recovery) = any_network(random);
    let path = *PATHS.choose(random).unwrap();
    let (times, delay) = (random.random_range(1..4), random.random_range(50..1500));
    let bank_fault = |kind| Fault::Bank(BankFault { kind, path, times });
    match random.random_range(0..14) {
        0..2 => Fault::KillInstance(payments),
        2 => Fault::PauseInstance(payments),
        3 => Fault::RestartInstance(payments),
        4 => Fault::KillInstance(bank),
        5 => Fault::PauseInstance(bank),
        6 => Fault::DatabaseNetwork(payments, network, recovery),
        7 => Fault::BrokerNetwork(payments, network, recovery),
        8 => Fault::DatabaseNetwork(bank, network, recovery),
        9 => Fault::BankNetwork(payments, network, recovery),
        10 => bank_fault(BankFaultKind::Delay(delay)),
        11 => bank_fault(BankFaultKind::CutBefore),
        12 => bank_fault(BankFaultKind::CutAfter),
        _ => bank_fault(if delay % 2 == 0 { BankFaultKind::ErrorAfter } else { BankFaultKind::TooManyRequests }),
    }
}

fn any_network(random: &mut StdRng) -> (Network, Recovery) {
    let network = match random.random_range(0..4) {
        0 => Network::Cut,
        1 => Network::Delayed(Duration::from_millis(random.random_range(20..400))),
        2 => Network::HalfOpen,
        _ => Network::Slow(random.random_range(500..20_000)),
    };
    (network, if random.random_bool(0.5) { Recovery::Reset } else { Recovery::Resume })
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
            Self::CrashInstance(instance, point) => write!(f, "crash {} at {point}", name(instance)),
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
            Self::BankNetwork(instance, network, recovery) => {
                write!(f, "network of {} to the bank {network}{recovery}", name(instance))
            }
            Self::Bank(fault) => write!(f, "bank: {fault}"),
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
