//! A data folder, held by one server at a time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::time::Duration;

use anyhow::Context;
use service::Error;
use tokio::time::sleep;

/// What a folder is locked by, and known as ours.
const LOCK: &str = "in-use.lock";

/// The folder is another running server's.
#[derive(Debug, thiserror::Error)]
#[error("the data folder {folder} is in use by {holder}: stop that one first, or name another folder")]
pub struct FolderInUse {
    /// Which folder.
    pub folder: String,
    /// Whose it is: "process 4711".
    pub holder: String,
}

/// Tries for a second, since a lock that was just given back may be held a little longer: by a server that is being
/// killed, or by a process that this one is just starting (between fork and exec it holds a copy of every file).
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

/// The folder holds what no server of ours has put there.
#[derive(Debug, thiserror::Error)]
#[error("{0} is no data folder of ours, so it is not emptied: move it away, or name another folder")]
pub struct NotOurs(String);

impl Folder {
    /// Forgets what is in a data folder, if there is one: nobody may be using it, and it must be ours.
    ///
    /// # Errors
    ///
    /// [`FolderInUse`], [`NotOurs`], or when it can't be written.
    pub async fn empty(path: &Path) -> Result<(), Error> {
        if !path.exists() {
            return Ok(());
        }
        if !path.join(LOCK).is_file() {
            return Err(NotOurs(path.display().to_string()).into());
        }
        let folder = Self::claim(path).await?;
        for entry in fs::read_dir(&folder.path)? {
            let entry = entry?.path();
            let removed = match entry.file_name() {
                Some(name) if name == LOCK => Ok(()), // held, and ours
                _ if entry.is_dir() => fs::remove_dir_all(&entry),
                _ => fs::remove_file(&entry),
            };
            removed.with_context(|| format!("forgetting {}", entry.display()))?;
        }
        Ok(())
    }

    /// Makes the folder if need be, and locks it until this is dropped.
    ///
    /// # Errors
    ///
    /// [`FolderInUse`], or when it can't be written.
    pub async fn claim(path: &Path) -> Result<Self, Error> {
        fs::create_dir_all(path).with_context(|| format!("making the data folder {}", path.display()))?;
        let path = path.canonicalize().with_context(|| format!("reading the data folder {}", path.display()))?;
        let name = path.join(LOCK);
        let mut options = OpenOptions::new();
        let mut lock = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&name)
            .with_context(|| format!("writing into the data folder {}", path.display()))?;
        match try_lock_for_a_moment(&lock).await {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                let _ = lock.read_to_string(&mut pid); // without it the message is a little poorer
                let holder = if pid.is_empty() { "another process".to_owned() } else { format!("process {pid}") };
                return Err(FolderInUse { folder: path.display().to_string(), holder }.into());
            }
            Err(TryLockError::Error(error)) => return Err(error).context(format!("locking {}", name.display())),
        }
        lock.set_len(0)?;
        lock.rewind()?;
        write!(lock, "{}", process::id())?;
        Ok(Self { path, lock })
    }

    /// A second hold on the same lock: the folder is free when both are closed.
    pub(crate) fn share(&self) -> Result<File, Error> {
        self.lock.try_clone().context("sharing the lock of the data folder")
    }
}
