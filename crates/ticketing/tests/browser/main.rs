//! The pages in a real browser: `cargo test --workspace --test browser -- --help` explains its options.
//!
//! The tests are scripts in the folder `pages`, for Playwright and Debian's Chromium, which people use too.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that says where it can't go on, and why it is ignored"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use clap::Parser;
use testkit::{Process, without_settings};

/// How long an order reserves its ticket: as long as the slowest test needs to pay, since one test waits for the end.
const ORDER_WINDOW_SECONDS: &str = "45";

const EXAMPLES: &str = "\
Examples:
  cargo test --workspace --test browser -- --ignored                          Run the tests
  cargo test --workspace --test browser -- --ignored --screenshots pictures   Keep pictures of all pages as well

It needs a Chromium (apt-get install chromium) and Node.js with npm, which installs Playwright and axe-core into a
temporary folder.";

/// Sell, buy, pay, cancel, and let expire in a real browser, with script and without, by mouse and by keyboard
#[derive(Debug, Parser)]
#[command(name = "browser", max_term_width = 100, after_help = EXAMPLES)]
struct Options {
    /// Run the tests, which are ignored otherwise, because not every machine has a browser
    #[arg(long)]
    ignored: bool,
    /// Keep pictures of all pages in this folder, in light, in dark, and as on a phone
    #[arg(long, value_name = "FOLDER")]
    screenshots: Option<PathBuf>,
    /// Run this Chromium
    #[arg(long, value_name = "PROGRAM", default_value = "chromium")]
    chromium: String,
    /// Run only if the name of this test, `browser`, contains the text, as other tests do
    #[arg(hide = true)]
    filter: Option<String>,
    /// Accept the option of other tests; it has no effect
    #[arg(long, hide = true)]
    nocapture: bool,
}

fn main() -> ExitCode {
    let Options { ignored, screenshots, chromium, filter, .. } = Options::parse();
    if filter.is_some_and(|filter| !"browser".contains(&filter)) {
        return ExitCode::SUCCESS;
    }
    if !ignored {
        println!("browser ... ignored, needs Chromium and npm: cargo test --workspace --test browser -- --ignored");
        return ExitCode::SUCCESS;
    }
    let scripts = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/pages")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), scripts.path().join(entry.file_name())).unwrap();
    }
    succeed(npm(scripts.path()), "npm installs Playwright and axe-core");
    let chromium = found(&chromium);

    let data = tempfile::tempdir().unwrap();
    let mut application = Process::start(ticketing(data.path()));
    let guide = application.lines_until("Ctrl-C stops it.");
    let origin = guide.lines().find_map(|line| line.trim_start().strip_prefix("pages")).unwrap().trim();
    let mut journey = Command::new("node");
    journey.current_dir(scripts.path()).args(["journey.mjs", origin]).arg(chromium);
    if let Some(folder) = screenshots {
        fs::create_dir_all(&folder).unwrap();
        journey.arg(folder.canonicalize().unwrap());
    }
    let passed = journey.status().expect("node runs").success();
    let ended = application.interrupt();
    assert_eq!(ended.code, Some(0), "the application ends: {ended:?}");
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn npm(folder: &Path) -> Command {
    let mut npm = Command::new("npm");
    npm.current_dir(folder).args(["install", "--no-audit", "--no-fund", "--loglevel=error"]);
    npm
}

/// The program's whole path.
fn found(program: &str) -> PathBuf {
    let found = Command::new("sh").args(["-c", r#"command -v "$0""#, program]).output().unwrap();
    assert!(found.status.success(), "there is no {program}: apt-get install chromium, or name one with --chromium");
    PathBuf::from(String::from_utf8(found.stdout).unwrap().trim_end())
}

fn succeed(mut command: Command, what: &str) {
    let status = command.stdin(Stdio::null()).status();
    assert!(status.is_ok_and(|status| status.success()), "{what}: {command:?} failed");
}

/// The application on servers and data of its own, without what this test's environment may say.
fn ticketing(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ticketing"));
    without_settings(&mut command, &ticketing::PROGRAMS);
    command.args(["--free-ports", "--order-window-seconds", ORDER_WINDOW_SECONDS, "--data-dir"]).arg(data);
    command
}
