//! What frozen readers cost the others: `cargo bench -p hub -- frozen [PAIRS [MESSAGES]]`, 5 and 100000 if not given.
//!
//! 5000 readers of server-sent events are on 100 channels. 50 of them are in a process of its own, which is stopped (SIGSTOP) in
//! every second run; they are on the first channel, which gets a tenth of the messages, so that what they do not take
//! soon exceeds what the kernel keeps for them. 1000 messages a second are published, so 100000 take 100 seconds a run.

use std::io::{BufRead, BufReader};
use std::iter::repeat_n;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::time::{interval, sleep};

use crate::readers::Readers;
use crate::server::{Kind, Server};

const READERS: usize = 5000;
const FROZEN: usize = 50;
const CHANNELS: usize = 100;
const PER_SECOND: u32 = 1000;
const SIZE: usize = 4000;

/// How many messages a channel keeps: fewer than it gets, so that a frozen reader misses some.
const KEPT: &str = "hub.kept_messages=64";

/// What was measured of one run.
struct Run {
    p50: f64,
    p99: f64,
    /// By how much the server's memory has grown in the second half, in MiB.
    grown: f64,
}

/// Compares runs with frozen readers to runs without.
pub(crate) async fn compare(arguments: &[String]) {
    let number = |at: usize, default: usize| arguments.get(at).map_or(default, |argument| argument.parse().unwrap());
    let (pairs, messages) = (number(0, 5), number(1, 100_000));
    println!("{READERS} readers on {CHANNELS} channels, {messages} messages of {SIZE} bytes, {PER_SECOND} a second");
    println!();
    println!("pair  frozen  p50 ms  p99 ms  grown MiB (in the second half)");
    let mut ratios = Vec::new();
    for pair in 1..=pairs {
        let mut both = [0.0; 2];
        // Each is first in every second pair.
        for is_frozen in [pair % 2 == 0, pair % 2 == 1] {
            let Run { p50, p99, grown } = run(is_frozen, messages).await;
            println!("{pair:>4}  {:>6}  {p50:>6.1}  {p99:>6.1}  {grown:>9.1}", if is_frozen { FROZEN } else { 0 });
            both[usize::from(is_frozen)] = p99;
        }
        ratios.push(both[1] / both[0]);
    }
    ratios.sort_by(f64::total_cmp);
    println!();
    println!("p99 with frozen readers, as a part of the p99 without: {:.2}, the median", ratios[ratios.len() / 2]);
}

async fn run(is_frozen: bool, messages: usize) -> Run {
    let mut server = Server::start(Kind::Events, &[KEPT]).await;
    let beside = Beside::connect(&server.address.to_string());
    let others = READERS - FROZEN;
    let readers = Readers::connect(server.address, Kind::Events, (0..others).map(|number| number % CHANNELS)).await;
    if is_frozen {
        beside.freeze();
    }
    let mut beat = interval(Duration::from_secs(1) / PER_SECOND);
    let (mut before, mut deliveries) = (0, 0);
    for number in 0..messages {
        if number == messages / 2 {
            before = server.resident(); // the channels have all that they keep
        }
        beat.tick().await;
        let channel = if number % 10 == 0 { 0 } else { 1 + number % (CHANNELS - 1) };
        server.publish(channel, SIZE).await;
        deliveries += (others - channel).div_ceil(CHANNELS);
    }
    readers.received(deliveries).await;
    sleep(Duration::from_millis(100)).await;
    let grown = (server.resident() as f64 - before as f64) / 1024.0 / 1024.0;
    Run { p50: readers.delay(0.5), p99: readers.delay(0.99), grown }
}

/// Reads some channels until this process is killed.
pub(crate) async fn read(address: &str) {
    let _readers = Readers::connect(address.parse().unwrap(), Kind::Events, repeat_n(0, FROZEN)).await;
    println!("connected");
    std::future::pending::<()>().await;
}

/// The process with the readers that are frozen.
struct Beside(Child);

impl Beside {
    fn connect(address: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let mut child = command.args(["beside", address]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "connected\n");
        Self(child)
    }

    fn freeze(&self) {
        kill(Pid::from_raw(self.0.id().try_into().unwrap()), Signal::SIGSTOP).unwrap();
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}
