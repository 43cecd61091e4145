//! Typed settings that reload as a transaction.
//!
//! A program names its [`Section`]s; [`Settings::load`] reads them from layers, each over the one before: the defaults,
//! a TOML file, the environment (`NUMBERS__RATE_PER_MINUTE=600`), and flags (`numbers.rate_per_minute=600`). A part
//! reads its section through [`Scope::settings`](crate::Scope::settings), which follows every reload.

mod help;
mod layers;
mod live;
mod reload;
mod secret;
mod section;

use std::any::{TypeId, type_name};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::sync::watch;

pub use self::help::Described;
pub use self::layers::{Origin, Sources};
pub use self::live::{Every, Live};
pub use self::reload::{Refusal, Refused, Reloaded};
pub use self::secret::Secret;
pub use self::section::{NeedsRestart, Problem, Section};

use self::section::{Kind, Values};

/// The sections that a program has.
#[derive(Clone, Debug, Default)]
pub struct Sections(Vec<Kind>);

impl Sections {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// And this one.
    pub fn with<T: Section>(mut self) -> Self {
        self.0.push(Kind::of::<T>());
        self
    }
}

/// The settings of a program: one current generation of all sections, and where the next one would come from.
#[derive(Clone, Debug)]
pub struct Settings(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    sections: Sections,
    sources: Sources,
    current: watch::Sender<Arc<Generation>>,
    /// One reload at a time.
    reloading: Mutex<()>,
}

/// All sections, as they were committed together.
#[derive(Debug, Default)]
struct Generation {
    number: u64,
    sections: BTreeMap<&'static str, Arc<dyn Values>>,
    origins: BTreeMap<String, Origin>,
}

/// A part asks for a section that the program was not told about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no section [{name}] in this program's settings: add it with Sections::with::<{of}>()")]
pub struct NoSuchSection {
    name: &'static str,
    of: &'static str,
}

impl Settings {
    /// Reads all sections from their sources.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with them, with its place.
    pub fn load(sections: Sections, sources: Sources) -> Result<Self, Refused> {
        let first = reload::read(&sections, &sources, 1)?;
        let current = watch::Sender::new(Arc::new(first));
        Ok(Self(Arc::new(Inner { sections, sources, current, reloading: Mutex::default() })))
    }

    /// The number of reloads, and one.
    pub fn generation(&self) -> u64 {
        self.0.current.borrow().number
    }

    /// A view of one section that follows every reload.
    ///
    /// # Errors
    ///
    /// When the program was not told about the section.
    pub fn live<T: Section>(&self) -> Result<Live<T>, NoSuchSection> {
        let generations = self.0.current.subscribe();
        let of_this_type = |values: &Arc<dyn Values>| (**values).type_id() == TypeId::of::<T>();
        let found = generations.borrow().sections.get(T::NAME).is_some_and(of_this_type);
        if !found {
            return Err(NoSuchSection { name: T::NAME, of: type_name::<T>() });
        }
        Ok(Live::new(generations))
    }
}

impl Default for Settings {
    /// None, from nowhere.
    fn default() -> Self {
        let (sections, sources) = (Sections::new(), Sources::default());
        let current = watch::Sender::new(Arc::new(Generation::default()));
        Self(Arc::new(Inner { sections, sources, current, reloading: Mutex::default() }))
    }
}
