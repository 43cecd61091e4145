//! A data folder, locked by one server at a time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::time::Duration;

use anyhow::{Context, ensure};
use service::Error;
use tokio::time::sleep;

/// The lock file, which also marks a folder as one of ours.
const LOCK: &str = "in-use.lock";

/// The error for a data folder that another running server has locked.
#[derive(Debug, thiserror::Error)]
#[error("the data folder {folder} is in use by {holder}: stop that one first, or name another folder")]
pub struct FolderInUse {
    /// Path of the folder.
    pub folder: String,
    /// The owner of the lock: "process 4711".
    pub holder: String,
}

/// Tries for one second, because a lock may be held a little longer than its owner needs it: by a server that is being
/// killed, or by a process that is being started (between fork and exec it holds a copy of every open file).
async fn try_lock_for_a_moment(lock: &File) -> Result<(), TryLockError> {
    for _ in 0..100 {
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => sleep(Duration::from_millis(10)).await,
            locked_or_broken => return locked_or_broken,
        }
    }
    lock.try_lock()
}

/// A data folder and the lock on it.
#[derive(Debug)]
pub struct Folder {
    pub(crate) path: PathBuf,
    lock: File,
}

/// The error for a folder that is to be emptied and was not created by one of our servers.
#[derive(Debug, thiserror::Error)]
#[error("{0} is not a data folder of ours, so it was not emptied: move it away, or name another folder")]
pub struct NotOurs(String);

impl Folder {
    /// Deletes the contents of a data folder, if there are any. No server may be using it, and it must be one of ours.
    ///
    /// # Errors
    ///
    /// [`FolderInUse`], [`NotOurs`], or when the folder can't be written.
    pub async fn empty(path: &Path) -> Result<(), Error> {
        if !path.exists() || fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none()) {
            return Ok(());
        }
        if !path.join(LOCK).is_file() {
            return Err(NotOurs(path.display().to_string()).into());
        }
        let folder = Self::claim(path).await?;
        for entry in fs::read_dir(&folder.path)? {
            let entry = entry?.path();
            let removed = match entry.file_name() {
                Some(name) if name == LOCK => Ok(()), // the lock that is held here
                _ if entry.is_dir() => fs::remove_dir_all(&entry),
                _ => fs::remove_file(&entry),
            };
            removed.with_context(|| format!("failed to delete {}", entry.display()))?;
        }
        Ok(())
    }

    /// Creates the folder if necessary, and locks it until the returned value is dropped.
    ///
    /// # Errors
    ///
    /// [`FolderInUse`], or when the folder can't be written.
    pub async fn claim(path: &Path) -> Result<Self, Error> {
        ensure!(!path.is_file(), "{} is a file, and not a folder", path.display());
        fs::create_dir_all(path).with_context(|| format!("failed to create the data folder {}", path.display()))?;
        let path = path.canonicalize().with_context(|| format!("failed to read the data folder {}", path.display()))?;
        let name = path.join(LOCK);
        let mut options = OpenOptions::new();
        let mut lock = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&name)
            .with_context(|| format!("failed to write to the data folder {}", path.display()))?;
        match try_lock_for_a_moment(&lock).await {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                let _ = lock.read_to_string(&mut pid); // without it, the message names no process
                let holder = if pid.is_empty() { "another process".to_owned() } else { format!("process {pid}") };
                return Err(FolderInUse { folder: path.display().to_string(), holder }.into());
            }
            Err(TryLockError::Error(error)) => return Err(error).context(format!("failed to lock {}", name.display())),
        }
        lock.set_len(0)?;
        lock.rewind()?;
        write!(lock, "{}", process::id())?;
        Ok(Self { path, lock })
    }

    /// A second handle of the same lock: the folder is released when both are closed.
    pub(crate) fn share(&self) -> Result<File, Error> {
        self.lock.try_clone().context("failed to share the lock of the data folder")
    }
}
