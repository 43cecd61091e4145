//! How many connections there are.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use common::events::UserId;

use super::settings::LiveSettings;

/// Counts the connections, all of them and those of each user.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    counts: Arc<Mutex<Numbers>>,
}

#[derive(Debug, Default)]
struct Numbers {
    all: u32,
    of_users: HashMap<UserId, u32>,
}

/// One connection, until it is dropped.
#[derive(Debug)]
pub(super) struct Counted {
    counts: Counts,
    user: Option<UserId>,
}

impl Counts {
    /// Counts a connection of a user, or of somebody who is not signed in; `None` if there are too many.
    pub(super) fn take(&self, user: Option<UserId>, settings: &LiveSettings) -> Option<Counted> {
        self.with(|numbers| {
            let of_user = user.and_then(|user| numbers.of_users.get(&user).copied()).unwrap_or_default();
            if numbers.all >= settings.max_connections || of_user >= settings.max_per_user {
                return None;
            }
            numbers.all += 1;
            if let Some(user) = user {
                numbers.of_users.insert(user, of_user + 1);
            }
            metrics::gauge!("live_connections").set(numbers.all);
            Some(Counted { counts: self.clone(), user })
        })
    }

    fn with<R>(&self, act: impl FnOnce(&mut Numbers) -> R) -> R {
        act(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.counts.with(|numbers| {
            numbers.all -= 1;
            metrics::gauge!("live_connections").set(numbers.all);
            let Some(user) = self.user else { return };
            if let Some(count) = numbers.of_users.get_mut(&user) {
                *count -= 1;
                if *count == 0 {
                    numbers.of_users.remove(&user);
                }
            }
        });
    }
}
