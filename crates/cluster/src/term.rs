//! Who leads, by the clock of this process, and the terms in which it leads itself.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::epoch::Epoch;
use crate::node::Node;

/// Longer than any process runs: 30 years.
pub(crate) const FOR_EVER: Duration = Duration::from_secs(30 * 365 * 86_400);

/// Who leads, as this node sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leader {
    /// Nobody, or somebody that this node receives nothing from.
    Unknown,
    /// Another node, in the term of this epoch.
    Other(Node, Epoch),
    /// This node, in the term of this epoch, until this moment unless it is renewed before.
    This(Epoch, Instant),
}

/// A term in which this node leads. Cloning it is cheap.
#[derive(Clone, Debug)]
pub struct Term {
    epoch: Epoch,
    leader: watch::Receiver<Leader>,
}

impl Term {
    /// Waits until this node leads; `None` if it has stopped.
    pub(crate) async fn begun(mut leader: watch::Receiver<Leader>) -> Option<Self> {
        let leads = |leader: &Leader| matches!(leader, Leader::This(_, until) if Instant::now() < *until);
        let epoch = match *leader.wait_for(leads).await.ok()? {
            Leader::This(epoch, _) => epoch,
            Leader::Other(..) | Leader::Unknown => return None,
        };
        Some(Self { epoch, leader })
    }

    /// Its number.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Whether it lasts at this moment. Once it does not, it never does again.
    pub fn is_valid(&self) -> bool {
        self.until(&self.leader).is_some()
    }

    /// Waits for its end.
    pub async fn ended(&self) {
        let mut leader = self.leader.clone();
        leader.mark_unchanged();
        while let Some(until) = self.until(&leader) {
            tokio::select! {
                changed = leader.changed() => if changed.is_err() { return },
                () = sleep_until(until) => {}
            }
        }
    }

    /// When it ends, unless it is renewed; `None` if it has ended.
    fn until(&self, leader: &watch::Receiver<Leader>) -> Option<Instant> {
        match *leader.borrow() {
            Leader::This(epoch, until) if epoch == self.epoch && Instant::now() < until => Some(until),
            Leader::This(..) | Leader::Other(..) | Leader::Unknown => None,
        }
    }
}
