//! What goes wrong in a run, and when: the same for the same seed.

use std::fmt;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use crate::proxy::Network;

/// How long things go wrong.
pub(crate) const LENGTH: Duration = Duration::from_secs(8);

/// The instances that a run has.
pub(crate) const INSTANCES: [(&str, usize); 7] =
    [("auth", 1), ("tickets", 1), ("tickets", 2), ("orders", 1), ("orders", 2), ("expiration", 1), ("expiration", 2)];

/// The shape of a run, and all that goes wrong in it.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    pub(crate) seed: u64,
    pub(crate) brokers: usize,
    pub(crate) strikes: Vec<Strike>,
}

/// Something goes wrong, for a while.
#[derive(Clone, Debug)]
pub(crate) struct Strike {
    pub(crate) at: Duration,
    pub(crate) lasts: Duration,
    pub(crate) fault: Fault,
}

/// What goes wrong. A service is named by its place among the [`INSTANCES`].
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    KillService(usize),
    PauseService(usize),
    RestartService(usize),
    KillBroker(usize),
    PauseBroker(usize),
    KillDatabase,
    PauseDatabase,
    /// The way to the broker, and whether it breaks in the end: what is under way is lost then.
    ToBroker(usize, Network, bool),
    ToDatabase(usize, Network, bool),
}

impl Schedule {
    /// One run of eight has a cluster of three brokers, the others a lone one.
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let brokers = if seed % 8 == 3 { 3 } else { 1 };
        let mut strikes = Vec::new();
        let mut strike = |at: u64, lasts: u64, fault| {
            strikes.push(Strike { at: Duration::from_millis(at), lasts: Duration::from_millis(lasts), fault });
        };
        // What is lost only when two things come together: the broker is away, and who has something to tell dies;
        // answers are long under way, and the way breaks.
        let (at, broker) = (random.random_range(500..2500), random.random_range(0..brokers));
        strike(at, 1500, Fault::KillBroker(broker));
        for service in [one_of(&mut random, "tickets"), one_of(&mut random, "orders")] {
            strike(at + random.random_range(400..1200), random.random_range(50..800), Fault::KillService(service));
        }
        for service in ["tickets", "tickets", "orders"] {
            let (at, delay) = (random.random_range(2500..6000), Duration::from_millis(random.random_range(150..500)));
            let service = one_of(&mut random, service);
            strike(at, random.random_range(800..1500), Fault::ToBroker(service, Network::Delayed(delay), true));
        }
        for _ in 0..random.random_range(5..9) {
            let (at, lasts) = (random.random_range(0..6500), random.random_range(50..1500));
            strike(at, lasts, any(&mut random, brokers));
        }
        strikes.sort_by_key(|strike| strike.at);
        Self { seed, brokers, strikes }
    }
}

fn one_of(random: &mut StdRng, service: &str) -> usize {
    let places: Vec<_> = (0..INSTANCES.len()).filter(|place| INSTANCES[*place].0 == service).collect();
    *places.choose(random).unwrap()
}

fn any(random: &mut StdRng, brokers: usize) -> Fault {
    let (service, broker) = (random.random_range(0..INSTANCES.len()), random.random_range(0..brokers));
    let network = match random.random_range(0..4) {
        0 => Network::Cut,
        1 => Network::Delayed(Duration::from_millis(random.random_range(20..400))),
        2 => Network::HalfOpen,
        _ => Network::Slow(random.random_range(500..20_000)),
    };
    let breaks = random.random_bool(0.5);
    match random.random_range(0..12) {
        0..3 => Fault::KillService(service),
        3 => Fault::PauseService(service),
        4 => Fault::RestartService(service),
        5 => Fault::KillBroker(broker),
        6 => Fault::PauseBroker(broker),
        7 => Fault::KillDatabase,
        8 => Fault::PauseDatabase,
        9 => Fault::ToDatabase(service, network, breaks),
        _ => Fault::ToBroker(service, network, breaks),
    }
}

impl fmt::Display for Strike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, lasts, fault } = self;
        write!(f, "{fault} for {} ms, from {} ms on", lasts.as_millis(), at.as_millis())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |place: usize| format!("{}-{}", INSTANCES[place].0, INSTANCES[place].1);
        let end = |breaks| if breaks { ", then it breaks" } else { "" };
        match *self {
            Self::KillService(place) => write!(f, "{} is killed", name(place)),
            Self::PauseService(place) => write!(f, "{} is paused", name(place)),
            Self::RestartService(place) => write!(f, "{} is stopped and started", name(place)),
            Self::KillBroker(number) => write!(f, "broker {number} is killed"),
            Self::PauseBroker(number) => write!(f, "broker {number} is paused"),
            Self::KillDatabase => write!(f, "the database is killed"),
            Self::PauseDatabase => write!(f, "the database is paused"),
            Self::ToBroker(place, network, breaks) => {
                write!(f, "{} to the broker is {network}{}", name(place), end(breaks))
            }
            Self::ToDatabase(place, network, breaks) => {
                write!(f, "{} to the database is {network}{}", name(place), end(breaks))
            }
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fine => write!(f, "fine"),
            Self::Cut => write!(f, "cut"),
            Self::Delayed(time) => write!(f, "delayed by {} ms", time.as_millis()),
            Self::HalfOpen => write!(f, "half open"),
            Self::Slow(bytes) => write!(f, "slow, {bytes} bytes a second"),
        }
    }
}
