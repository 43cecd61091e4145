//! Copies of the sources.

use std::fs;
use std::io;
use std::path::Path;

use anyhow::Context;
use service::Error;

/// What the programs and their tests are built from, and what formats and lints them.
const SOURCES: [&str; 7] = ["Cargo.toml", "Cargo.lock", "clippy.toml", "rustfmt.toml", "crates", "nats-test", "infra"];

/// Makes `copy` equal to the sources in `root`, without those whose relative path `is_left_out`.
///
/// Only files that differ are written, so that cargo builds only what has changed since the last time.
///
/// # Errors
///
/// When a file can't be read or written.
pub(crate) fn synchronise(root: &Path, copy: &Path, is_left_out: &dyn Fn(&Path) -> bool) -> Result<(), Error> {
    fs::create_dir_all(copy).with_context(|| format!("failed to create {}", copy.display()))?;
    for source in SOURCES {
        let copying = Copying { root, copy, is_left_out };
        copying.entry(Path::new(source)).with_context(|| {
            format!("failed to copy {} to {}", root.join(source).display(), copy.join(source).display())
        })?;
    }
    Ok(())
}

struct Copying<'a> {
    root: &'a Path,
    copy: &'a Path,
    is_left_out: &'a dyn Fn(&Path) -> bool,
}

impl Copying<'_> {
    fn entry(&self, path: &Path) -> io::Result<()> {
        let (from, to) = (self.root.join(path), self.copy.join(path));
        if !from.is_dir() {
            let contents = fs::read(from)?;
            return if fs::read(&to).is_ok_and(|copied| copied == contents) { Ok(()) } else { fs::write(to, contents) };
        }
        fs::create_dir_all(&to)?;
        for entry in fs::read_dir(&from)? {
            let path = path.join(entry?.file_name());
            if !(self.is_left_out)(&path) {
                self.entry(&path)?;
            }
        }
        for entry in fs::read_dir(&to)? {
            let entry = entry?;
            let name = entry.file_name();
            if !from.join(&name).exists() || (self.is_left_out)(&path.join(name)) {
                let path = entry.path();
                if path.is_dir() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
            }
        }
        Ok(())
    }
}
