//! Who leads: terms, votes, leases.
//!
//! It is the election of Raft (Ongaro and Ousterhout 2014; with the pre-vote of Ongaro's thesis, 9.6) without its log, and with
//! leases: who follows a leader votes for nobody else for a whole lease, counted from the moment when it received the leader's
//! message. The leader counts from the moment when it *sent* what a majority has confirmed, which is earlier, and a tenth less. So
//! if all clocks go at the same rate, its term is over before anybody else can be elected.
//!
//! Clocks that stop make two leaders at a time, but never two of one epoch: a node binds itself to one leader in each epoch, and
//! remembers that before it says so. Readers drop what an earlier term publishes after a later one ([`Fence`](crate::Fence)).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::config::{Bound, Config, Quorum, Start};
use super::leadership::Leadership;
use super::message::{Body, Stage};
use crate::epoch::Epoch;
use crate::node::Node;

/// A node that remembers nothing votes only in epochs that are so much above all that it learns of in its first lease: its former
/// life voted in none of those.
const BEYOND_MEMORY: u64 = 10_000;

/// The election, as one node takes part in it.
#[derive(Debug)]
pub(crate) struct Election {
    config: Config,
    bound: Option<Bound>,
    /// No vote is granted in this epoch or below.
    floor: Epoch,
    /// The milliseconds since 1970 at which the node started, if it remembers nothing and has not chosen its `floor` yet.
    forgot: Option<u64>,
    /// The highest epoch that anybody is known to be bound in, or not to vote in.
    highest: Epoch,
    /// No vote is granted before: at first because of what a former life may have promised, then of what this one does.
    abstains_until: Duration,
    /// The node asks for no votes before.
    attempts_at: Duration,
    role: Role,
}

#[derive(Debug)]
enum Role {
    Follower {
        /// Whether it follows the node that it is bound to.
        follows: bool,
    },
    Candidate {
        stage: Stage,
        epoch: Epoch,
        granted: BTreeSet<Node>,
        gives_up_at: Duration,
    },
    Leader {
        /// For each node, this one included, when the newest message was sent that it has confirmed.
        confirmed: BTreeMap<Node, Duration>,
        /// When the term ends; `None` until a majority has confirmed it for the first time.
        until: Option<Duration>,
        gives_up_at: Duration,
        sends_at: Duration,
    },
}

/// What the election must know of the roster.
#[derive(Clone, Debug)]
pub(crate) struct View {
    /// All other nodes that are known.
    pub(crate) others: Vec<Node>,
    /// How many nodes are alive, this one included.
    pub(crate) alive: usize,
    /// How many nodes that are alive are sorted before this one.
    pub(crate) rank: u32,
}

/// What one step of the election has to say.
#[derive(Debug, Default)]
pub(crate) struct Said {
    /// What must be saved before anything is sent.
    pub(crate) saved: Option<Bound>,
    pub(crate) sent: Vec<(Node, Body)>,
}

impl Election {
    pub(crate) fn new(config: &Config, start: Start, now: Duration) -> Self {
        let highest = start.memory.as_ref().map_or(Epoch(0), |bound| bound.epoch);
        Self {
            config: config.clone(),
            forgot: start.memory.is_none().then_some(start.wall_clock),
            bound: start.memory,
            floor: Epoch(0),
            highest,
            abstains_until: now + config.lease,
            attempts_at: now,
            role: Role::Follower { follows: false },
        }
    }

    /// Who leads at this time.
    pub(crate) fn leadership(&self, now: Duration) -> Leadership {
        let Some(bound) = &self.bound else { return Leadership::Unknown };
        let (leader, epoch) = (bound.to.clone(), bound.epoch);
        match self.role {
            Role::Leader { until: Some(until), .. } if now < until => Leadership::Leader { epoch, until },
            Role::Follower { follows: true } if now < self.abstains_until => Leadership::Follower { leader, epoch },
            Role::Leader { .. } | Role::Follower { .. } | Role::Candidate { .. } => Leadership::Unknown,
        }
    }

    /// What a proposal must be above, as far as this node knows.
    pub(crate) fn highest(&self) -> Epoch {
        self.highest.max(self.floor)
    }

    /// When something must be done, if no message arrives before.
    pub(crate) fn wakes_at(&self, view: &View) -> Duration {
        match self.role {
            Role::Follower { .. } => self.stands_at(view),
            Role::Candidate { gives_up_at, .. } => gives_up_at,
            Role::Leader { until, gives_up_at, sends_at, .. } => until.unwrap_or(gives_up_at).min(sends_at),
        }
    }

