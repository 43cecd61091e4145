//! The sections that a program has.

use super::section::{Kind, Problem, Section};

/// What the text of a [`Problem`] contains in place of the name of the program.
///
/// An example of a setting that differs from program to program, such as `NATS_CLIENT_ID={program}-1`, then fits the one
/// that refuses it.
pub const PROGRAM: &str = "{program}";

/// The sections that a program has, and where some of their settings were before.
#[derive(Clone, Debug, Default)]
pub struct Sections {
    pub(super) kinds: Vec<Kind>,
    pub(super) moved: Vec<Moved>,
    pub(super) foreign: Vec<&'static str>,
    program: Option<&'static str>,
}

/// The place of a setting: section and key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) section: String,
    pub(super) key: String,
}

/// A setting that has another name now.
#[derive(Clone, Debug)]
pub(super) struct Moved {
    pub(super) from: Place,
    pub(super) to: Place,
}

impl Place {
    /// `numbers.rate_per_minute`.
    pub(super) fn dotted(&self) -> String {
        format!("{}.{}", self.section, self.key)
    }

    /// `NUMBERS__RATE_PER_MINUTE`.
    pub(super) fn variable(&self) -> String {
        format!("{}__{}", self.section, self.key).to_uppercase()
    }

    fn parse(dotted: &str) -> Self {
        let (section, key) = dotted.split_once('.').expect("a setting is named section.key");
        Self { section: section.to_owned(), key: key.to_owned() }
    }
}

impl Sections {
    /// No section.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a section.
    pub fn with<T: Section>(self) -> Self {
        self.checked::<T>(|_| Vec::new())
    }

    /// Adds a section that this program checks further than the section itself: the function returns what is wrong with it here.
    pub fn checked<T: Section>(mut self, check: fn(&T) -> Vec<Problem>) -> Self {
        self.kinds.push(Kind::of(check));
        self
    }

    /// Lets a setting be set by its former name too: `moved("auth.bind", "http.bind")` reads the variable `AUTH__BIND`
    /// and the key `bind` of `[auth]` as `http.bind`, with a warning that names the new one. Keep it for one release.
    ///
    /// If both names are set, to different values, the settings are refused.
    ///
    /// # Panics
    ///
    /// If a name is not of the form `section.key`.
    pub fn moved(mut self, from: &str, to: &str) -> Self {
        self.moved.push(Moved { from: Place::parse(from), to: Place::parse(to) });
        self
    }

    /// Names sections of other programs that read the same file: this program skips them.
    pub fn beside(mut self, names: impl IntoIterator<Item = &'static str>) -> Self {
        self.foreign.extend(names);
        self
    }

    /// Names the program, for problems that show its own name: [`PROGRAM`].
    pub(crate) fn of_program(mut self, name: &'static str) -> Self {
        self.program = Some(name);
        self
    }

    /// The text of a problem, with the name of this program.
    pub(super) fn addressed(&self, problem: &str) -> String {
        problem.replace(PROGRAM, self.program.unwrap_or("service"))
    }

    pub(super) fn find(&self, name: &str) -> Option<&Kind> {
        self.kinds.iter().find(|kind| kind.name == name)
    }

    /// The move of the setting that had this name, if it has another one now.
    pub(super) fn find_moved(&self, section: &str, key: &str) -> Option<&Moved> {
        self.moved.iter().find(|moved| moved.from.section == section && moved.from.key == key)
    }

    /// Whether the program has this section, or had it.
    pub(super) fn knows(&self, section: &str) -> bool {
        self.find(section).is_some() || self.moved.iter().any(|moved| moved.from.section == section)
    }

    /// What is wrong with a section that the program does not have.
    pub(super) fn unknown(&self) -> String {
        let names: Vec<_> = self.kinds.iter().map(|kind| format!("[{}]", kind.name)).collect();
        format!("unknown; the sections are {}", names.join(", "))
    }
}
