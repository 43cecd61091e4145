//! One listener for a queue group and a subject in each process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use events::Subject;

use crate::{Error, ErrorKind, Name};

type Taken = Arc<Mutex<HashMap<(Name, Subject), &'static str>>>;

/// The listeners of this process.
#[derive(Debug, Default)]
pub(crate) struct Claims(Taken);

/// The right of one listener to a group's events of a subject, until it is dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    taken: Taken,
    key: (Name, Subject),
}

impl Claims {
    /// Claims a group's events of a subject for the listener of type `second`; an error if another one has them.
    pub(crate) fn claim(&self, group: Name, subject: Subject, second: &'static str) -> Result<Claim, Error> {
        let key = (group.clone(), subject);
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(&first) = taken.get(&key) {
            return Err(ErrorKind::ListenedTwice { subject, group, first, second }.into());
        }
        taken.insert(key.clone(), second);
        Ok(Claim { taken: Arc::clone(&self.0), key })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}
