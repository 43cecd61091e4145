//! Reading the settings again, as a transaction.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::generation::Generation;
use super::load::Settings;
use super::refused::{Refusal, Refused};
use crate::lock::lock;

/// What a reload has changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    /// The generation that is current now.
    pub generation: u64,
    /// The keys whose values differ from those before: `numbers.rate_per_minute`.
    pub changed: Vec<String>,
    /// The warnings that the settings before did not have.
    #[serde(default)]
    pub warnings: Vec<String>,
}

impl Settings {
    /// Reads all sources again and changes all sections together, or none.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the new settings, and every changed key that needs a restart.
    pub fn reload(&self) -> Result<Reloaded, Refused> {
        let _one_at_a_time = lock(&self.0.reloading);
        let old = Arc::clone(&self.0.current.borrow());
        let mut new = Generation::read(&self.0.sections, &self.0.sources, old.number + 1)?;
        let (mut changed, mut refused) = (Vec::new(), Vec::new());
        for kind in &self.0.sections.kinds {
            let (Some(before), Some(after)) = (old.tables.get(kind.name), new.tables.get(kind.name)) else { continue };
            let keys = kind.changed(before, after);
            if let Some(values) = old.sections.get(kind.name).filter(|_| keys.is_empty()) {
                new.sections.insert(kind.name, Arc::clone(values)); // so that no reader is woken without a change
            }
            for key in keys {
                let dotted = format!("{}.{key}", kind.name);
                if kind.live.contains(&key) {
                    changed.push(dotted);
                } else {
                    let origin = new.origin(&dotted).to_string();
                    refused.push(Refusal {
                        key: dotted,
                        problem: "needs a restart; nothing was changed".to_owned(),
                        origin,
                    });
                }
            }
        }
        if !refused.is_empty() {
            return Err(Refused { refused });
        }
        changed.sort_unstable();
        let warnings = new.warnings.iter().filter(|warning| !old.warnings.contains(warning)).cloned().collect();
        let generation = new.number;
        self.0.current.send_replace(Arc::new(new));
        Ok(Reloaded { generation, changed, warnings })
    }
}
