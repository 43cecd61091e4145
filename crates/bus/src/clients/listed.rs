//! The subscriptions of this process, for its entry in the registry.

use super::Listening;
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
