//! All sections, as they were read together.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;
use toml::Table;

use super::layers::{Layers, Origin, Sources};
use super::refused::{Refusal, Refused};
use super::section::Values;
use super::sections::Sections;

/// All sections, as they were read together.
#[derive(Default)]
pub(super) struct Generation {
    pub(super) number: u64,
    pub(super) sections: BTreeMap<&'static str, Arc<dyn Values>>,
    /// What is set in each section, as it was read. Secrets are in it.
    pub(super) tables: BTreeMap<&'static str, Table>,
    origins: BTreeMap<String, Origin>,
    pub(super) warnings: Vec<String>,
}

impl fmt::Debug for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, sections, origins, warnings, tables: _ } = self;
        f.debug_struct("Generation")
            .field("number", number)
            .field("sections", sections)
            .field("origins", origins)
            .field("warnings", warnings)
            .finish_non_exhaustive()
    }
}

impl Generation {
    /// Reads and checks all sections.
    pub(super) fn read(sections: &Sections, sources: &Sources, number: u64) -> Result<Self, Refused> {
        let Layers { values: tables, origins, mut refusals, warnings, .. } = Layers::read(sections, sources);
        let mut generation = Self { number, sections: BTreeMap::new(), tables, origins, warnings };
        for kind in &sections.kinds {
            let prefix = format!("{}.", kind.name);
            if refusals.iter().any(|refusal| refusal.key.starts_with(&prefix)) {
                continue; // a key of it is refused already
            }
            let table = generation.tables.entry(kind.name).or_default().clone();
            match kind.parse.read(table) {
                Ok(values) => {
                    generation.sections.insert(kind.name, values);
                }
                Err(problems) => refusals.extend(problems.into_iter().map(|problem| {
                    let key = format!("{prefix}{}", problem.key);
                    let origin = generation.origin(&key).to_string();
                    Refusal { key, problem: sections.addressed(&problem.text), origin }
                })),
            }
        }
        if refusals.is_empty() { Ok(generation) } else { Err(Refused { refused: refusals }) }
    }

    pub(super) fn origin(&self, key: &str) -> Origin {
        self.origins.get(key).cloned().unwrap_or(Origin::Default)
    }

    /// The value of every key as it may be shown, and where it came from.
    pub(super) fn shown(&self) -> BTreeMap<String, (Value, Origin)> {
        let mut shown = BTreeMap::new();
        for (name, values) in &self.sections {
            if let Value::Object(fields) = values.json() {
                for (key, value) in fields {
                    let key = format!("{name}.{key}");
                    let origin = self.origin(&key);
                    shown.insert(key, (value, origin));
                }
            }
        }
        shown
    }
}
