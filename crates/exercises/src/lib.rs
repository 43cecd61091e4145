//! Known bugs, and copies of the sources to find and fix them in.
//!
//! Each [`Bug`] is a patch in `crates/faults/seeded-bugs`. The fault suite must find it, and most are an [`Exercise`] too:
//! somebody who learns gets a copy of the sources with the bug, and a test that fails until it is fixed. A [`Workbench`]
//! builds copies, one after the other in one place, so that each time cargo compiles only what differs.

mod bug;
mod cargo;
mod checked;
mod checkout;
mod copy;
mod folder;
mod header;
mod selection;
mod workbench;

pub use bug::{Bug, Exercise, Test};
pub use cargo::cargo;
pub use checked::Checked;
pub use checkout::checkout;
pub use folder::{Folder, State};
pub use selection::{Selection, UnknownBug};
pub use workbench::Workbench;
