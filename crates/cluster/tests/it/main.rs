//! Clusters, decided by the same nodes as real ones, without a network.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod elections;
mod lan;
mod nodes;
mod rosters;
