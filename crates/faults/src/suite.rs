//! Many runs, a few at a time, with their progress; and what the options ask for instead.

use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::pin::pin;
use std::process::ExitCode;

use exercises::UnknownBug;
use futures_util::{FutureExt, StreamExt, stream};
use service::Error;
use tokio::signal::unix::{SignalKind, signal};

use crate::build::build_all;
use crate::options::Options;
use crate::run;
use crate::seeded_bugs::{self, check_patches};

/// The exit code after Ctrl-C, as shells have it.
const INTERRUPTED: u8 = 130;

/// The exit code after an option that makes no sense, as clap has it.
const WRONG_USAGE: u8 = 2;

/// Does what the options ask for; Ctrl-C and SIGTERM end it early and stop everything that it has started.
pub async fn main(options: Options) -> ExitCode {
    let mut terminate = signal(SignalKind::terminate()).unwrap();
    tokio::select! {
        result = perform(options) => match result {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(error) => {
                println!("error: {error:#}");
                if error.is::<UnknownBug>() { ExitCode::from(WRONG_USAGE) } else { ExitCode::FAILURE }
            }
        },
        _ = tokio::signal::ctrl_c() => interrupted(),
        _ = terminate.recv() => interrupted(),
    }
}

fn interrupted() -> ExitCode {
    println!("interrupted; the runs in progress were stopped");
    ExitCode::from(INTERRUPTED)
}

/// Whether nothing was violated, and everything was found.
async fn perform(options: Options) -> Result<bool, Error> {
    let seeds = options.seeds();
    if options.check_patches {
        check_patches()?;
        return Ok(true);
    }
    if let Some(which) = &options.seeded_bugs {
        return seeded_bugs::find(which, seeds).await;
    }
    let programs = match options.programs {
        Some(programs) => programs,
        None => build_all().await?,
    };
    Ok(execute_all(seeds, options.jobs, &programs).await)
}

/// Executes every run, and prints each outcome; whether there was no violation.
async fn execute_all(seeds: Range<u64>, jobs: usize, programs: &Path) -> bool {
    let count = seeds.end - seeds.start;
    println!("{count} runs, seeds {} to {}, {jobs} at a time", seeds.start, seeds.end - 1);
    let runs = stream::iter(seeds)
        .map(async |seed| (seed, AssertUnwindSafe(run::execute(seed, programs)).catch_unwind().await));
    let mut runs = pin!(runs.buffer_unordered(jobs).enumerate());
    let (mut violated, mut failed) = (0, 0);
    while let Some((finished, (seed, outcome))) = runs.next().await {
        let progress = format!("[{}/{count}]", finished + 1);
        match outcome {
            Ok(outcome) => {
                violated += usize::from(!outcome.violated.is_empty());
                println!("{progress} {outcome}");
            }
            Err(_) => {
                failed += 1;
                println!("{progress} seed {seed}: failed to execute, so it shows nothing");
            }
        }
    }
    println!("{count} runs, {violated} with violations, {failed} failed to execute");
    violated + failed == 0
}
