//! The components of the suite that can fail unnoticed in a run.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod proxy;
mod services;
mod usage;
