//! A copy of the sources, into which bugs are built.

use std::fs;
use std::io;
use std::path::Path;

use anyhow::Context;
use service::Error;

/// What the services' programs are built from.
const SOURCES: [&str; 4] = ["Cargo.toml", "Cargo.lock", "crates", "nats-test"];

/// Makes `copy` equal to the sources in `root`.
///
/// Only files that differ are written, so that cargo builds only what has changed since the last time.
///
/// # Errors
///
/// When a file can't be read or written.
pub(super) fn synchronise(root: &Path, copy: &Path) -> Result<(), Error> {
    fs::create_dir_all(copy).with_context(|| format!("failed to create {}", copy.display()))?;
    for source in SOURCES {
        let (from, to) = (root.join(source), copy.join(source));
        synchronise_entry(&from, &to)
            .with_context(|| format!("failed to copy {} to {}", from.display(), to.display()))?;
    }
    Ok(())
}

fn synchronise_entry(from: &Path, to: &Path) -> io::Result<()> {
    if !from.is_dir() {
        let contents = fs::read(from)?;
        return if fs::read(to).is_ok_and(|copied| copied == contents) { Ok(()) } else { fs::write(to, contents) };
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let name = entry?.file_name();
        synchronise_entry(&from.join(&name), &to.join(&name))?;
    }
    for entry in fs::read_dir(to)? {
        let entry = entry?;
        if !from.join(entry.file_name()).exists() {
            let path = entry.path();
            if path.is_dir() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
        }
    }
    Ok(())
}