    /// Does what is due by now.
    pub(crate) fn tick(&mut self, now: Duration, view: &View, said: &mut Said) {
        if now >= self.abstains_until
            && let Some(wall_clock) = self.forgot.take()
        {
            self.floor = Epoch(wall_clock.max(self.highest.0.saturating_add(BEYOND_MEMORY)));
        }
        match self.role {
            Role::Follower { .. } => {
                if now >= self.stands_at(view) {
                    self.attempts_at = now + self.config.attempt();
                    if self.can_be_elected(view) {
                        let epoch = self.highest().next();
                        self.ask(Stage::PreVote, epoch, now, view, said);
                    }
                }
            }
            Role::Candidate { gives_up_at, .. } => {
                if now >= gives_up_at {
                    self.step_down(now, view);
                }
            }
            Role::Leader { until, gives_up_at, sends_at, .. } => {
                if now >= until.unwrap_or(gives_up_at) {
                    self.step_down(now, view);
                } else if now >= sends_at {
                    self.lead(now, view, said);
                }
            }
        }
    }

    /// Takes a message. What is due must be done before: a term that has ended is not renewed by it.
    pub(crate) fn receive(&mut self, from: &Node, body: Body, now: Duration, view: &View, said: &mut Said) {
        match body {
            Body::Request { stage, epoch } => self.answer(from, stage, epoch, now, view, said),
            Body::Answer { stage, epoch, granted, highest } => {
                self.highest = self.highest.max(highest);
                if granted {
                    self.count(from, (stage, epoch), now, view, said);
                }
            }
            Body::Lead { epoch, sent } => self.follow(from, epoch, sent, now, said),
            Body::Follow { epoch, granted, sent } => {
                self.highest = self.highest.max(epoch);
                self.confirm(from, epoch, granted.then_some(sent), now, view);
            }
            Body::Leave => self.release(from, now),
            Body::Heartbeat { highest, .. } => self.highest = self.highest.max(highest),
        }
    }

    /// Learns of a term by a publication of it: whoever has seen it follows no earlier one.
    pub(crate) fn observe(&mut self, epoch: Epoch, leader: &Node, now: Duration, view: &View, said: &mut Said) {
        self.highest = self.highest.max(epoch);
        if self.bound.is_none() || epoch > self.bound_epoch() {
            self.bind(epoch, leader, said);
            self.step_down(now, view);
        }
    }

    /// Ends the node's own term, if it leads.
    pub(crate) fn resign(&mut self, now: Duration, view: &View) {
        self.step_down(now, view);
    }

    fn bound_epoch(&self) -> Epoch {
        self.bound.as_ref().map_or(Epoch(0), |bound| bound.epoch)
    }

    /// How many nodes, this one included, are enough.
    fn needed(&self, view: &View) -> usize {
        match self.config.quorum {
            Quorum::Majority => self.config.size / 2 + 1,
            Quorum::None => view.alive / 2 + 1,
        }
    }

    /// Two majorities of more nodes than there should be need not have a node in common.
    fn is_countable(&self, view: &View) -> bool {
        self.config.quorum == Quorum::None || view.alive <= self.config.size
    }

    fn can_be_elected(&self, view: &View) -> bool {
        self.is_countable(view) && view.alive >= self.needed(view)
    }

    /// When this node asks for votes. The nodes sorted before it have a head start, so that they do not take votes from each other.
    fn stands_at(&self, view: &View) -> Duration {
        (self.abstains_until + self.config.head_start() * view.rank).max(self.attempts_at)
    }

    fn step_down(&mut self, now: Duration, view: &View) {
        self.role = Role::Follower { follows: false };
        self.attempts_at = now + self.config.attempt() * (view.rank + 1);
    }

    /// Whether the node may vote for another one in this epoch.
    fn may_vote(&self, epoch: Epoch, to: &Node) -> bool {
        self.bound.as_ref().is_none_or(|bound| epoch > bound.epoch || (epoch == bound.epoch && bound.to == *to))
    }

    fn bind(&mut self, epoch: Epoch, to: &Node, said: &mut Said) {
        let bound = Bound { epoch, to: to.clone() };
        if self.bound.as_ref() != Some(&bound) {
            self.highest = self.highest.max(epoch);
            self.bound = Some(bound.clone());
            said.saved = Some(bound);
        }
    }

    fn ask(&mut self, stage: Stage, epoch: Epoch, now: Duration, view: &View, said: &mut Said) {
        let me = self.config.node.clone();
        if stage == Stage::Vote {
            self.bind(epoch, &me, said);
        }
        let gives_up_at = now + self.config.heartbeat();
        self.role = Role::Candidate { stage, epoch, granted: BTreeSet::new(), gives_up_at };
        said.sent.extend(view.others.iter().map(|other| (other.clone(), Body::Request { stage, epoch })));
        self.count(&me, (stage, epoch), now, view, said);
    }

