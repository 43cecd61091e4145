//! What many readers cost: `cargo bench -p hub` prints the numbers, for 1000 and for 5000 readers, of server-sent events and of
//! WebSockets. Numbers choose: `cargo bench -p hub -- 1000`. `cargo bench -p hub -- frozen` measures what frozen readers cost the
//! others: see the module.
//!
//! Each row is beside a bare server in the same run: a loop that writes the same bytes to each socket, and does nothing else.
//! The readers run on the same processors as the server.
#![expect(clippy::unwrap_used, reason = "a bench that cannot go on should say where")]
#![expect(clippy::print_stdout, reason = "a bench is run for its numbers")]

mod bare;
mod frozen;
mod readers;
mod server;

use std::iter::repeat_n;
use std::time::{Duration, Instant};

use readers::Readers;
use server::{Kind, Server};
use tokio::time::{interval, sleep};

/// How many messages a second are published while the delay is measured, and for how long.
const PACE: u32 = 4;
const PACED: Duration = Duration::from_secs(15);

/// How many deliveries a burst makes.
const BURST: usize = 200_000;

/// What was measured of one kind of server with one number of readers.
struct Row {
    kibibytes: f64,
    p50: f64,
    p99: f64,
    paced_cpu: f64,
    per_second: f64,
    burst_cpu: f64,
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.first().map(String::as_str) {
        Some("bare") => return bare::serve().await,
        Some("beside") => return frozen::read(&arguments[1]).await,
        Some("frozen") => {
            machine();
            return frozen::compare(&arguments[1..]).await;
        }
        _ => {}
    }
    let chosen: Vec<usize> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    let numbers = if chosen.is_empty() { vec![1000, 5000] } else { chosen };
    machine();
    println!("{PACE} messages a second for {} s; then {BURST} deliveries at once", PACED.as_secs());
    println!();
    println!("readers  server          KiB/reader  p50 ms  p99 ms  CPU us  burst/s  CPU us  of bare");
    for readers in numbers {
        let bare = measure(Kind::Bare, readers).await;
        print(readers, "bare loop", &bare, &bare);
        for (kind, name) in [(Kind::Events, "events"), (Kind::WebSockets, "WebSockets")] {
            print(readers, name, &measure(kind, readers).await, &bare);
        }
    }
    println!();
    println!(
        "KiB/reader: resident memory of a quiet reader, in the server. CPU: of the server, for each delivery, paced and in"
    );
    println!("the burst. Of bare: deliveries a second in the burst, as a part of the bare loop's.");
}

fn machine() {
    let processor = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processor.lines().find_map(|line| line.strip_prefix("model name\t: ")).unwrap_or("unknown").to_owned();
    let processors = std::thread::available_parallelism().unwrap();
    println!("{processors} processors, {model}; the readers run beside the server");
}

async fn measure(kind: Kind, count: usize) -> Row {
    let mut server = Server::start(kind, &[]).await;
    let before = server.resident();
    let readers = Readers::connect(server.address, kind, repeat_n(0, count)).await;
    sleep(Duration::from_secs(2)).await;
    let kibibytes = (server.resident() - before) as f64 / 1024.0 / count as f64;

    let ticks = server.cpu();
    let mut beat = interval(Duration::from_secs(1) / PACE);
    let messages = PACE * u32::try_from(PACED.as_secs()).unwrap();
    for number in 1..=messages as usize {
        beat.tick().await;
        server.publish(0, 0).await;
        readers.received(number * count).await;
    }
    let deliveries = messages as usize * count;
    let paced_cpu = (server.cpu() - ticks).as_secs_f64() * 1e6 / deliveries as f64;
    let (p50, p99) = (readers.delay(0.5), readers.delay(0.99));

    let (ticks, started) = (server.cpu(), Instant::now());
    for _ in 0..BURST / count {
        server.publish(0, 0).await;
    }
    readers.received(deliveries + BURST / count * count).await;
    let per_second = BURST as f64 / started.elapsed().as_secs_f64();
    let burst_cpu = (server.cpu() - ticks).as_secs_f64() * 1e6 / BURST as f64;
    Row { kibibytes, p50, p99, paced_cpu, per_second, burst_cpu }
}

fn print(readers: usize, server: &str, row: &Row, bare: &Row) {
    let Row { kibibytes, p50, p99, paced_cpu, per_second, burst_cpu } = row;
    let ratio = per_second / bare.per_second;
    println!(
        "{readers:>7}  {server:<14}  {kibibytes:>10.1}  {p50:>6.1}  {p99:>6.1}  {paced_cpu:>6.1}  {per_second:>7.0}  {burst_cpu:>6.1}  {ratio:>7.2}"
    );
}
