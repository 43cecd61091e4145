//! The tutorial in `crates/service/README.md`: its program is, step by step, that of the examples, which are run here.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use testkit::{Process, programs, until};

use super::page::{Changes, blocks};
use crate::style::workspace;

const PAGE: &str = "crates/service/README.md";

/// The program after a step.
fn example(step: u32) -> PathBuf {
    programs().join(format!("examples/tutorial-{step}"))
}

/// The programs' files are in this folder.
fn command(step: u32, folder: &Path) -> Command {
    let mut command = Command::new(example(step));
    command.env("XDG_RUNTIME_DIR", folder).current_dir(folder);
    command
}

/// What `start` has started is stopped with the test.
struct Background<'a>(&'a Path);

impl Drop for Background<'_> {
    fn drop(&mut self) {
        command(2, self.0).arg("stop").output().ok();
    }
}

/// The address that a text names.
fn address(text: &str) -> Option<SocketAddr> {
    let (_, rest) = text.split_once("127.0.0.1:")?;
    let port = rest.split(|one: char| !one.is_ascii_digit()).next()?.parse().ok()?;
    Some(SocketAddr::from(([127, 0, 0, 1], port)))
}

fn first_line(address: SocketAddr) -> String {
    let mut line = String::new();
    BufReader::new(TcpStream::connect(address).unwrap()).read_line(&mut line).unwrap();
    line
}

#[test]
fn the_program_of_each_step_is_the_example() {
    let (root, page) = (workspace(), fs::read_to_string(workspace().join(PAGE)).unwrap());
    let mut changes = Changes::of(&root);
    for step in 1..=3 {
        for block in blocks(&page).iter().filter(|block| block.step == step) {
            changes.make(block);
        }
        let example = fs::read_to_string(root.join(format!("crates/service/examples/tutorial-{step}.rs"))).unwrap();
        let (_, example) = example.split_once("\n\n").unwrap(); // after its own documentation
        // A test takes any free port.
        assert_eq!(changes.files["src/main.rs"].replace("127.0.0.1:7776", "127.0.0.1:0"), example, "step {step}");
    }
}

#[tokio::test]
async fn the_first_program_sends_a_seven_and_stops_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(command(1, folder.path()));
    until("it says where it listens", || async { address(&process.stderr()).is_some() }).await;
    assert_eq!(first_line(address(&process.stderr()).unwrap()), "7\n");
    assert_eq!(process.interrupt().code, Some(0));
}

#[test]
fn the_second_program_does_what_its_console_blocks_show() {
    let (folder, page) = (tempfile::tempdir().unwrap(), fs::read_to_string(workspace().join(PAGE)).unwrap());
    let page = blocks(&page);
    let _background = Background(folder.path());
    let shown = page.iter().filter(|block| block.step == 2).flat_map(|block| block.commands());
    let mut ran = 0;
    for shown in shown.filter(|shown| !shown.command.starts_with("cargo add")) {
        if shown.command.starts_with("nc ") {
            let status = command(2, folder.path()).args(["status", "--json"]).output().unwrap();
            let status = String::from_utf8(status.stdout).unwrap();
            let number: u8 = first_line(address(&status).unwrap()).trim().parse().unwrap();
            assert!(number <= 10);
            continue;
        }
        let line = shown.command.replace("cargo run --", &example(2).display().to_string());
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("{line} 2>&1")]).env("XDG_RUNTIME_DIR", folder.path()).current_dir(folder.path());
        let printed = String::from_utf8(shell.output().unwrap().stdout).unwrap();
        // The number of the process and the place of the log are others.
        let is_other = shown.output.contains("runs as process");
        let begin =
            |text: &str| if is_other { text.split(" process ").next().unwrap().to_owned() } else { text.to_owned() };
        assert_eq!(begin(&printed), begin(&shown.output), "{}", shown.command);
        ran += 1;
    }
    assert!(ran > 5, "{ran} commands");
}

#[test]
fn the_third_program_goes_on_after_each_lost_connection() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = command(3, folder.path());
    command.args(["--set", "numbers.rate_per_minute=6000"]);
    let mut process = Process::start(command);
    let mut received = 0;
    while received < 7 {
        received += u32::from(process.line().starts_with("received "));
    }
    assert_eq!(process.interrupt().code, Some(0));
}
