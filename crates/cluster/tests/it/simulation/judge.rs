//! What must hold in every run.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use cluster::Epoch;

use super::fault::{Clocks, PEACE};

/// A life of a node: the node, and which of its lives.
pub(crate) type Who = (usize, u64);

/// What did not hold, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) at: Duration,
    pub(crate) invariant: Invariant,
    pub(crate) what: String,
}

/// What must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Invariant {
    /// Two terms never have the same epoch.
    OneTermAnEpoch,
    /// No reader is handed a publication of an earlier term after one of a later term.
    TermsInOrder,
    /// No two nodes lead at the same time, if the clocks are honest.
    OneLeader,
    /// A later term has a greater epoch, if the clocks are honest.
    EpochsGrow,
    /// A term that has ended never lasts again.
    EndsOnce,
    /// There is a leader soon after the last fault, and it remains.
    LeaderSoon,
    /// Every node knows the leader, and exactly the nodes that are alive.
    RosterRight,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {:?}: {}", self.invariant, self.at, self.what)
    }
}

/// Watches a run.
#[derive(Debug)]
pub(crate) struct Judge {
    clocks: Clocks,
    terms: BTreeMap<Epoch, Who>,
    /// The terms that last, and those that have ended.
    lasting: BTreeSet<(Who, Epoch)>,
    ended: BTreeSet<(Who, Epoch)>,
    readers: BTreeMap<Who, Epoch>,
    /// When a node led for the first time after the last fault.
    pub(crate) led_after: Option<Duration>,
    pub(crate) delivered: usize,
}

impl Judge {
    pub(crate) fn new(clocks: Clocks) -> Self {
        Self {
            clocks,
            terms: BTreeMap::new(),
            lasting: BTreeSet::new(),
            ended: BTreeSet::new(),
            readers: BTreeMap::new(),
            led_after: None,
            delivered: 0,
        }
    }

    /// How many terms there were.
    pub(crate) fn terms(&self) -> usize {
        self.terms.len()
    }

    /// Takes who leads at this moment.
    pub(crate) fn lead(&mut self, now: Duration, leaders: &[(Who, Epoch)]) -> Result<(), Violation> {
        let lasting = leaders.iter().copied().collect();
        self.ended.extend(self.lasting.difference(&lasting).copied());
        self.lasting = lasting;
        if let Some(term) = self.lasting.intersection(&self.ended).next() {
            return violated(now, Invariant::EndsOnce, format!("{term:?}"));
        }
        for (who, epoch) in leaders {
            let newest = self.terms.last_key_value().map(|(epoch, _)| *epoch);
            let leader = *self.terms.entry(*epoch).or_insert_with(|| *who);
            if leader != *who {
                return violated(now, Invariant::OneTermAnEpoch, format!("{epoch} of {leader:?} and of {who:?}"));
            }
            if self.clocks == Clocks::Honest && newest > Some(*epoch) {
                return violated(now, Invariant::EpochsGrow, format!("{epoch} of {who:?} after {newest:?}"));
            }
        }
        if self.clocks == Clocks::Honest && leaders.len() > 1 {
            return violated(now, Invariant::OneLeader, format!("{leaders:?}"));
        }
        if now >= PEACE && !leaders.is_empty() {
            self.led_after.get_or_insert(now - PEACE);
        }
        Ok(())
    }

    /// Takes what a reader was handed.
    pub(crate) fn deliver(&mut self, now: Duration, reader: Who, epoch: Epoch) -> Result<(), Violation> {
        self.delivered += 1;
        let newest = self.readers.entry(reader).or_insert(epoch);
        if epoch < *newest {
            return violated(now, Invariant::TermsInOrder, format!("{reader:?} was handed {epoch} after {newest}"));
        }
        *newest = epoch;
        Ok(())
    }
}

pub(crate) fn violated(at: Duration, invariant: Invariant, what: String) -> Result<(), Violation> {
    Err(Violation { at, invariant, what })
}
