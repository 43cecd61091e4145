//! Clusters: simulated ones, and ones with real sockets.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]
#![expect(clippy::print_stdout, reason = "the simulation shows what it has found")]

mod elections;
mod lan;
mod mesh;
mod nodes;
mod rosters;
mod simulation;
