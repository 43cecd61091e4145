//! The file with what a node must remember.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use service::Error;

use crate::machine::Bound;

/// Reads the file; `None` if there is none.
///
/// # Errors
///
/// If there is one that can't be read.
pub(crate) fn load(file: &Path) -> Result<Option<Bound>, Error> {
    let text = match fs::read(file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("failed to read {}", file.display())),
    };
    let bound = serde_json::from_slice(&text).with_context(|| {
        format!(
            "{} is not what a node of a cluster has written: restore it, or delete it if its nodes can vote without it",
            file.display()
        )
    })?;
    Ok(Some(bound))
}

/// Replaces the file, and returns once it is on the disk.
///
/// # Errors
///
/// If that fails; whether the file is replaced is not known then.
pub(crate) async fn save(file: PathBuf, bound: Bound) -> Result<(), Error> {
    let context = format!("failed to write {}", file.display());
    tokio::task::spawn_blocking(move || write(&file, &bound)).await?.context(context)
}

fn write(file: &Path, bound: &Bound) -> Result<(), Error> {
    let new = file.with_extension("new");
    let mut writer = File::create(&new)?;
    writer.write_all(&serde_json::to_vec(bound)?)?;
    writer.sync_all()?;
    fs::rename(&new, file)?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(File::open(folder)?.sync_all()?) // the rename is on the disk only then
}
