//! The network between simulated nodes.

use std::collections::BTreeSet;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, RngExt};

/// What becomes of a message.
#[derive(Debug)]
pub(crate) enum Fate {
    /// It arrives after each of these delays; after none if it is lost.
    Arrives(Vec<Duration>),
    /// It waits until the network is whole again.
    Held,
}

/// The state of the network.
#[derive(Debug, Default)]
pub(crate) struct Network {
    /// Pairs of sender and receiver whose messages do not arrive.
    cut: BTreeSet<(usize, usize)>,
    /// Whether they arrive later, as those of a connection that is held, or never.
    holds: bool,
    /// Messages to this node take this much longer.
    pub(crate) slow: Option<(usize, Duration)>,
    /// How many of a thousand messages are lost.
    pub(crate) lost: u32,
    /// How many of a thousand messages take up to five seconds, or arrive twice.
    pub(crate) odd: u32,
}

impl Network {
    pub(crate) fn cut(&mut self, pairs: BTreeSet<(usize, usize)>, holds: bool) {
        self.cut = pairs;
        self.holds = holds;
    }

    pub(crate) fn heal(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn fate(&self, from: usize, to: usize, random: &mut StdRng) -> Fate {
        if from == to {
            return Fate::Arrives(vec![Duration::ZERO]);
        }
        if self.cut.contains(&(from, to)) {
            return if self.holds { Fate::Held } else { Fate::Arrives(Vec::new()) };
        }
        let slow = self.slow.filter(|(node, _)| *node == to).map_or(Duration::ZERO, |(_, slow)| slow);
        let usual = slow + Duration::from_micros(random.random_range(200..20_000));
        let chance = random.next_u32() % 1000;
        if chance < self.lost {
            Fate::Arrives(Vec::new())
        } else if chance < self.lost + self.odd {
            let late = Duration::from_micros(random.random_range(200..5_000_000));
            Fate::Arrives(if late.as_micros().is_multiple_of(2) { vec![late] } else { vec![usual, late] })
        } else {
            Fate::Arrives(vec![usual])
        }
    }
}
