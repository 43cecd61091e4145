//! How many connections there are.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use common::events::UserId;

use super::settings::LiveSettings;

/// Counts the connections: all of them, those of each user, and those from each address.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    counts: Arc<Mutex<Numbers>>,
}

#[derive(Debug, Default)]
struct Numbers {
    all: u32,
    of_users: HashMap<UserId, u32>,
    from_addresses: HashMap<IpAddr, u32>,
}

/// One connection, until it is dropped.
#[derive(Debug)]
pub(super) struct Counted {
    counts: Counts,
    user: Option<UserId>,
    address: IpAddr,
}

impl Counts {
    /// Counts a connection from an address, of a user or of somebody who is not signed in; `None` if there are too many.
    pub(super) fn take(&self, user: Option<UserId>, address: IpAddr, settings: &LiveSettings) -> Option<Counted> {
        self.with(|numbers| {
            let of_user = user.map(|user| count(&numbers.of_users, &user)).unwrap_or_default();
            let from_address = count(&numbers.from_addresses, &address);
            if numbers.all >= settings.max_connections
                || of_user >= settings.max_per_user
                || from_address >= settings.max_per_address
            {
                return None;
            }
            numbers.all += 1;
            if let Some(user) = user {
                numbers.of_users.insert(user, of_user + 1);
            }
            numbers.from_addresses.insert(address, from_address + 1);
            metrics::gauge!("live_connections").set(numbers.all);
            Some(Counted { counts: self.clone(), user, address })
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
            if let Some(user) = self.user {
                one_less(&mut numbers.of_users, &user);
            }
            one_less(&mut numbers.from_addresses, &self.address);
        });
    }
}

fn count<K: Hash + Eq>(counts: &HashMap<K, u32>, of: &K) -> u32 {
    counts.get(of).copied().unwrap_or_default()
}

/// Who has no connection left is forgotten.
fn one_less<K: Hash + Eq>(counts: &mut HashMap<K, u32>, of: &K) {
    if let Some(count) = counts.get_mut(of) {
        *count -= 1;
        if *count == 0 {
            counts.remove(of);
        }
    }
}
