//! A known bug, as a patch that adds it to the sources.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use service::Error;

use crate::header::Header;

/// The folder of the patches, in the checkout.
pub(crate) const PATCHES: &str = "crates/faults/seeded-bugs";

/// A patch with a header.
#[derive(Clone, Debug)]
pub struct Bug {
    /// The name of the file, without its extension.
    pub name: String,
    /// A sentence that says what the bug is.
    pub sentence: String,
    /// The invariant by which the fault suite finds it; without one, it must be an exercise, and its test finds it.
    pub found_by: Option<String>,
    /// The files that it changes, relative to the root folder.
    pub touches: Vec<String>,
    /// What makes it an exercise, if it is one.
    pub exercise: Option<Exercise>,
    file: PathBuf,
}

/// What somebody who learns gets to know of a bug.
#[derive(Clone, Debug)]
pub struct Exercise {
    /// Its name, which says less than that of the bug.
    pub name: String,
    /// The section of the course that it belongs to.
    pub section: String,
    /// What is seen of the bug.
    pub symptom: String,
    /// The hints, each of which says more than the one before.
    pub hints: Vec<String>,
    /// The test that fails until the bug is fixed.
    pub test: Test,
}

/// A test in the `tests/it` of a crate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    /// The crate.
    pub package: String,
    /// The full name of the test, with its modules.
    pub name: String,
}

impl Bug {
    /// All bugs, by name.
    ///
    /// # Errors
    ///
    /// When a file can't be read or its header is invalid.
    pub fn all(root: &Path) -> Result<Vec<Self>, Error> {
        let folder = root.join(PATCHES);
        let entries = fs::read_dir(&folder).with_context(|| format!("failed to read {}", folder.display()))?;
        let files = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, Error>>()?;
        let files = files.into_iter().filter(|file| file.extension().is_some_and(|is| is == "patch"));
        let mut bugs = files.map(Self::read).collect::<Result<Vec<_>, Error>>()?;
        bugs.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(bugs)
    }

    fn read(file: PathBuf) -> Result<Self, Error> {
        let text = fs::read_to_string(&file).with_context(|| format!("failed to read {}", file.display()))?;
        Self::parse(file.clone(), &text).with_context(|| file.display().to_string())
    }

    fn parse(file: PathBuf, text: &str) -> Result<Self, Error> {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let header = Header::of(text);
        let found_by = header.field("Found by").map(str::to_owned);
        let touches: Vec<_> =
            text.lines().filter_map(|line| line.strip_prefix("+++ b/")).map(|path| path.trim().to_owned()).collect();
        ensure!(!touches.is_empty(), "no line begins with `+++ b/`");
        let exercise = Exercise::of(&header)?;
        ensure!(
            found_by.is_some() || exercise.is_some(),
            "expected a line `Found by: INVARIANT`, or the fields of an exercise"
        );
        Ok(Self { name, sentence: header.sentence, found_by, touches, exercise, file })
    }

    /// Adds the bug to the sources in this folder: runs `git apply` with these options.
    ///
    /// # Errors
    ///
    /// With what git printed, when the patch does not apply.
    pub fn apply(&self, sources: &Path, options: &[&str]) -> Result<(), Error> {
        let mut git = Command::new("git");
        // A copy of the sources may lie inside a repository, and is not part of it.
        git.current_dir(sources).env("GIT_CEILING_DIRECTORIES", sources.parent().unwrap_or(sources));
        let output = git.arg("apply").args(options).arg(&self.file).output();
        let output = output.context("failed to run git, which applies the patch: is it installed?")?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "{}: the patch does not apply to the sources in {}:\n{}",
            self.name,
            sources.display(),
            stderr.trim_end()
        );
        Ok(())
    }
}

impl Exercise {
    /// The exercise that the header describes; `None` without the field `Exercise`.
    fn of(header: &Header) -> Result<Option<Self>, Error> {
        let Some(named) = header.field("Exercise") else { return Ok(None) };
        let test = header.field("Test").and_then(|test| test.split_once(' '));
        let (package, name) = test.context("expected a field `Test: CRATE NAME`")?;
        let test = Test { package: package.to_owned(), name: name.to_owned() };
        let field = |name: &str| {
            let text = header.field(name).with_context(|| format!("expected a field `{name}: …`"))?;
            Ok::<_, Error>(text.to_owned())
        };
        let (section, symptom) = (field("Section")?, field("Symptom")?);
        let hints: Vec<_> = header.all("Hint").map(str::to_owned).collect();
        ensure!(!hints.is_empty(), "expected a field `Hint: …`");
        Ok(Some(Self { name: named.to_owned(), section, symptom, hints, test }))
    }
}

impl Test {
    /// What it proves: its name, as a sentence.
    pub fn sentence(&self) -> String {
        self.name.rsplit("::").next().unwrap_or_default().replace('_', " ")
    }

    /// The file that it is in, relative to the root folder.
    pub fn file(&self, root: &Path) -> String {
        let tests = format!("crates/{}/tests/it", self.package);
        let modules: Vec<_> = self.name.split("::").collect();
        let module = modules[..modules.len() - 1].join("/");
        match module.as_str() {
            "" => format!("{tests}/main.rs"),
            _ if root.join(&tests).join(format!("{module}.rs")).exists() => format!("{tests}/{module}.rs"),
            _ => format!("{tests}/{module}/mod.rs"),
        }
    }
}
