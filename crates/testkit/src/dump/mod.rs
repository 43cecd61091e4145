//! Dumps: what the programs of one commit wrote, read from real servers and restored into others.
//!
//! Each crate keeps the dump of its own data in `tests/data/<commit>`; `crates/ticketing/tests/older/README.md` says how
//! one is made.

mod collections;
mod streams;

use std::path::{Path, PathBuf};

pub use collections::{documents, dump_collections, restore_collections};
pub use streams::{StoredMessage, dump_messages, dump_streams, messages, pending_of, publish_again, restore_streams};

/// The commits of which there are dumps, the oldest first. Each wrote data of another form.
pub const COMMITS: [&str; 1] = ["00b39de"];

/// The crate that keeps the dumps of the streams: the one that tests the bus.
pub const BUS: &str = "bus";

/// The stream of the events, as its file in a dump is called.
pub const EVENTS: &str = "ticketing";

/// The stream of the dead letters, as its file in a dump is called.
pub const DEAD_LETTERS: &str = "ticketing-dead-letters";

/// The folder with the dump of one crate's data.
pub fn dump_of(owner: &str, commit: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name(owner).join("tests/data").join(commit)
}
