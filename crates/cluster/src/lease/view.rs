//! What a node sees of the cluster at the server.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::buckets::Entry;
use crate::epoch::Epoch;
use crate::machine::Member;
use crate::node::Node;
use crate::term::Leader;
use crate::watched::replace;

/// The nodes and the leader, as far as they were seen; entries that are not renewed are forgotten also if the server can't say so.
#[derive(Debug)]
pub(super) struct View {
    me: Member,
    /// How long an entry counts: longer than a lease, since the news of it takes its time.
    lasts: Duration,
    nodes: BTreeMap<Node, (u64, Instant)>,
    holder: Option<(Entry, Instant)>,
    /// The term of this node, while it leads.
    own: Option<(Epoch, Instant)>,
    members: watch::Sender<Vec<Member>>,
    leader: watch::Sender<Leader>,
    /// Whether nobody is known to hold the entry of the leader.
    is_vacant: watch::Sender<bool>,
}

impl View {
    pub(super) fn new(me: Member, lease: Duration) -> Self {
        let members = watch::Sender::new(vec![me.clone()]);
        let leader = watch::Sender::new(Leader::Unknown);
        Self {
            me,
            lasts: lease + lease / 3,
            nodes: BTreeMap::new(),
            holder: None,
            own: None,
            members,
            leader,
            is_vacant: watch::Sender::new(false),
        }
    }

    pub(super) fn members(&self) -> watch::Receiver<Vec<Member>> {
        self.members.subscribe()
    }

    pub(super) fn leader(&self) -> watch::Receiver<Leader> {
        self.leader.subscribe()
    }

    pub(super) fn is_vacant(&self) -> watch::Receiver<bool> {
        self.is_vacant.subscribe()
    }

    /// An entry of a node was written.
    pub(super) fn sees(&mut self, entry: Entry) {
        let until = Instant::now() + self.lasts;
        self.nodes.insert(entry.node, (entry.incarnation, until));
        self.show();
    }

    /// The entry of a node has gone.
    pub(super) fn misses(&mut self, node: &Node) {
        self.nodes.remove(node);
        self.show();
    }

    /// The entry of the leader was written, or has gone.
    pub(super) fn sees_holder(&mut self, entry: Option<Entry>) {
        self.holder = entry.map(|entry| (entry, Instant::now() + self.lasts));
        self.show();
    }

    /// This node leads, or does not lead any more.
    pub(super) fn leads(&mut self, own: Option<(Epoch, Instant)>) {
        self.own = own;
        self.show();
    }

    /// Forgets what was not renewed.
    pub(super) fn forget(&mut self) {
        let now = Instant::now();
        self.nodes.retain(|_, (_, until)| now < *until);
        self.holder.take_if(|(_, until)| now >= *until);
        self.show();
    }

    fn show(&self) {
        let others = self.nodes.iter().filter(|(node, _)| **node != self.me.node);
        let others = others.map(|(node, (incarnation, _))| Member { node: node.clone(), incarnation: *incarnation });
        let mut members: Vec<_> = others.chain([self.me.clone()]).collect();
        members.sort_unstable();
        replace(&self.members, members);
        let leader = match (&self.own, &self.holder) {
            (Some((epoch, until)), _) => Leader::This(*epoch, *until),
            (None, Some((Entry { node, epoch: Some(epoch), .. }, _))) if *node != self.me.node => {
                Leader::Other(node.clone(), *epoch)
            }
            (None, _) => Leader::Unknown,
        };
        replace(&self.leader, leader);
        replace(&self.is_vacant, self.holder.is_none());
    }
}
