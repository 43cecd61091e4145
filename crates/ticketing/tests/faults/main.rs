//! The fault suite: people sell and buy while services, broker, database and network fail as a seed says; then everything
//! must add up.
//!
//! ```console
//! $ cargo test -p ticketing --test faults                              # 8 runs
//! $ cargo test -p ticketing --test faults -- --runs 200 --seed 1000    # as many as there is time for
//! $ cargo test -p ticketing --test faults -- --planted                 # sees that it finds what it should
//! ```
#![expect(clippy::print_stdout, reason = "a program that reports")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod checker;
mod people;
mod planted;
mod program;
mod proxy;
mod records;
mod run;
mod schedule;
mod story;
mod world;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use clap::Parser;

/// Lets services, broker, database and network fail under load, and sees that nothing is lost and nothing happens twice
#[derive(Debug, Parser)]
#[command(max_term_width = 100)]
struct Options {
    /// How many runs, each with a seed of its own
    #[arg(long, value_name = "NUMBER", default_value_t = 8)]
    runs: u64,
    /// The seed of the first run; the others count on
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// How many runs at once; a run waits more than it works
    #[arg(long, value_name = "NUMBER", default_value_t = 3)]
    jobs: usize,
    /// Where the services' programs are; without this option, those of this build
    #[arg(long, value_name = "FOLDER")]
    programs: Option<PathBuf>,
    /// Plant each known fault into a copy of the sources, and see that it is found in 8 runs
    #[arg(long)]
    planted: bool,
    /// As other tests take it: this one runs if its name, `faults`, has it in it
    #[arg(hide = true)]
    filter: Option<String>,
    /// As other tests take it
    #[arg(long, hide = true)]
    nocapture: bool,
}

/// The programs of this build, brought up to date: a test of one crate builds no program of another.
fn built() -> PathBuf {
    let mut build = Command::new(env!("CARGO"));
    build.args(["test", "--workspace", "--no-run", "--quiet", "--manifest-path"]);
    build.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.toml")).stderr(Stdio::null());
    assert!(build.status().unwrap().success(), "the programs do not build: cargo test --workspace --no-run says why");
    Path::new(env!("CARGO_BIN_EXE_ticketing")).parent().unwrap().to_owned()
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    if options.filter.as_ref().is_some_and(|filter| !"faults".contains(filter.as_str())) {
        return ExitCode::SUCCESS;
    }
    let programs = options.programs.unwrap_or_else(built);
    let seeds = options.seed..options.seed + options.runs;
    let fine = match options.planted {
        true => planted::all_are_found(seeds).await,
        false => planted::all_apply() & run::all(seeds, options.jobs, &programs).await,
    };
    if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
