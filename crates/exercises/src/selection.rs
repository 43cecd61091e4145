//! Which of the bugs to seed.

use std::convert::Infallible;
use std::path::Path;
use std::process::Command;
use std::str::FromStr;

use anyhow::{Context, ensure};
use service::Error;

use crate::bug::Bug;

/// Which bugs to seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Every one.
    All,
    /// Those in files that the last commit changed, and one more.
    Changed,
    /// The one of this name.
    Named(String),
}

/// The error for a name that no bug has.
#[derive(Debug, thiserror::Error)]
#[error("no seeded bug is named {name}; there are {known}, all and changed")]
pub struct UnknownBug {
    name: String,
    known: String,
}

impl FromStr for Selection {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "all" => Self::All,
            "changed" => Self::Changed,
            name => Self::Named(name.to_owned()),
        })
    }
}

impl Selection {
    /// The selected bugs.
    ///
    /// # Errors
    ///
    /// [`UnknownBug`] when no bug has the name; when git can't name the last commit's files.
    pub fn bugs(&self, root: &Path) -> Result<Vec<Bug>, Error> {
        let all = Bug::all(root)?;
        match self {
            Self::All => Ok(all),
            Self::Named(name) => match all.iter().find(|bug| bug.name == *name) {
                Some(bug) => Ok(vec![bug.clone()]),
                None => {
                    let names: Vec<_> = all.iter().map(|bug| bug.name.as_str()).collect();
                    Err(UnknownBug { name: name.clone(), known: names.join(", ") }.into())
                }
            },
            Self::Changed => {
                let changed = git(root, &["show", "--first-parent", "-m", "--name-only", "--format=", "HEAD"])?;
                let changed: Vec<_> = changed.lines().collect();
                let rotation = in_rotation(&git(root, &["rev-parse", "HEAD"])?, all.len())?;
                let bugs = all.into_iter().enumerate();
                let selected = bugs.filter(|(index, bug)| *index == rotation || is_changed(bug, root, &changed));
                Ok(selected.map(|(_, bug)| bug).collect())
            }
        }
    }
}

/// Whether one of these files is the patch itself, one that it touches, or its exercise's test.
fn is_changed(bug: &Bug, root: &Path, changed: &[&str]) -> bool {
    let test = bug.exercise.as_ref().map(|exercise| exercise.test.file(root));
    let patch = format!("{}/{}.patch", crate::bug::PATCHES, bug.name);
    let all: Vec<_> = bug.touches.iter().chain(&test).chain([&patch]).collect();
    changed.iter().any(|path| all.iter().any(|one| *one == path))
}

/// The index that the hash of a commit chooses.
fn in_rotation(hash: &str, count: usize) -> Result<usize, Error> {
    let start = hash.get(..8).with_context(|| format!("{hash:?} is not the hash of a commit"))?;
    let number = usize::try_from(u32::from_str_radix(start, 16)?)?;
    number.checked_rem(count).context("there are no seeded bugs")
}

fn git(root: &Path, arguments: &[&str]) -> Result<String, Error> {
    let output = Command::new("git").current_dir(root).args(arguments).output().context("failed to run git")?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "git {}: {}", arguments.join(" "), stderr.trim_end());
    Ok(String::from_utf8(output.stdout)?)
}
