//! One listener for a group and a subject in each process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use events::Subject;

use crate::Name;

type Taken = Arc<Mutex<HashMap<(Name, Subject), &'static str>>>;

/// Two listeners of one group on one subject: each would see some of the events only.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{first} and {second} both listen to {subject} for the group {group}, so each would miss what the other gets: give \
     one of them a group of its own, or do the work of both in one"
)]
pub struct ListenedTwice {
    /// What they listen to.
    pub subject: Subject,
    /// Their queue group.
    pub group: Name,
    /// The type of the one that was there.
    pub first: &'static str,
    /// The type of the one that came.
    pub second: &'static str,
}

/// Which listeners this process has.
#[derive(Debug, Default)]
pub(crate) struct Claims(Taken);

/// A group's events of a subject are one listener's, until this is dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    taken: Taken,
    key: (Name, Subject),
}

impl Claims {
    pub(crate) fn claim(&self, group: Name, subject: Subject, second: &'static str) -> Result<Claim, ListenedTwice> {
        let key = (group.clone(), subject);
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(&first) = taken.get(&key) {
            return Err(ListenedTwice { subject, group, first, second });
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
