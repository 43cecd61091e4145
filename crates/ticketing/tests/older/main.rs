//! Data and programs of older versions: what they wrote opens with today's programs, and both run side by side.
//!
//! README.md says how to make a dump of what another commit writes.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]
#![expect(clippy::print_stdout, reason = "a test that fails shows what the programs have logged")]

mod build;
mod make;
mod program;
mod restored;
mod rolling;
mod world;