    /// Counts a vote; with enough of them, the next stage begins.
    fn count(&mut self, from: &Node, ballot: (Stage, Epoch), now: Duration, view: &View, said: &mut Said) {
        let needed = self.needed(view);
        let Role::Candidate { stage, epoch, granted, .. } = &mut self.role else { return };
        if ballot != (*stage, *epoch) {
            return; // of an earlier attempt
        }
        granted.insert(from.clone());
        if granted.len() < needed {
            return;
        }
        match ballot {
            (Stage::PreVote, epoch) => self.ask(Stage::Vote, epoch, now, view, said),
            (Stage::Vote, _) => {
                let (confirmed, gives_up_at) = (BTreeMap::new(), now + self.config.heartbeat());
                self.role = Role::Leader { confirmed, until: None, gives_up_at, sends_at: now };
                self.lead(now, view, said);
            }
        }
    }

    fn answer(&mut self, from: &Node, stage: Stage, epoch: Epoch, now: Duration, view: &View, said: &mut Said) {
        let is_free = now >= self.abstains_until && self.is_countable(view);
        let granted = is_free && epoch > self.floor && self.may_vote(epoch, from);
        if granted && stage == Stage::Vote && epoch > self.bound_epoch() {
            self.bind(epoch, from, said);
            self.step_down(now, view);
        }
        let highest = self.bound_epoch().max(self.floor);
        said.sent.push((from.clone(), Body::Answer { stage, epoch, granted, highest }));
    }

    /// Sends what renews the term, and confirms it as the first.
    fn lead(&mut self, now: Duration, view: &View, said: &mut Said) {
        let epoch = self.bound_epoch();
        if let Role::Leader { sends_at, .. } = &mut self.role {
            *sends_at = now + self.config.heartbeat();
            self.abstains_until = now + self.config.lease;
            said.sent.extend(view.others.iter().map(|other| (other.clone(), Body::Lead { epoch, sent: now })));
        }
        let me = self.config.node.clone();
        self.confirm(&me, epoch, Some(now), now, view);
    }

    fn follow(&mut self, from: &Node, epoch: Epoch, sent: Duration, now: Duration, said: &mut Said) {
        let granted = self.bound.as_ref().is_none_or(|bound| {
            let has_leader = matches!(self.role, Role::Follower { follows: true } | Role::Leader { .. });
            // Without a quorum an epoch can have two leaders: the one sorted first remains.
            let is_first = self.config.quorum == Quorum::None && *from < bound.to;
            // Whoever it voted for, another one was elected; but once it has a leader, there is no other one in that epoch.
            epoch > bound.epoch || epoch == bound.epoch && (bound.to == *from || !has_leader || is_first)
        });
        if granted {
            self.bind(epoch, from, said);
            self.role = Role::Follower { follows: true };
            self.abstains_until = now + self.config.lease;
        }
        self.highest = self.highest.max(epoch);
        said.sent.push((from.clone(), Body::Follow { epoch: self.bound_epoch(), granted, sent }));
    }

    /// Takes an answer to `lead`: with the time that it confirms, or a refusal.
    fn confirm(&mut self, from: &Node, epoch: Epoch, sent: Option<Duration>, now: Duration, view: &View) {
        let (needed, term, own) = (self.needed(view), self.config.term(), self.bound_epoch());
        let Role::Leader { confirmed, until, .. } = &mut self.role else { return };
        if epoch > own {
            self.step_down(now, view);
        } else if let (true, Some(sent)) = (epoch == own, sent) {
            let newest = confirmed.entry(from.clone()).or_default();
            *newest = sent.min(now).max(*newest);
            let mut times: Vec<_> = confirmed.values().copied().collect();
            times.sort_unstable_by(|one, other| other.cmp(one));
            let renewed = times.get(needed - 1).map(|sent| *sent + term);
            if renewed > Some(now) {
                *until = renewed.max(*until);
            }
        }
    }

    /// The node that this one follows has stopped: nothing is promised to it any more.
    fn release(&mut self, from: &Node, now: Duration) {
        let was_leader = matches!(self.role, Role::Follower { follows: true })
            && self.bound.as_ref().is_some_and(|bound| bound.to == *from);
        if was_leader {
            self.role = Role::Follower { follows: false };
            (self.abstains_until, self.attempts_at) = (now, now);
        }
    }
}
