//! A run: some computers, their network, and what happens to them.

use std::collections::BTreeMap;
use std::time::Duration;

use cluster::Node;
use cluster::machine::{Effect, Input, Leadership, Machine};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::bug::Bug;
use super::fault::{Clocks, Fault, PEACE, Victim, faults};
use super::host::{Host, Packet};
use super::judge::{Invariant, Judge, Violation, violated};
use super::network::{Fate, Network};

/// How long a run takes, in its own time.
const END: Duration = Duration::from_secs(60);

/// How soon after the last fault there must be a leader: three leases. The first ends what nodes have promised; another one is
/// lost if the first that is elected has not known how high the epochs are.
pub(crate) const BOUND: Duration = Duration::from_secs(9);

/// The shortest time between two losses of files. The nodes' first starts count as one.
const LOSSES_EVERY: Duration = Duration::from_secs(25);

/// The pause between two publications of a leader.
const PUBLISHES_EVERY: Duration = Duration::from_millis(200);

#[derive(Debug)]
enum Event {
    Arrives {
        from: usize,
        to: usize,
        packet: Packet,
    },
    /// The node has asked to be woken. Only the newest request of its life counts.
    Wakes {
        node: usize,
        request: u64,
    },
    Publishes {
        node: usize,
    },
    Happens(Fault),
}

/// What a run was like.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) led_after: Duration,
    pub(crate) terms: usize,
    pub(crate) delivered: usize,
    pub(crate) trace: Vec<String>,
}

/// Runs one seed to its end, or to the first violation.
pub(crate) fn run(seed: u64, bug: Option<Bug>, is_traced: bool) -> Result<Report, Violation> {
    let mut world = World::new(seed, bug, is_traced);
    world.run()?;
    let Judge { led_after, delivered, .. } = world.judge;
    let led_after = led_after.unwrap_or(END);
    Ok(Report { led_after, terms: world.judge.terms(), delivered, trace: world.trace.unwrap_or_default() })
}

struct World {
    now: Duration,
    random: StdRng,
    hosts: Vec<Host>,
    network: Network,
    held: Vec<(usize, usize, Packet)>,
    /// By time, and by the order in which they were planned.
    events: BTreeMap<(Duration, u64), Event>,
    planned: u64,
    /// The newest request of each node to be woken.
    requests: Vec<u64>,
    /// When a file was lost.
    lost_at: Duration,
    judge: Judge,
    bug: Option<Bug>,
    trace: Option<Vec<String>>,
}

