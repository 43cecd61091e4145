//! `ticketing exercise`, up to the builds: those are what `exercise check-all` and the seeded bugs of the fault suite run.

use std::fs;
use std::path::Path;
use std::process::Output;

use crate::process::ticketing;
use crate::style::workspace;

/// What it printed, and its exit code.
fn exercise(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } =
        ticketing().arg("exercise").args(arguments).arg("--folder").arg(folder).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[track_caller]
fn done(folder: &Path, arguments: &[&str]) -> String {
    let (code, stdout, stderr) = exercise(folder, arguments);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    stdout
}

const NAME: &str = "free-again";
const FILE: &str = "crates/tickets/src/models/ticket.rs";

#[test]
fn an_exercise_is_a_copy_with_a_bug_that_gives_hints_and_shows_its_solution() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("mine");
    assert!(done(&folder, &["list"]).contains(NAME));
    let started = done(&folder, &["start", NAME]);
    assert!(started.starts_with("A ticket is for sale although somebody has reserved it.\n"), "{started}");
    assert!(
        started.contains("Expected: a stale cancellation does not release the ticket of another order\n"),
        "{started}"
    );
    let copy = folder.join(NAME);
    let [fine, broken] = [workspace(), copy.clone()].map(|root| fs::read_to_string(root.join(FILE)).unwrap());
    assert_ne!(fine, broken);
    // Nothing in the copy says what the bug is, and nothing else differs from the sources.
    assert!(!copy.join("crates/faults/seeded-bugs").exists() && !copy.join(".git").exists());
    assert_eq!(
        fs::read_to_string(copy.join("Cargo.lock")).unwrap(),
        fs::read_to_string(workspace().join("Cargo.lock")).unwrap()
    );

    let line = done(&folder, &["list"]).lines().find(|line| line.starts_with(NAME)).unwrap().to_owned();
    assert!(line.contains("started"), "{line}");
    for (number, hints) in [(1, 1), (2, 2), (3, 2)] {
        let hint = done(&folder, &["hint"]);
        assert_eq!(hint.matches("Hint ").count(), hints, "the {number}th time: {hint}");
    }
    let solution = done(&folder, &["solution", NAME]);
    let sentence = "The bug: A cancelled order releases its ticket even if another order holds the reservation.\n";
    assert!(solution.starts_with(sentence), "{solution}");
    assert!(solution.contains("\n+        if self.order_id == Some(order) {\n"), "{solution}");
    let taken = solution.lines().find_map(|line| line.strip_prefix("  cp ")).unwrap();
    let (from, to) = taken.split_once(' ').unwrap();
    fs::copy(from, to).unwrap();
    assert_eq!(fs::read_to_string(copy.join(FILE)).unwrap(), fine);
    assert!(done(&folder, &["solution"]).ends_with("The copy is as the sources are without the bug.\n"));
}

#[test]
fn every_mistake_is_an_error_that_says_how_to_go_on() {
    let home = tempfile::tempdir().unwrap();
    let refused = |arguments: &[&str], code: i32, says: &str| {
        let (is, stdout, stderr) = exercise(home.path(), arguments);
        assert_eq!(is, Some(code), "{stdout}{stderr}");
        assert!(stderr.contains(says), "{stderr}");
    };
    refused(&["start", "nonsense"], 2, "no exercise is named nonsense; there are lost-after-a-failure, ");
    refused(&["check"], 1, "no exercise was started: `cargo run -- exercise list` shows them");
    refused(&["check", NAME], 1, &format!("first `cargo run -- exercise start {NAME}`"));
    done(home.path(), &["start", NAME]);
    refused(&["start", NAME], 1, "exists: go on there, or delete it to begin from the start");
    fs::write(home.path().join("progress.json"), "{").unwrap();
    refused(&["list"], 1, "progress.json can't be read: delete it, and the progress begins from nothing");
}
