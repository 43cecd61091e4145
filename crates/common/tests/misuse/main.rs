//! What must not be done does not compile, and the compiler says what to do instead.
//!
//! Beside each case stands what it says (from rustc 1.95). Of that, the errors and the notes are compared.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The files of a folder whose names begin and end so.
fn files(folder: &Path, beginning: &str, end: &str) -> Vec<PathBuf> {
    let all = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_meant = |name: &OsStr| name.to_str().is_some_and(|name| name.starts_with(beginning) && name.ends_with(end));
    let mut files: Vec<_> = all.filter(|path| path.file_name().is_some_and(is_meant)).collect();
    files.sort();
    files
}

/// Compiles it against the crate as this test was built with it; tells what the compiler says, if it refuses.
fn refused(case: &Path) -> Option<String> {
    let programs = std::env::current_exe().unwrap();
    let built = programs.parent().unwrap();
    let of_age = |path: &PathBuf| fs::metadata(path).and_then(|file| file.modified()).unwrap();
    let common = files(built, "libcommon-", ".rlib").into_iter().max_by_key(of_age).expect("the crate, built");
    let output = tempfile::tempdir().unwrap();
    let compiled = Command::new("rustc")
        .args(["--edition=2024", "--emit=metadata", "--out-dir"])
        .arg(output.path())
        .arg("--extern")
        .arg(format!("common={}", common.display()))
        .arg("-L")
        .arg(format!("dependency={}", built.display()))
        .arg(case)
        .output()
        .unwrap();
    (!compiled.status.success()).then(|| String::from_utf8(compiled.stderr).unwrap())
}

#[test]
fn misuse_does_not_compile() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/misuse");
    let cases = files(&folder, "a_", ".rs");
    assert!(cases.len() >= 6, "{cases:?}");
    for case in cases {
        let said = refused(&case).unwrap_or_else(|| panic!("{} compiles", case.display()));
        let expected = fs::read_to_string(case.with_extension("stderr")).unwrap();
        let of_weight = |line: &&str| ["error", "= note: a ", "= help: "].iter().any(|begin| line.starts_with(begin));
        let lines: Vec<_> = expected.lines().map(str::trim).filter(of_weight).collect();
        assert!(!lines.is_empty(), "{}", case.display());
        for line in lines {
            assert!(said.contains(line), "{}: expected {line:?}, and it says:\n{said}", case.display());
        }
    }
}
