//! The key that sessions are signed with, kept from run to run.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Context;
use service::Error;
use service::settings::Secret;

const FILE: &str = "jwt.key";

/// Forgets the key, and with it all sessions.
pub(crate) fn forget(folder: &Path) -> Result<(), Error> {
    match fs::remove_file(folder.join(FILE)) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error).context("forgetting the key for sessions"),
        _ => Ok(()),
    }
}

/// The key in the folder; made when there is none, for the owner's eyes only.
pub(crate) fn kept_in(folder: &Path) -> Result<Secret, Error> {
    let path = folder.join(FILE);
    let doing = || format!("the key for sessions in {}", path.display());
    match fs::read_to_string(&path) {
        Ok(key) if !key.trim().is_empty() => return Ok(key.trim().to_owned().into()),
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(doing),
    }
    let key = format!("{:032x}{:032x}", rand::random::<u128>(), rand::random::<u128>());
    // By rename, so that no half of a key is ever read.
    let new = folder.join("jwt.key.new");
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new).with_context(doing)?;
    writeln!(file, "{key}").with_context(doing)?;
    fs::rename(&new, &path).with_context(doing)?;
    Ok(key.into())
}
