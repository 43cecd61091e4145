//! Who leads, by the clock of this process, and the terms in which it leads itself.

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::epoch::Epoch;
use crate::node::Node;

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

impl Leader {
    /// The term of this node, if it leads at this moment: its epoch, and when it ends unless it is renewed.
    pub fn own_term(&self) -> Option<(Epoch, Instant)> {
        match self {
            Self::This(epoch, until) if Instant::now() < *until => Some((*epoch, *until)),
            Self::This(..) | Self::Other(..) | Self::Unknown => None,
        }
    }
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
        let mut own = None;
        let leads = |leader: &Leader| {
            own = leader.own_term();
            own.is_some()
        };
        leader.wait_for(leads).await.ok()?;
        let (epoch, _) = own?;
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
        let own = leader.borrow().own_term();
        own.filter(|(epoch, _)| *epoch == self.epoch).map(|(_, until)| until)
    }
}
