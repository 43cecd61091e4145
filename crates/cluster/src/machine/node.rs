//! One node: its roster and its part in the election.

use std::time::Duration;

use super::config::{Config, Start};
use super::effect::Effect;
use super::election::{Election, Said, View};
use super::leadership::Leadership;
use super::message::{Body, Message};
use super::roster::{Member, Received, Roster};
use super::steady::Steady;
use crate::epoch::Epoch;
use crate::node::Node;

/// One life of a node of the cluster, from its start to its end.
#[derive(Debug)]
pub struct Machine {
    config: Config,
    roster: Roster,
    election: Election,
    clock: Steady,
    /// When the next heartbeats are sent.
    sends_at: Duration,
    has_left: bool,
}

/// What happens to a node.
#[derive(Clone, Debug)]
pub enum Input {
    /// Time has passed: at the latest at [`Machine::wakes_at`].
    Tick,
    /// A message has arrived.
    Received {
        /// Its sender.
        from: Node,
        /// The message.
        message: Message,
    },
    /// A reader on this node was handed a publication of this term.
    Observed {
        /// The epoch of the term.
        epoch: Epoch,
        /// The node that has published it.
        leader: Node,
    },
    /// The node stops, after its own term has ended for everybody on it. Nothing that happens later has an effect.
    Leave,
}

impl Machine {
    /// A node that starts at this time. Times are measured from any fixed moment, by a clock that is the node's own.
    pub fn new(config: Config, start: Start, now: Duration) -> Self {
        let roster = Roster::new(&config, start.wall_clock, now);
        let election = Election::new(&config, start, now);
        Self { config, roster, election, clock: Steady::new(now), sends_at: now, has_left: false }
    }

    /// Who is alive, this node included, sorted by name.
    pub fn members(&self) -> Vec<Member> {
        self.roster.members()
    }

    /// All other nodes that it knows, alive or not: it wants to reach each of them.
    pub fn others(&self) -> Vec<Node> {
        self.roster.others()
    }

    /// Who leads at this time: a term may have ended since the last step.
    pub fn leadership(&self, now: Duration) -> Leadership {
        match self.election.leadership(self.clock.at(now)) {
            Leadership::Leader { epoch, until } => Leadership::Leader { epoch, until: self.clock.reading(until) },
            other @ (Leadership::Follower { .. } | Leadership::Unknown) => other,
        }
    }

    /// When the next step is due, if nothing happens before.
    pub fn wakes_at(&self) -> Duration {
        let election = self.election.wakes_at(&self.view());
        let next = election.min(self.sends_at).min(self.roster.expires_at().unwrap_or(self.sends_at));
        self.clock.reading(next)
    }

    /// Takes what has happened by this time. The effects must be carried out in their order.
    pub fn step(&mut self, now: Duration, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.has_left {
            return effects;
        }
        self.advance(now, &mut effects);
        match input {
            Input::Tick => {}
            Input::Received { from, message } => {
                if from != self.config.node {
                    self.receive(&from, message, &mut effects);
                }
            }
            Input::Observed { epoch, leader } => {
                let (mut said, view) = (Said::default(), self.view());
                self.election.observe(epoch, &leader, self.clock.now(), &view, &mut said);
                self.express(said, &mut effects);
            }
            Input::Leave => {
                self.has_left = true;
                self.election.resign(self.clock.now(), &self.view());
                effects.extend(self.roster.others().into_iter().map(|other| self.send(other, Body::Leave)));
            }
        }
        effects
    }

    /// Does what is due by this time.
    fn advance(&mut self, now: Duration, effects: &mut Vec<Effect>) {
        let before = self.clock.now();
        self.clock.advance(now);
        let now = self.clock.now();
        let passed = now - before;
        if passed > self.config.lease / 2 {
            self.roster.excuse(passed); // this node did not run; what the others have sent is still waiting
        }
        self.roster.expire(now);
        let (mut said, view) = (Said::default(), self.view());
        self.election.tick(now, &view, &mut said);
        self.express(said, effects);
        if now >= self.sends_at {
            self.sends_at = now + self.config.heartbeat();
            let beats = self.roster.others().into_iter().map(|other| self.heartbeat(other));
            effects.extend(beats);
        }
    }

    fn receive(&mut self, from: &Node, message: Message, effects: &mut Vec<Effect>) {
        let (now, Message { incarnation, body }) = (self.clock.now(), message);
        self.roster.learn([from], now);
        let received = self.roster.receive(from, incarnation, now);
        if let Body::Heartbeat { members, least, .. } = &body {
            if let Some(least) = least {
                self.roster.rise(*least);
            }
            let added = self.roster.learn(members, now);
            effects.extend(added.into_iter().map(|node| self.heartbeat(node)));
        }
        if received != Received::Expected {
            // It learns at once that it was found; or, if its clock is behind that of its former life, the incarnation to exceed.
            effects.push(self.heartbeat(from.clone()));
        }
        if received == Received::Outdated {
            return;
        }
        if body == Body::Leave {
            self.roster.leave(from, incarnation);
        }
        let (mut said, view) = (Said::default(), self.view());
        self.election.receive(from, body, now, &view, &mut said);
        self.express(said, effects);
    }

    fn view(&self) -> View {
        let members = self.roster.members();
        let before = members.iter().take_while(|member| member.node != self.config.node).count();
        View { others: self.roster.others(), alive: members.len(), rank: u32::try_from(before).unwrap_or(u32::MAX) }
    }

    fn heartbeat(&self, to: Node) -> Effect {
        let members = self.roster.members().into_iter().map(|member| member.node).collect();
        let least = self.roster.least(&to);
        let highest = self.election.highest();
        self.send(to, Body::Heartbeat { members, least, highest })
    }

    fn express(&self, said: Said, effects: &mut Vec<Effect>) {
        effects.extend(said.saved.map(Effect::Save));
        effects.extend(said.sent.into_iter().map(|(to, body)| self.send(to, body)));
    }

    fn send(&self, to: Node, body: Body) -> Effect {
        Effect::Send { to, message: Message { incarnation: self.roster.me().incarnation, body } }
    }
}
