//! The exercises of somebody who learns: copies with a bug, and how far they are.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use service::Error;

use crate::bug::{Bug, PATCHES};
use crate::copy::synchronise;

/// A folder with one copy of the sources for each exercise that was started, and the progress.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    progress: Progress,
}

/// How far an exercise is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// There is no copy.
    New,
    /// There is a copy, and the test has not passed yet.
    Started,
    /// The test has passed.
    Solved,
}

/// What is kept in `progress.json`.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Progress {
    /// The exercise that was started last.
    current: Option<String>,
    solved: BTreeSet<String>,
    /// How many hints were shown of each.
    hints: BTreeMap<String, usize>,
}

impl Folder {
    /// The folder at this path, which need not exist.
    ///
    /// # Errors
    ///
    /// When the progress can't be read.
    pub fn open(path: PathBuf) -> Result<Self, Error> {
        let file = path.join(PROGRESS);
        let progress = match fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes).with_context(|| {
                format!("{} can't be read: delete it, and the progress begins from nothing", file.display())
            })?,
            Err(error) if error.kind() == ErrorKind::NotFound => Progress::default(),
            Err(error) => return Err(error).with_context(|| format!("failed to read {}", file.display())),
        };
        Ok(Self { path, progress })
    }

    /// The copy of an exercise.
    pub fn copy(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// How far an exercise is.
    pub fn state(&self, name: &str) -> State {
        match () {
            () if self.progress.solved.contains(name) => State::Solved,
            () if self.copy(name).exists() => State::Started,
            () => State::New,
        }
    }

    /// The exercise that was started last.
    pub fn current(&self) -> Option<&str> {
        self.progress.current.as_deref()
    }

    /// Makes the copy of an exercise: the sources in `root` with the bug, without the folder of the patches.
    ///
    /// # Errors
    ///
    /// When there is one already, or the sources are not those that the patch is for.
    pub fn start(&mut self, name: &str, bug: &Bug, root: &Path) -> Result<PathBuf, Error> {
        let copy = self.copy(name);
        if copy.exists() {
            bail!("{} exists: go on there, or delete it to begin from the start", copy.display());
        }
        let unfinished = self.path.join(format!(".{name}"));
        synchronise(root, &unfinished, &|path| path == Path::new(PATCHES))?;
        bug.apply(&unfinished, &[]).with_context(|| {
            format!("the sources in {} have changes of yours: set them aside with `git stash`", root.display())
        })?;
        fs::rename(&unfinished, &copy).with_context(|| format!("failed to create {}", copy.display()))?;
        self.progress.solved.remove(name);
        self.progress.hints.remove(name);
        self.progress.current = Some(name.to_owned());
        self.save()?;
        Ok(copy)
    }

    /// Notes that the test has passed.
    ///
    /// # Errors
    ///
    /// When the progress can't be written.
    pub fn solved(&mut self, name: &str) -> Result<(), Error> {
        self.progress.solved.insert(name.to_owned());
        self.save()
    }

    /// The number of hints to show, of this many: one more each time.
    ///
    /// # Errors
    ///
    /// When the progress can't be written.
    pub fn one_more_hint(&mut self, name: &str, of: usize) -> Result<usize, Error> {
        let shown = self.progress.hints.entry(name.to_owned()).or_default();
        *shown = of.min(*shown + 1);
        let shown = *shown;
        self.save()?;
        Ok(shown)
    }

    fn save(&self) -> Result<(), Error> {
        let file = self.path.join(PROGRESS);
        let save = || {
            fs::create_dir_all(&self.path)?;
            fs::write(&file, serde_json::to_vec_pretty(&self.progress)?)
        };
        save().with_context(|| format!("failed to write {}", file.display()))
    }
}

const PROGRESS: &str = "progress.json";
