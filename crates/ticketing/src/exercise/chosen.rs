//! Which exercise is meant.

use std::path::PathBuf;

use anyhow::{Context, bail};
use exercises::{Bug, Exercise, Folder, State};
use service::{Ending, Error, Exit};

/// The exercises of this checkout, and the folder with their copies.
pub(super) struct Chosen {
    /// The root folder of the checkout.
    pub(super) root: PathBuf,
    pub(super) folder: Folder,
    /// By section of the course.
    pub(super) all: Vec<(Bug, Exercise)>,
}

impl Chosen {
    pub(super) fn open(folder: Option<PathBuf>) -> Result<Self, Error> {
        let root = exercises::checkout()?;
        let folder = match folder {
            Some(folder) => std::path::absolute(folder)?,
            None => beside(&root)?,
        };
        let bugs = Bug::all(&root)?.into_iter();
        let mut all: Vec<_> = bugs.filter_map(|bug| bug.exercise.clone().map(|exercise| (bug, exercise))).collect();
        all.sort_by(|(_, one), (_, other)| (&one.section, &one.name).cmp(&(&other.section, &other.name)));
        Ok(Self { root, folder: Folder::open(folder)?, all })
    }

    /// The exercise of this name.
    pub(super) fn named(&self, name: &str) -> Result<(Bug, Exercise), Error> {
        let found = self.all.iter().find(|(_, exercise)| exercise.name == name).cloned();
        found.ok_or_else(|| {
            let names: Vec<_> = self.all.iter().map(|(_, exercise)| exercise.name.as_str()).collect();
            let message = format!("no exercise is named {name}; there are {}", names.join(", "));
            Ending { exit: Exit::Usage, message }.into()
        })
    }

    /// The exercise of this name, or the one that was started last; it has a copy.
    pub(super) fn started(&self, name: Option<String>) -> Result<(Bug, Exercise), Error> {
        let last = || self.folder.current().map(str::to_owned);
        let Some(name) = name.or_else(last) else {
            bail!("no exercise was started: `cargo run -- exercise list` shows them, `… start NAME` starts one");
        };
        let (bug, exercise) = self.named(&name)?;
        let copy = self.folder.copy(&name);
        if !copy.exists() {
            bail!("there is no {}: first `cargo run -- exercise start {name}`", copy.display());
        }
        Ok((bug, exercise))
    }

    /// The command to type next: to check the exercise that was started last or, if that is solved, to start the first that is
    /// not; `None` when all are solved.
    pub(super) fn next(&self) -> Option<String> {
        let is_open = |name: &str| self.folder.state(name) == State::Started;
        if self.folder.current().is_some_and(is_open) {
            return Some("cargo run -- exercise check".to_owned());
        }
        let next = self.all.iter().find(|(_, exercise)| self.folder.state(&exercise.name) != State::Solved);
        next.map(|(_, exercise)| format!("cargo run -- exercise start {}", exercise.name))
    }
}

/// The folder beside the checkout: what is in the checkout belongs to the repository.
fn beside(root: &std::path::Path) -> Result<PathBuf, Error> {
    let name = root.file_name().context("the checkout is the root folder: name a folder with --folder")?;
    Ok(root.with_file_name(format!("{}-exercises", name.to_string_lossy())))
}
