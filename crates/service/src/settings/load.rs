//! The settings of a program, from their first load on.

use std::any::{TypeId, type_name};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::sync::watch;

use super::generation::Generation;
use super::layers::{Origin, Sources};
use super::live::Live;
use super::refused::Refused;
use super::section::{Section, Values};
use super::sections::Sections;

/// The settings of a program: the current generation of all sections, and where the next one would come from.
#[derive(Clone, Debug)]
pub struct Settings(pub(super) Arc<Inner>);

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) sections: Sections,
    pub(super) sources: Sources,
    pub(super) current: watch::Sender<Arc<Generation>>,
    /// One reload at a time.
    pub(super) reloading: Mutex<()>,
}

/// A service asks for a section that the program does not have.
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
    /// Everything that is wrong with them, each with its place.
    pub fn load(sections: Sections, sources: Sources) -> Result<Self, Refused> {
        let first = Generation::read(&sections, &sources, 1)?;
        Ok(Self::of(sections, sources, first))
    }

    fn of(sections: Sections, sources: Sources, first: Generation) -> Self {
        let current = watch::Sender::new(Arc::new(first));
        Self(Arc::new(Inner { sections, sources, current, reloading: Mutex::default() }))
    }

    /// The number of the current generation: 1 for the first, one more after each reload.
    pub fn generation(&self) -> u64 {
        self.0.current.borrow().number
    }

    /// The current value of every key, and where it came from. Secrets are hidden.
    pub fn effective(&self) -> BTreeMap<String, (Value, Origin)> {
        self.0.current.borrow().shown()
    }

    /// What should be changed in the sources before the next release: settings with former names, one line each.
    pub fn warnings(&self) -> Vec<String> {
        self.0.current.borrow().warnings.clone()
    }

    /// Writes the warnings to the log.
    pub(crate) fn log_warnings(&self) {
        self.warnings().iter().for_each(|warning| tracing::warn!("{warning}"));
    }

    /// A view of one section that follows every reload.
    ///
    /// # Errors
    ///
    /// If the program does not have the section.
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
    /// No sections, from no sources.
    fn default() -> Self {
        Self::of(Sections::new(), Sources::default(), Generation::default())
    }
}
