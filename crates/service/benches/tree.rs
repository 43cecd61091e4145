//! Starting and stopping a tree of trivial services, compared with the same number of bare tokio tasks.
//!
//! `cargo bench -p service` prints both and their ratio.
#![expect(clippy::print_stdout, reason = "a bench is run for its numbers")]
#![expect(clippy::disallowed_methods, reason = "the baseline is what a service is compared with")]

use std::time::{Duration, Instant};

use service::{Error, Scope, Service, launch};
use tokio_util::sync::CancellationToken;

const SERVICES: usize = 1000;
const ROUNDS: usize = 15;

struct Trivial;

impl Service for Trivial {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        scope.ready(());
        scope.stopping().await;
        Ok(())
    }
}

struct Root;

impl Service for Root {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        for number in 0..SERVICES {
            scope.start(&format!("service-{number}"), Trivial).await?;
        }
        scope.ready(());
        scope.stopping().await;
        Ok(())
    }
}

async fn services() -> Result<Duration, Error> {
    let began = Instant::now();
    let mut root = launch("root", Root).start();
    root.ready().await?;
    root.stop().await.result?;
    Ok(began.elapsed())
}

async fn tasks() -> Result<Duration, Error> {
    let began = Instant::now();
    let stop = CancellationToken::new();
    let mut tasks = Vec::new();
    for _ in 0..SERVICES {
        let stopping = stop.clone().cancelled_owned();
        let (ready, is_ready) = tokio::sync::oneshot::channel();
        tasks.push(tokio::spawn(async move {
            ready.send(()).ok();
            stopping.await;
        }));
        is_ready.await?;
    }
    stop.cancel();
    while let Some(task) = tasks.pop() {
        task.await?;
    }
    Ok(began.elapsed())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(services().await?);
        bare.push(tokio::spawn(tasks()).await??); // on a worker, where a service's body runs too
    }
    let (ours, bare) = (median(ours), median(bare));
    println!("{SERVICES} started one after the other and stopped, median of {ROUNDS} rounds");
    println!("  services    {ours:?}");
    println!("  bare tasks  {bare:?}");
    println!("  ratio       {:.1}", ours.as_secs_f64() / bare.as_secs_f64());
    Ok(())
}
