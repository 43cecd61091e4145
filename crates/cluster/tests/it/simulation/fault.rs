//! What goes wrong in a run, and when.

use std::collections::BTreeSet;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;

/// The end of the last fault.
pub(crate) const PEACE: Duration = Duration::from_secs(45);

/// Something that goes wrong, or what ends it.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// The node is killed: now, or in the middle of its next step that saves something, after so many effects. After a time it
    /// starts again.
    Kill { victim: Victim, after_effects: Option<usize>, lasts: Duration, loses_file: bool },
    /// The node stops properly. After a time it starts again.
    Stop { victim: Victim, lasts: Duration, loses_file: bool },
    /// The node starts, unless it runs.
    Start { node: usize, loses_file: bool },
    /// The node does not run for a time; messages to it wait.
    Freeze { victim: Victim, with_its_clock: bool, lasts: Duration },
    /// The node runs again.
    Thaw { node: usize },
    /// The node's clock jumps, and the clock on its wall reads this much more than it should.
    Jump { victim: Victim, milliseconds: i64, wall: i64 },
    /// Some messages do not arrive, until the network is healed.
    Cut { victim: Victim, shape: Shape, holds: bool },
    /// Messages to the node take this much longer, until the network is healed.
    Slow { victim: Victim, milliseconds: u64 },
    /// Messages are lost, and late or duplicated, until the network is healed.
    Disturb { lost: u32, odd: u32 },
    /// The network is whole.
    Heal,
}

/// Which node a fault is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Victim {
    /// Whoever leads; this one if nobody does.
    LeaderOr(usize),
    /// This one.
    Node(usize),
}

/// Where the network is cut.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// What the victim sends.
    From,
    /// What is sent to the victim.
    To,
    /// What the victim sends to this node.
    FromTo(usize),
    /// What is sent between nodes whose bits differ.
    Between(u32),
}

/// Whether the clocks of a run may stop and jump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clocks {
    Honest,
    Broken,
}

/// All faults of a run, in the order of time.
pub(crate) fn faults(nodes: usize, clocks: Clocks, random: &mut StdRng) -> Vec<(Duration, Fault)> {
    let mut all = Vec::new();
    let pause = random.random_range(500..6000);
    let mut now = Duration::from_millis(random.random_range(0..8000));
    while now < PEACE {
        let lasts = Duration::from_millis(random.random_range(50..9000)).min(PEACE - now);
        let node = random.random_range(0..nodes);
        let victim = if random.random_bool(0.4) { Victim::LeaderOr(node) } else { Victim::Node(node) };
        let after_effects = random.random_bool(0.5).then(|| random.random_range(0..4));
        let loses_file = random.random_bool(0.15);
        let is_broken = clocks == Clocks::Broken;
        let fault = match random.random_range(0..10) {
            0 | 1 => Fault::Kill { victim, after_effects, lasts, loses_file },
            2 => Fault::Stop { victim, lasts, loses_file },
            3 | 4 => Fault::Freeze { victim, with_its_clock: is_broken && random.random_bool(0.5), lasts },
            5 | 6 => Fault::Cut { victim, shape: Shape::any(nodes, random), holds: random.random_bool(0.3) },
            7 => Fault::Slow { victim, milliseconds: random.random_range(100..5000) },
            8 => Fault::Disturb { lost: random.random_range(0..400), odd: random.random_range(0..500) },
            _ => {
                let milliseconds = if is_broken { random.random_range(-5000..5000) } else { 0 };
                Fault::Jump { victim, milliseconds, wall: random.random_range(-5000..5000) }
            }
        };
        if matches!(fault, Fault::Cut { .. } | Fault::Slow { .. } | Fault::Disturb { .. }) {
            all.push((now + lasts, Fault::Heal));
        }
        all.push((now, fault));
        now += Duration::from_millis(random.random_range(0..pause));
    }
    all.push((PEACE, Fault::Heal));
    for node in 0..nodes {
        all.push((PEACE, Fault::Thaw { node }));
        all.push((PEACE, Fault::Start { node, loses_file: false }));
    }
    all
}

impl Shape {
    fn any(nodes: usize, random: &mut StdRng) -> Self {
        match random.random_range(0..5) {
            0 => Self::From,
            1 => Self::To,
            2 => Self::FromTo(random.random_range(0..nodes)),
            _ => Self::Between(random.random_range(1..(1 << nodes) - 1)),
        }
    }

    /// The pairs of sender and receiver whose messages do not arrive.
    pub(crate) fn pairs(self, victim: usize, nodes: usize) -> BTreeSet<(usize, usize)> {
        let all = (0..nodes).flat_map(|from| (0..nodes).map(move |to| (from, to)));
        let is_cut = |(from, to): &(usize, usize)| match self {
            Self::From => *from == victim,
            Self::To => *to == victim,
            Self::FromTo(other) => (*from, *to) == (victim, other),
            Self::Between(sides) => sides >> from & 1 != sides >> to & 1,
        };
        all.filter(is_cut).collect()
    }
}
