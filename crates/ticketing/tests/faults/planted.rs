//! The suite proves itself: known faults, planted into a copy of the sources, are found.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run;

/// A fault, as a patch: a line that tells what is wrong, `Found by: ` with the invariant, and the difference.
#[derive(Debug)]
struct Patch {
    name: String,
    file: PathBuf,
    found_by: String,
}

/// What a copy of the sources needs to be built.
const SOURCES: [&str; 4] = ["Cargo.toml", "Cargo.lock", "crates", "nats-test"];

/// The programs that a run starts.
const PROGRAMS: [&str; 4] = ["auth", "tickets", "orders", "expiration"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn patches() -> Vec<Patch> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults/planted");
    let mut patches: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| patch(entry.unwrap().path())).collect();
    patches.sort_by(|one, other| one.name.cmp(&other.name));
    patches
}

fn patch(file: PathBuf) -> Patch {
    let text = fs::read_to_string(&file).unwrap();
    let found_by = text.lines().find_map(|line| line.strip_prefix("Found by: ")).expect("Found by: an invariant");
    let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
    Patch { name, found_by: found_by.to_owned(), file }
}

fn succeeds(command: &mut Command) -> bool {
    command.status().unwrap_or_else(|error| panic!("{command:?}: {error}")).success()
}

/// Whether each of them still applies to the sources.
pub(crate) fn all_apply() -> bool {
    let mut all = true;
    for Patch { name, file, .. } in patches() {
        if !succeeds(Command::new("git").current_dir(root()).args(["apply", "--check"]).arg(file)) {
            println!("the planted fault {name} does not apply any more: make its patch anew");
            all = false;
        }
    }
    all
}

/// Whether each of them is found within these seeds, by the invariant that its patch names.
pub(crate) async fn all_are_found(seeds: Range<u64>) -> bool {
    let (sources, target) = (root().join("target/planted/sources"), root().join("target/planted/target"));
    fs::create_dir_all(&sources).unwrap();
    for source in SOURCES {
        let copy = sources.join(source);
        if copy.is_dir() {
            fs::remove_dir_all(&copy).unwrap();
        }
        assert!(succeeds(Command::new("cp").arg("-R").arg(root().join(source)).arg(&copy)));
    }
    let mut missed = Vec::new();
    for Patch { name, file, found_by } in patches() {
        let apply = |more: &[&str]| {
            // The copy stands inside another repository, of which it is no part.
            let mut git = Command::new("git");
            git.current_dir(&sources).env("GIT_CEILING_DIRECTORIES", root().join("target/planted"));
            assert!(succeeds(git.arg("apply").args(more).arg(&file)), "{name}");
        };
        apply(&[]);
        println!("building {name}");
        let mut build = Command::new(env!("CARGO"));
        build.current_dir(&sources).args(["build", "--quiet", "--target-dir"]).arg(&target);
        build.args(PROGRAMS.iter().flat_map(|program| ["-p", program]));
        assert!(succeeds(&mut build), "{name} does not build");
        let mut found = None;
        for seed in seeds.clone() {
            let violated = run::one(seed, &target.join("debug")).await;
            if violated.iter().any(|invariant| invariant.to_string() == found_by) {
                found = Some(seed);
                break;
            }
        }
        match found {
            Some(seed) => println!("PLANTED {name}: found by {found_by} with seed {seed}"),
            None => missed.push(name.clone()),
        }
        apply(&["--reverse"]);
    }
    missed.iter().for_each(|name| println!("PLANTED {name}: NOT FOUND"));
    missed.is_empty()
}
