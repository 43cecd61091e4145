//! The folder of a program: its pid file, control socket and log.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

use anyhow::Context;

use crate::error::Error;

/// The folder of one running program.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) name: &'static str,
    pub(super) folder: PathBuf,
}

impl Place {
    fn file(&self, ending: &str) -> PathBuf {
        self.folder.join(format!("{}.{ending}", self.name))
    }

    pub(super) fn pid_file(&self) -> PathBuf {
        self.file("pid")
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.file("sock")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.file("log")
    }

    /// Creates the folder, for this user only.
    pub(super) fn make(&self) -> Result<(), Error> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&self.folder);
        made.with_context(|| {
            format!("failed to create the folder {}; name another one with --rundir", self.folder.display())
        })
    }

    /// The id of the process that runs here, if there is one.
    ///
    /// A running program locks its pid file, so a program that was killed is not mistaken for a running one.
    pub(super) fn holder(&self) -> Result<Option<i32>, Error> {
        let mut file = match File::open(self.pid_file()) {
            Ok(file) => file,
            Err(_) => return Ok(None),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                file.read_to_string(&mut text)?;
                // Empty between the moment of the lock and that of the number.
                Ok(Some(text.trim().parse().unwrap_or(0)))
            }
            Err(TryLockError::Error(error)) => Err(error).context("failed to query the lock of the pid file"),
        }
    }

    /// Locks the pid file; `None` if another process has locked it.
    pub(super) fn hold(&self) -> Result<Option<PidFile>, Error> {
        self.make()?;
        let path = self.pid_file();
        loop {
            let file = OpenOptions::new().create(true).write(true).truncate(false).open(&path);
            let mut file = file.with_context(|| format!("failed to open {}", path.display()))?;
            // A process that queries the lock takes it for a moment.
            let mut locked = file.try_lock();
            for _ in 0..10 {
                if matches!(locked, Err(TryLockError::WouldBlock)) {
                    sleep(Duration::from_millis(5));
                    locked = file.try_lock();
                }
            }
            match locked {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error).context("failed to lock the pid file"),
            }
            // The process before may have removed the file after this one has opened it.
            let same = fs::metadata(&path).is_ok_and(|now| file.metadata().is_ok_and(|ours| now.ino() == ours.ino()));
            if same {
                file.set_len(0)?;
                writeln!(file, "{}", std::process::id())?;
                return Ok(Some(PidFile { path, _lock: file }));
            }
        }
    }
}

/// The pid file of this process, locked; removed when dropped.
#[derive(Debug)]
pub(super) struct PidFile {
    path: PathBuf,
    _lock: File,
}

impl Drop for PidFile {
    fn drop(&mut self) {
        fs::remove_file(&self.path).ok();
    }
}
