//! The programs of an older commit, built from the repository's own history.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The programs that are built.
const PROGRAMS: [&str; 4] = ["auth", "tickets", "orders", "expiration"];

/// The version that every crate of the workspace has.
const VERSION: &str = "version = \"0.0.0\"";

/// Builds the programs of a commit; returns the folder that they are in.
///
/// Its sources and programs stay in `target/older`, so only the first build takes long. What it depends on, it shares
/// with today's build.
pub(crate) fn programs_of(commit: &str) -> PathBuf {
    let shared = Path::new(env!("CARGO_BIN_EXE_ticketing")).ancestors().nth(2).unwrap();
    let folder = shared.join("older").join(commit);
    let (source, target) = (folder.join("source"), folder.join("target"));
    if !source.exists() {
        extract(commit, &folder, &source);
    }
    let mut build = exercises::cargo();
    build.current_dir(&source).env("CARGO_BUILD_BUILD_DIR", shared).arg("build").arg("--target-dir").arg(&target);
    // All of the workspace, and examples, which have dev-dependencies: with the features that `cargo test --workspace`
    // gives the dependencies, they need not be compiled again.
    build.args(["--quiet", "--workspace", "--examples"]).args(PROGRAMS.iter().flat_map(|name| ["--bin", name]));
    assert!(build.status().unwrap().success(), "{commit} does not build: {build:?}");
    target.join("debug")
}

/// Writes the sources of a commit into a folder, which is complete if it exists.
fn extract(commit: &str, folder: &Path, source: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut known = Command::new("git");
    known.current_dir(&root).args(["cat-file", "-e", &format!("{commit}^{{commit}}")]).stderr(Stdio::null());
    assert!(
        known.status().is_ok_and(|status| status.success()),
        "this clone does not have commit {commit}, whose programs are needed: fetch the whole history with \
         `git fetch --unshallow` (in GitHub's actions/checkout: `fetch-depth: 0`)"
    );
    fs::create_dir_all(folder).unwrap();
    let unfinished = tempfile::tempdir_in(folder).unwrap();
    let mut archive = Command::new("git");
    let mut archive =
        archive.current_dir(&root).args(["archive", commit]).stdout(Stdio::piped()).spawn().expect("git archive");
    let extracted =
        Command::new("tar").arg("x").stdin(archive.stdout.take().unwrap()).current_dir(&unfinished).status();
    assert!(archive.wait().unwrap().success() && extracted.expect("tar").success(), "extracting {commit}");
    // For cargo, two crates of the same name, version and place in their workspace are the same: it would take
    // today's programs for those of the commit.
    let manifest = unfinished.path().join("Cargo.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    assert!(text.contains(VERSION), "the workspace of {commit} has another version than {VERSION}");
    fs::write(&manifest, text.replace(VERSION, &format!("version = \"0.0.0-g{commit}\""))).unwrap();
    // Somebody else may have been faster, with the same.
    fs::rename(unfinished.path(), source).unwrap_or_else(|error| assert!(source.exists(), "{error}"));
}