impl World {
    fn new(seed: u64, bug: Option<Bug>, is_traced: bool) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let nodes = random.random_range(3..=5);
        let clocks = if seed.is_multiple_of(2) { Clocks::Honest } else { Clocks::Broken };
        let host = |number: usize, random: &mut StdRng| {
            let node = format!("127.0.0.{}:4440", number + 1).parse().unwrap();
            Host::new(node, random.random_range(-5000..5000), random.random_range(-10_000..10_000))
        };
        let mut world = Self {
            now: Duration::ZERO,
            hosts: (0..nodes).map(|number| host(number, &mut random)).collect(),
            network: Network::default(),
            held: Vec::new(),
            events: BTreeMap::new(),
            planned: 0,
            requests: vec![0; nodes],
            lost_at: Duration::ZERO,
            judge: Judge::new(clocks),
            bug,
            trace: is_traced.then(Vec::new),
            random,
        };
        for node in 0..nodes {
            let first = Duration::from_millis(world.random.random_range(0..2000));
            world.plan(first, Event::Happens(Fault::Start { node, loses_file: false }));
            world.plan(first, Event::Publishes { node });
        }
        for (at, fault) in faults(nodes, clocks, &mut world.random) {
            world.plan(at, Event::Happens(fault));
        }
        world
    }

    fn plan(&mut self, at: Duration, event: Event) {
        self.planned += 1;
        self.events.insert((at, self.planned), event);
    }

    fn run(&mut self) -> Result<(), Violation> {
        while let Some(((now, _), event)) = self.events.pop_first().filter(|((now, _), _)| *now < END) {
            self.now = now;
            if matches!(event, Event::Wakes { node, request } if self.requests[node] != request) {
                continue;
            }
            if let Some(trace) = &mut self.trace {
                trace.push(format!("{now:?} {event:?}"));
            }
            match event {
                Event::Arrives { from, to, packet } => self.arrive(from, to, packet)?,
                Event::Wakes { node, .. } => self.step(node, Input::Tick),
                Event::Publishes { node } => self.publish(node),
                Event::Happens(fault) => self.happen(fault)?,
            }
            self.look()?;
        }
        self.now = END;
        self.look_at_the_end()
    }

    /// Whoever runs, frozen or not, with who leads there.
    fn look(&mut self) -> Result<(), Violation> {
        let lives =
            self.hosts.iter().enumerate().filter_map(|(node, host)| Some((node, host.lives, host.life.as_ref()?)));
        let leaders = lives.filter_map(|(node, lives, life)| Some(((node, lives), life.leads(self.now)?)));
        let leaders: Vec<_> = leaders.collect();
        self.judge.lead(self.now, &leaders)?;
        if self.now > PEACE + BOUND && leaders.is_empty() {
            return violated(self.now, Invariant::LeaderSoon, "there is no leader".to_owned());
        }
        Ok(())
    }

    fn look_at_the_end(&self) -> Result<(), Violation> {
        let machines: Vec<&Machine> = self.hosts.iter().map(|host| &host.life.as_ref().unwrap().machine).collect();
        let names: Vec<_> = self.hosts.iter().map(|host| host.node.clone()).collect();
        let mut leaders: Vec<Node> = Vec::new();
        for (host, machine) in self.hosts.iter().zip(&machines) {
            let members = machine.members();
            if !members.iter().map(|member| &member.node).eq(&names) || members != machines[0].members() {
                let what = format!("at {}: {members:?}, and at the first {:?}", host.node, machines[0].members());
                return violated(self.now, Invariant::RosterRight, what);
            }
            match machine.leadership(host.life.as_ref().unwrap().clock.read(self.now)) {
                Leadership::Leader { .. } => leaders.push(host.node.clone()),
                Leadership::Follower { leader, .. } => leaders.push(leader),
                Leadership::Unknown => {
                    return violated(self.now, Invariant::RosterRight, format!("{} knows no leader", host.node));
                }
            }
        }
        leaders.dedup();
        if leaders.len() > 1 {
            return violated(self.now, Invariant::RosterRight, format!("nodes follow {leaders:?}"));
        }
        Ok(())
    }

    fn arrive(&mut self, from: usize, to: usize, packet: Packet) -> Result<(), Violation> {
        let (host, sender) = (&mut self.hosts[to], from);
        let Some(life) = &mut host.life else { return Ok(()) };
        if life.is_frozen {
            life.waiting.push((sender, packet));
            return Ok(());
        }
        match packet {
            Packet::Cluster(mut message) => {
                if self.bug == Some(Bug::LeaseFromAnswer) {
                    Bug::confuse(&mut message);
                }
                let from = self.hosts[from].node.clone();
                self.step(to, Input::Received { from, message });
            }
            Packet::Publication { epoch } => {
                if life.reader.admits(epoch) || self.bug == Some(Bug::NoFence) {
                    self.judge.deliver(self.now, (to, host.lives), epoch)?;
                    let leader = self.hosts[from].node.clone();
                    self.step(to, Input::Observed { epoch, leader });
                }
            }
        }
        Ok(())
    }

    fn publish(&mut self, node: usize) {
        self.plan(self.now + PUBLISHES_EVERY, Event::Publishes { node });
        let life = self.hosts[node].life.as_ref().filter(|life| !life.is_frozen);
        if let Some(epoch) = life.and_then(|life| life.leads(self.now)) {
            (0..self.hosts.len()).for_each(|to| self.send(node, to, Packet::Publication { epoch }));
        }
    }

    /// One step of a node, and what it asks for.
    fn step(&mut self, node: usize, input: Input) {
        let Some(life) = self.hosts[node].life.as_mut().filter(|life| !life.is_frozen) else { return };
        let mut effects = life.machine.step(life.clock.read(self.now), input);
        let saves = effects.iter().any(|effect| matches!(effect, Effect::Save(_)));
        let dies = life.dies_after.filter(|_| saves);
        if let Some(after) = dies {
            effects.truncate(after);
        }
        let wakes_in = life.clock.until(self.now, life.machine.wakes_at());
        for effect in effects {
            match effect {
                Effect::Save(bound) => {
                    let file = &mut self.hosts[node].file;
                    if self.bug != Some(Bug::VoteNotSaved) || file.is_none() {
                        *file = Some(bound);
                    }
                }
                Effect::Send { to, message } => {
                    let to = self.hosts.iter().position(|host| host.node == to).unwrap();
                    self.send(node, to, Packet::Cluster(message));
                }
            }
        }
        self.requests[node] += 1;
        if dies.is_some() {
            self.hosts[node].life = None;
        } else {
            self.plan(self.now + wakes_in, Event::Wakes { node, request: self.requests[node] });
        }
    }

    fn send(&mut self, from: usize, to: usize, packet: Packet) {
        match self.network.fate(from, to, &mut self.random) {
            Fate::Held => self.held.push((from, to, packet)),
            Fate::Arrives(delays) => {
                for delay in delays {
                    self.plan(self.now + delay, Event::Arrives { from, to, packet: packet.clone() });
                }
            }
        }
    }

    fn victim(&self, victim: Victim) -> usize {
        let leads = |host: &Host| host.life.as_ref().is_some_and(|life| life.leads(self.now).is_some());
        match victim {
            Victim::Node(node) => node,
            Victim::LeaderOr(node) => self.hosts.iter().position(leads).unwrap_or(node),
        }
    }

    fn happen(&mut self, fault: Fault) -> Result<(), Violation> {
        let now = self.now;
        match fault {
            Fault::Kill { victim, after_effects, lasts, loses_file } => {
                let node = self.victim(victim);
                match (&mut self.hosts[node].life, after_effects) {
                    (Some(life), Some(_)) => life.dies_after = after_effects,
                    (life, _) => *life = None,
                }
                self.plan(now + lasts, Event::Happens(Fault::Start { node, loses_file }));
            }
            Fault::Stop { victim, lasts, loses_file } => {
                let node = self.victim(victim);
                if self.hosts[node].life.as_ref().is_some_and(|life| !life.is_frozen) {
                    self.step(node, Input::Leave);
                    self.hosts[node].life = None;
                    self.plan(now + lasts, Event::Happens(Fault::Start { node, loses_file }));
                }
            }
            Fault::Start { node, loses_file } => self.start(node, loses_file),
            Fault::Freeze { victim, with_its_clock, lasts } => {
                let node = self.victim(victim);
                if let Some(life) = &mut self.hosts[node].life {
                    life.is_frozen = true;
                    if with_its_clock {
                        life.clock.stop(now);
                    }
                    self.plan(now + lasts, Event::Happens(Fault::Thaw { node }));
                }
            }
            Fault::Thaw { node } => self.thaw(node)?,
            Fault::Jump { victim, milliseconds, wall } => {
                let node = self.victim(victim);
                let host = &mut self.hosts[node];
                host.wall = wall;
                // Nobody reads the clock of a frozen node.
                if let Some(life) = host.life.as_mut().filter(|life| !life.is_frozen) {
                    life.clock.jump(now, milliseconds);
                    self.step(node, Input::Tick);
                }
            }
            Fault::Cut { victim, shape, holds } => {
                self.network.cut(shape.pairs(self.victim(victim), self.hosts.len()), holds);
            }
            Fault::Slow { victim, milliseconds } => {
                self.network.slow = Some((self.victim(victim), Duration::from_millis(milliseconds)));
            }
            Fault::Disturb { lost, odd } => (self.network.lost, self.network.odd) = (lost, odd),
            Fault::Heal => {
                self.network.heal();
                for (from, to, packet) in std::mem::take(&mut self.held) {
                    self.send(from, to, packet);
                }
            }
        }
        Ok(())
    }

    /// Starts a node with one other one as its seed; some node must be named by others, so that two groups can't come about.
    fn start(&mut self, node: usize, loses_file: bool) {
        let size = self.hosts.len();
        let seeds = [self.hosts[0].node.clone(), self.hosts[(node + 1) % size].node.clone()];
        let host = &mut self.hosts[node];
        if let Some(life) = &mut host.life {
            life.dies_after = None;
        } else {
            if loses_file && self.now >= self.lost_at + LOSSES_EVERY {
                (host.file, self.lost_at) = (None, self.now);
            }
            host.start(self.now, &seeds, size, self.bug);
            self.step(node, Input::Tick);
        }
    }

    fn thaw(&mut self, node: usize) -> Result<(), Violation> {
        let Some(life) = self.hosts[node].life.as_mut().filter(|life| life.is_frozen) else { return Ok(()) };
        life.is_frozen = false;
        life.clock.go_on(self.now);
        // What is due comes first, or what has arrived: both happen.
        let (waiting, is_late) = (std::mem::take(&mut life.waiting), self.random.random_bool(0.5));
        if is_late {
            self.step(node, Input::Tick);
        }
        for (from, packet) in waiting {
            self.arrive(from, node, packet)?;
        }
        self.step(node, Input::Tick);
        Ok(())
    }
}
