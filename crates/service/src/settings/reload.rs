//! Reading the settings again, as a transaction.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::layers::Layers;
use super::section::Values;
use super::{Generation, NeedsRestart, Origin, Sections, Settings, Sources};
use crate::lock::lock;

/// What a reload has changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    /// The generation that is current now.
    pub generation: u64,
    /// The keys that have another value than before: `numbers.rate_per_minute`.
    pub changed: Vec<String>,
}

/// Settings that were not taken, and why; those before stay as they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub struct Refused {
    /// Everything that is wrong.
    pub refused: Vec<Refusal>,
}

/// One thing that is wrong with the settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Which key: `numbers.rate_per_minute`; empty when it is about all of them.
    pub key: String,
    /// What is wrong with it.
    pub problem: String,
    /// Where it was set: a file and its line, a variable, a flag, or "default".
    pub origin: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let colon = if self.key.is_empty() { "" } else { ": " };
        write!(f, "{}: {}{colon}{}", self.origin, self.key, self.problem)
    }
}

impl fmt::Display for Refused {
    /// One line each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.refused.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl Settings {
    /// Reads all sources again and changes all sections together, or none.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the new settings, or can't be changed while the program runs.
    pub fn reload(&self) -> Result<Reloaded, Refused> {
        let _one_at_a_time = lock(&self.0.reloading);
        let old = Arc::clone(&self.0.current.borrow());
        let mut new = read(&self.0.sections, &self.0.sources, old.number + 1)?;
        let mut refused = Vec::new();
        for (name, values) in &new.sections {
            let Some(before) = old.sections.get(name) else { continue };
            refused.extend(before.can_change(values.as_ref()).into_iter().map(|NeedsRestart(key)| {
                let key = format!("{name}.{key}");
                let origin = new.origin(&key).to_string();
                Refusal { key, problem: "needs a restart; nothing was changed".to_owned(), origin }
            }));
        }
        if !refused.is_empty() {
            return Err(Refused { refused });
        }
        let mut changed = Vec::new();
        for (name, values) in &mut new.sections {
            let Some(before) = old.sections.get(name) else { continue };
            if before.is_same(values.as_ref()) {
                *values = Arc::clone(before); // so that nobody is woken for nothing
            } else {
                changed.extend(changes(name, before.as_ref(), values.as_ref()));
            }
        }
        let generation = new.number;
        self.0.current.send_replace(Arc::new(new));
        Ok(Reloaded { generation, changed })
    }

    /// The current value of every key, and where it came from.
    pub fn effective(&self) -> BTreeMap<String, (Value, Origin)> {
        let current = self.0.current.borrow();
        let values = current.sections.iter().flat_map(|(name, values)| flat(name, values.as_ref()));
        let with_origin = values.map(|(key, value)| {
            let origin = current.origin(&key);
            (key, (value, origin))
        });
        with_origin.collect()
    }
}

impl Generation {
    fn origin(&self, key: &str) -> Origin {
        self.origins.get(key).cloned().unwrap_or(Origin::Default)
    }
}

/// Reads and checks all sections.
pub(super) fn read(sections: &Sections, sources: &Sources, number: u64) -> Result<Generation, Refused> {
    let Layers { mut values, origins, mut refusals } = Layers::read(sections, sources);
    let mut generation = Generation { number, sections: BTreeMap::new(), origins };
    for kind in &sections.0 {
        let of_it = format!("{}.", kind.name);
        if refusals.iter().any(|refusal| refusal.key.starts_with(&of_it)) {
            continue; // it has keys that are unknown, which is said already
        }
        match (kind.parse)(values.remove(kind.name).unwrap_or_default()) {
            Ok(values) => {
                generation.sections.insert(kind.name, values);
            }
            Err(problems) => refusals.extend(problems.into_iter().map(|problem| {
                let key = format!("{of_it}{}", problem.key);
                let origin = generation.origin(&key).to_string();
                Refusal { key, problem: problem.text, origin }
            })),
        }
    }
    if refusals.is_empty() { Ok(generation) } else { Err(Refused { refused: refusals }) }
}

fn flat(name: &str, values: &dyn Values) -> Vec<(String, Value)> {
    match values.json() {
        Value::Object(fields) => fields.into_iter().map(|(key, value)| (format!("{name}.{key}"), value)).collect(),
        other => vec![(name.to_owned(), other)],
    }
}

/// The keys whose values differ; the section alone when they are secrets, of which nothing is shown.
fn changes(name: &str, old: &dyn Values, new: &dyn Values) -> Vec<String> {
    let before: BTreeMap<_, _> = flat(name, old).into_iter().collect();
    let differs = |(key, value): &(String, Value)| before.get(key) != Some(value);
    let changed: Vec<_> = flat(name, new).into_iter().filter(differs).map(|(key, _)| key).collect();
    if changed.is_empty() { vec![name.to_owned()] } else { changed }
}
