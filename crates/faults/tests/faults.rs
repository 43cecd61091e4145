//! Runs the fault suite: `cargo test --workspace --test faults -- --help` explains its options.

use std::process::ExitCode;

use clap::Parser;
use faults::Options;

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    if !options.is_selected() {
        return ExitCode::SUCCESS;
    }
    faults::main(options).await
}
