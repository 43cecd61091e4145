//! The subscriptions of this process, for its entry in the registry.

use std::collections::HashMap;

use time::OffsetDateTime;

use super::{Listening, Waiting};
use crate::Bus;

/// A subscription that is in this client's entry until it is dropped.
#[derive(Debug)]
pub(crate) struct Listed {
    bus: Bus,
    inbox: String,
}

impl Listed {
    pub(crate) fn new(bus: &Bus, listening: Listening) -> Self {
        let listed = Self { bus: bus.clone(), inbox: listening.inbox.clone() };
        bus.listening().send_modify(|all| all.push(listening));
        listed
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.bus.listening().send_modify(|all| all.retain(|listening| listening.inbox != self.inbox));
    }
}

impl Bus {
    /// Reports in this client's entry how many events of each group and subject wait, and since when the oldest does: all
    /// that do.
    pub fn report_waiting(&self, counts: impl IntoIterator<Item = (String, String, u64, OffsetDateTime)>) {
        let counts: HashMap<_, _> = counts
            .into_iter()
            .map(|(group, subject, count, oldest)| ((Some(group), Some(subject)), Waiting { count, oldest }))
            .collect();
        self.listening().send_if_modified(|all| {
            let mut is_modified = false;
            for listening in all {
                let key = (listening.queue_group.clone(), listening.subject.clone());
                let waiting = counts.get(&key).cloned();
                is_modified |= listening.waiting != waiting;
                listening.waiting = waiting;
            }
            is_modified
        });
    }
}
