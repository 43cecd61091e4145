//! The ports of this machine: one rule for all that the application takes.

use std::fmt::Display;
use std::net::{Ipv4Addr, TcpListener};

/// A port that something usually has. It takes any free one when that is wanted, or when the usual one is busy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Port {
    usual: u16,
    any: bool,
    busy: bool,
}

impl Port {
    /// Chooses between the usual port and any.
    pub(crate) fn choose(usual: u16, any: bool) -> Self {
        let busy = !any && TcpListener::bind((Ipv4Addr::LOCALHOST, usual)).is_err();
        Self { usual, any, busy }
    }

    /// The port to listen on; 0 means any free one.
    pub(crate) fn number(self) -> u16 {
        if self.any || self.busy { 0 } else { self.usual }
    }

    /// Warns of what follows from it that the usual port is busy, if it is.
    pub(crate) fn warn(self, consequence: impl Display) {
        if self.busy {
            tracing::warn!("port {} is busy: {consequence}", self.usual);
        }
    }
}
